"""A statement and a file in one request: `multipart/form-data`.

What may live here: the bytes around the file. Source: RFC 7578. The embedded engine reads them in
`local/multipart.py`.
"""

__all__ = ["content_type", "form_ends"]


def content_type(boundary: str) -> str:
    """Give the header's value.

    >>> content_type("b")
    'multipart/form-data; boundary=b'
    """
    return f"multipart/form-data; boundary={boundary}"


def form_ends(sql: bytes, file: str, boundary: str) -> tuple[bytes, bytes]:
    r"""Give what goes before and behind the bytes of a file.

    `file` is the name by which the statement reads it, `upload://{file}`: letters, digits, `_`, `.`
    and `-`. `boundary` is a text of letters and digits that neither the statement nor the file
    holds; a random one of 32 will do.

    >>> form_ends(b"SELECT 1", "data", "b")[1]
    b'\r\n--b--\r\n'
    """
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="sql"\r\n'
        "Content-Type: text/plain; charset=utf-8\r\n\r\n"
    )
    middle = (
        f'\r\n--{boundary}\r\nContent-Disposition: form-data; name="{file}"; filename="{file}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    return head.encode() + sql + middle.encode(), f"\r\n--{boundary}--\r\n".encode()
