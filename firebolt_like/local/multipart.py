"""Requests with files: `multipart/form-data`, a part `sql` and any number of files.

What may live here: the reading of such a body. Source: RFC 7578.
"""

import re
from email.message import Message
from email.parser import BytesParser
from typing import Final, NamedTuple

from firebolt_like.local.refusal import Refusal, invalid

__all__ = ["Form", "read_form"]

_NAME: Final = re.compile(r"[_0-9a-zA-Z.-]+")


class Form(NamedTuple):
    """The statement, and the files by the names of their parts."""

    sql: bytes
    files: dict[str, bytes]


def read_form(body: bytes, content_type: str) -> Form:
    r"""Read a body.

    Raises `Refusal` for one that is no form, has not exactly one part `sql`, or names files twice.

    >>> body = b'--x\r\nContent-Disposition: form-data; name="sql"\r\n\r\nSELECT 1\r\n--x--\r\n'
    >>> read_form(body, "multipart/form-data; boundary=x")
    Form(sql=b'SELECT 1', files={})
    """
    sql: list[bytes] = []
    files: dict[str, bytes] = {}
    for part in _parts(body, _boundary(content_type)):
        head, _, content = part.partition(b"\r\n\r\n")
        name = _parameter(BytesParser().parsebytes(head + b"\r\n\r\n"), "name")
        if name == "sql":
            sql.append(content)
        elif not _NAME.fullmatch(name) or name in (".", ".."):
            raise invalid(
                f"The upload {name[:100]!r} has a name that no statement can say.",
                resolution="Letters, digits, '_', '.' and '-' make a name.",
            )
        elif name in files:
            raise invalid(f"Two uploads have the name {name[:100]!r}.")
        else:
            files[name] = content
    if len(sql) != 1:
        raise invalid(f"An upload wants one part named sql, not {len(sql)}.")
    return Form(sql[0], files)


def _boundary(content_type: str) -> bytes:
    header = Message()
    header["Content-Type"] = content_type
    boundary = header.get_boundary()
    if header.get_content_type() != "multipart/form-data" or not boundary or len(boundary) > 200:
        raise Refusal.text(415, "An upload is multipart/form-data with a boundary.")
    return boundary.encode(errors="replace")


def _parts(body: bytes, boundary: bytes) -> list[bytes]:
    _, *parts = (b"\r\n" + body).split(b"\r\n--" + boundary)
    if not parts or not parts[-1].startswith(b"--"):
        raise invalid("The upload ends without its closing boundary.")
    found = []
    for part in parts[:-1]:
        blanks, line_end, rest = part.partition(b"\r\n")
        if not line_end or blanks.strip(b" \t"):
            raise invalid("The upload has a boundary that is followed by other text.")
        # a part without headers begins with the empty line that ends them
        found.append(b"\r\n" + rest if rest.startswith(b"\r\n") else rest)
    return found


def _parameter(headers: Message, name: str) -> str:
    found = headers.get_param(name, "", "Content-Disposition")
    return found if isinstance(found, str) else ""
