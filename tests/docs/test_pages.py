"""What the pages say of the code is what the code says."""

import inspect

import pytest

from firebolt_like import db
from firebolt_like.client import auth
from tests.docs.generated import MARKED, PARTS, PROJECT, generate

PAGES = {path.name: path.read_text(encoding="utf-8") for path in (PROJECT / "docs").glob("*.md")}


@pytest.mark.parametrize("name", sorted(PAGES))
def test_generated_parts_are_up_to_date(name):
    """Tables and drawings are what the code gives now; `python -m tests.docs.generated` mends."""
    assert PAGES[name] == generate(PAGES[name])


def test_every_part_is_on_a_page():
    """Nothing is generated for no page."""
    used = {found[2] for page in PAGES.values() for found in MARKED.finditer(page)}
    assert used == set(PARTS)


def test_every_keyword_of_connect_is_explained():
    """The page on connecting names each keyword of `connect`."""
    names = [name for name in inspect.signature(db.connect).parameters if name != "client"]
    assert [name for name in names if f"`{name}`" not in PAGES["connecting.md"]] == []


def test_every_auth_class_is_explained():
    """The page on authentication names each public class of `firebolt_like.client.auth`."""
    names = [name for name in auth.__all__ if f"`{name}" not in PAGES["authentication.md"]]
    assert names == []


@pytest.mark.parametrize("face", [db.Connection, db.Cursor], ids=lambda face: face.__name__)
def test_every_method_of_a_cursor_is_explained(face):
    """The page on cursors names each public attribute of connections and cursors but the errors."""
    page = PAGES["cursors-and-types.md"]
    public = [name for name in dir(face) if not name.startswith("_") and name.islower()]
    assert [name for name in public if f"`{name}" not in page and f".{name}" not in page] == []
