"""A form that is written is read back."""

from hypothesis import given
from hypothesis import strategies as st

from firebolt_like.local.multipart import read_form
from firebolt_like.protocol.multipart import content_type, form_ends

BOUNDARY = "c0ffee"
CONTENT = st.binary(max_size=200).filter(lambda body: BOUNDARY.encode() not in body)


@given(CONTENT, CONTENT, st.from_regex(r"[_0-9a-zA-Z-]{1,9}", fullmatch=True))
def test_forms_come_back(sql, file, name):
    """The statement and the file, byte by byte, whatever line ends they hold."""
    if name == "sql":
        name = "file"
    head, tail = form_ends(sql, name, BOUNDARY)
    form = read_form(head + file + tail, content_type(BOUNDARY))
    assert (form.sql, form.files) == (sql, {name: file})
