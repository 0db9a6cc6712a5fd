"""The README: its two commands, and its links."""

import re
import shlex
from pathlib import Path

import pytest

from tests.docs.start import README, start_commands

PROJECT = README.parent
PAGES = [README, *sorted((PROJECT / "docs").glob("*.md"))]


def test_the_readme_starts_with_two_commands():
    """One command installs and runs the quickstart, the other installs and runs the tests."""
    quickstart, tests = start_commands(README.read_text(encoding="utf-8"))
    assert "docs/quickstart.py" in shlex.split(quickstart)
    assert "pytest" in shlex.split(tests)


@pytest.mark.parametrize(
    "blocks",
    ["", "```sh\na\n```\n", "```sh\na\n```\n" * 3, "```sh\na\nb\n```\n```sh\nc\n```\n"],
    ids=["none", "one", "three", "two lines"],
)
def test_any_other_number_of_commands_is_an_error(blocks):
    """A newcomer is asked for two lines, neither fewer nor more."""
    with pytest.raises(ValueError, match="exactly two sh blocks"):
        start_commands(f"# Name\n\n## Start\n\n{blocks}\n## Next\n\n```sh\nelse\n```\n")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files_of_the_project(page):
    """A link between pages leads to a page that exists, and to a heading that it has."""
    for target in re.findall(r"\]\((?!https?://)([^)]+)\)", page.read_text(encoding="utf-8")):
        file, _, heading = target.partition("#")
        linked = page.parent / file if file else page
        assert linked.is_file(), target
        assert not heading or heading in headings(linked), target


def headings(page: Path) -> list[str]:
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles]


def test_every_page_is_listed_in_the_readme():
    """Whoever reads the README finds all pages."""
    text = README.read_text(encoding="utf-8")
    assert [page.name for page in PAGES[1:] if f"(docs/{page.name})" not in text] == []
