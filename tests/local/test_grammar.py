"""The reader of statements about resources, and the schema `public`, for texts of any kind."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebolt_like.local.grammar import Reader
from firebolt_like.local.public_schema import with_main_schema
from firebolt_like.local.refusal import Refusal
from firebolt_like.protocol.sql import Statement, quote_name, quote_string

_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
_GAP = st.sampled_from([" ", "\n", " /* x */ ", " -- y\n", "\t"])


@given(_TEXT.filter(bool), st.lists(_TEXT), _GAP, st.sampled_from([" = ", "=", " "]))
def test_what_is_quoted_is_read_back(name: str, values: list[str], gap: str, equals: str) -> None:
    """Names and values of any text, with blanks and comments of any kind between."""
    options = gap.join(
        f"O{number}{equals}{quote_string(value)}," for number, value in enumerate(values)
    )
    read = Reader(gap.join(["ALTER", "ENGINE", quote_name(name), "SET", options]))
    assert read.take("ALTER", "ENGINE")
    assert read.name() == (name, True)
    read.need("SET")
    assert read.options() == [(f"O{number}", value) for number, value in enumerate(values)]
    read.end()


@given(_TEXT)
def test_any_text_is_read_or_refused(text: str) -> None:
    """Nothing but a syntax error comes out of it."""
    read = Reader(text)
    outcome = "syntax error: none"
    try:
        read.take("CREATE", "ENGINE")
        read.name()
        read.take("WITH")
        read.options()
        read.end()
    except Refusal as refusal:
        outcome = str(refusal)
    assert outcome.startswith("syntax error: ")


@pytest.mark.parametrize(
    ("text", "value"), [(r"E'a\'b\n'", "a'b\n"), ("$$it's$$", "it's"), ("$x$a$$b$x$", "a$$b")]
)
def test_every_kind_of_string_is_read(text: str, value: str) -> None:
    """Those with escapes, and those between dollars."""
    assert Reader(text).string() == value


@given(_TEXT, st.sampled_from(["public", "PUBLIC", '"public"']))
def test_only_the_schema_is_renamed(text: str, public: str) -> None:
    """Strings and comments stay, and so does the length, which places in errors count on."""
    sql = f"SELECT {quote_string(text)}, 'public.t' /* public.t */ FROM {public}.t, notpublic.t"
    renamed = with_main_schema(Statement(sql, 0)).text
    assert len(renamed) == len(sql)
    assert renamed == sql.replace(f"FROM {public}", f"FROM {'main'.rjust(len(public))}")
