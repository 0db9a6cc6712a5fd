"""The README's two commands: `python tests/docs/start.py` prints them, one a line.

What may live here: reading them from the README, with the standard library alone, because `.ci/run`
asks before anything is installed.
"""

import re
import sys
from pathlib import Path

_LINES = re.DOTALL | re.MULTILINE
README = Path(__file__).parents[2] / "README.md"


def start_commands(readme: str) -> list[str]:
    """Give the commands of the section Start: exactly two `sh` blocks of one line each."""
    section = re.search(r"^## Start\n(.*?)(?=^## |\Z)", readme, _LINES)
    found = re.findall(r"^```([^\n]*)\n(.*?)^```", section[1] if section else "", _LINES)
    commands = [body.strip() for language, body in found if language == "sh"]
    if len(commands) != 2 or len(found) != 2 or any("\n" in command for command in commands):
        raise ValueError("The README's section Start must hold exactly two sh blocks of one line.")
    return commands


if __name__ == "__main__":
    try:
        print(*start_commands(README.read_text(encoding="utf-8")), sep="\n")
    except ValueError as error:
        sys.exit(str(error))
