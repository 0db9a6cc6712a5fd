"""SQL text: one linear lexer, what is read from its tokens, and quoting that it reads back.

What may live here: functions from SQL text to facts about it, and quoting. No values beyond text
(`protocol/parameters.py` has those), no I/O, no parser: the server knows the grammar, this module
knows where strings, names, comments and placeholders begin and end.
"""

__all__ = [
    "Kind",
    "Statement",
    "Token",
    "checked_text",
    "first_words",
    "is_read_only",
    "parse_set",
    "quote_name",
    "quote_string",
    "split",
    "tokens",
]

import re
from collections.abc import Callable, Iterator
from enum import Enum, auto
from typing import NamedTuple

from firebolt_like.errors import DataError, InterfaceError


class Kind(Enum):
    """What a token is."""

    TEXT = auto()  # words, numbers, operators, blanks
    STRING = auto()  # 'a', E'a', $$a$$
    NAME = auto()  # "a"
    COMMENT = auto()  # -- to the end of the line, /* nested */
    QMARK = auto()  # ?
    NUMBERED = auto()  # $1
    SEMICOLON = auto()


class Token(NamedTuple):
    """A piece of SQL: `sql[start:end]`, offsets in characters."""

    kind: Kind
    start: int
    end: int


class Statement(NamedTuple):
    """One statement of a text, and its offset in characters from the start of that text."""

    text: str
    start: int


# As in PostgreSQL a word may hold any character beyond ASCII, and `$` after its first; Unicode
# blanks are the exception, because engines read them as blanks.
_WORD_START = r"[^\x00-@\[-^`{-\x7f\s]"
_TAG = _WORD_START + r"[^\x00-/:-@\[-^`{-\x7f\s]*+"
_WORD = _WORD_START + r"[^\x00-#%-/:-@\[-^`{-\x7f\s]*+"


def _lexer(plain_string: str) -> re.Pattern[str]:
    """Compile the lexer; every repetition is possessive, so that nothing is read twice.

    The bound on TEXT only keeps `first_words` from reading a long text to its end.
    """
    return re.compile(
        rf"""
        (?P<TEXT> (?: (?![eE]'){_WORD}
                    | [\x00-!\#%-&(-,.:<->@\[-^`{{-\x7f0-9\s]++
                    | -(?!-) | /(?!\*) | \$(?![0-9]|(?:{_TAG})?\$) ){{1,256}}+ )
      | (?P<STRING> [eE]'(?:[^'\\]++|''|\\.?+)*+'?+ | {plain_string} )
      | (?P<NAME> "(?:[^"]++|"")*+"?+ )
      | (?P<COMMENT> --[^\r\n]*+ )
      | (?P<QMARK> \? )
      | (?P<NUMBERED> \$[0-9]++ )
      | (?P<SEMICOLON> ; )
      | (?P<DOLLAR> \$(?:{_TAG})?\$ )
      | (?P<BLOCK> /\* )
        """,
        re.VERBOSE | re.DOTALL,
    )


_STANDARD = _lexer(r"'(?:[^']++|'')*+'?+")
_BACKSLASH = _lexer(r"'(?:[^'\\]++|''|\\.?+)*+'?+")
_COMMENT_MARK = re.compile(r"/\*|\*/")


def _block_end(sql: str, opening: re.Match[str]) -> int:
    depth = 0
    for mark in _COMMENT_MARK.finditer(sql, opening.start()):
        depth += 1 if mark[0] == "/*" else -1
        if not depth:
            return mark.end()
    return len(sql)


def _dollar_end(sql: str, opening: re.Match[str]) -> int:
    tag = opening[0]
    found = sql.find(tag, opening.end())
    return len(sql) if found < 0 else found + len(tag)


_Ending = Callable[[str, re.Match[str]], int]
# One entry for each group of the lexer: number 0 is none, the next ones are in the order of Kind.
_GROUPS: tuple[tuple[Kind, _Ending | None], ...] = (
    (Kind.TEXT, None),
    *((kind, None) for kind in Kind),
    (Kind.STRING, _dollar_end),
    (Kind.COMMENT, _block_end),
)


def _scan(sql: str, *, backslash_escapes: bool) -> Iterator[tuple[Kind, int, int]]:
    """Yield the tokens as plain tuples, which cost less than `Token`."""
    lexer = _BACKSLASH if backslash_escapes else _STANDARD
    position = 0
    while position < len(sql):
        for found in lexer.finditer(sql, position):
            kind, ending = _GROUPS[found.lastindex or 0]
            end = found.end() if ending is None else ending(sql, found)
            yield kind, position, end
            position = end
            if ending is not None:
                break  # the lexer saw only the opening: let it start anew behind the end


def tokens(sql: str, *, backslash_escapes: bool = False) -> Iterator[Token]:
    r"""Cut SQL into tokens that cover the text without gap or overlap.

    `backslash_escapes` says that the engine reads a backslash in a plain '...' string as an escape
    (V1 engines); in E'...' it always is one. A string or comment without an end goes on to the end
    of the text: the server will complain in its own words. Two TEXT tokens may follow each other.
    The time is linear in the length of the text. Source: PostgreSQL manual, "Lexical Structure".

    >>> [(token.kind.name, token.start, token.end) for token in tokens("a = ?")]
    [('TEXT', 0, 4), ('QMARK', 4, 5)]
    """
    return map(Token._make, _scan(sql, backslash_escapes=backslash_escapes))


def split(sql: str, *, backslash_escapes: bool = False) -> list[Statement]:
    """Cut a text into its statements, without the `;` between them.

    A statement is a verbatim part of the text, without the blanks around it. Comments before it
    stay with it; a piece that holds only blanks and comments is dropped. InterfaceError for what is
    no text.

    >>> split("SELECT 1; SELECT ';' -- two")
    [Statement(text='SELECT 1', start=0), Statement(text="SELECT ';' -- two", start=10)]
    """
    if not isinstance(sql, str):
        raise InterfaceError(f"A statement is a text, not an object of type {type(sql).__name__}.")
    if _is_one(sql):
        text = sql.lstrip()
        return [Statement(text, len(sql) - len(text))]
    statements: list[Statement] = []
    start, empty, last = 0, True, Kind.TEXT
    for kind, begin, end in _scan(sql, backslash_escapes=backslash_escapes):
        if kind is Kind.SEMICOLON:
            if not empty:
                statements.append(_statement(sql, start, begin, last))
            start, empty = end, True
        elif empty:
            empty = kind is Kind.COMMENT or (kind is Kind.TEXT and sql[begin:end].isspace())
        last = kind
    if not empty:
        statements.append(_statement(sql, start, len(sql), last))
    return statements


def _is_one(sql: str) -> bool:
    """Tell at a glance that a text is one statement to its last character; False is no answer."""
    ends_well = sql != "" and not sql[-1].isspace()
    return ends_well and ";" not in sql and "--" not in sql and "/*" not in sql


def _statement(sql: str, start: int, end: int, last: Kind) -> Statement:
    text = sql[start:end].lstrip()
    start = end - len(text)
    # The blanks at the end of an open string, which is always the last token, are its own.
    return Statement(text.rstrip() if last is Kind.TEXT else text, start)


_LEXEME = re.compile(rf"{_WORD}|\S")
_IS_WORD = re.compile(_WORD_START).match
_FIRST_WORD = re.compile(rf"[\s(]*+(?![eE]')({_WORD})")


def _lexemes(sql: str, *, backslash_escapes: bool = False) -> Iterator[str]:
    """Yield words in upper case, other characters one by one, and "" for each literal or name."""
    for kind, start, end in _scan(sql, backslash_escapes=backslash_escapes):
        if kind is Kind.TEXT:
            for found in _LEXEME.finditer(sql, start, end):
                yield found[0].upper()
        elif kind is not Kind.COMMENT:
            yield ""


def first_words(sql: str, n: int = 2) -> tuple[str, ...]:
    r"""Return the words a statement begins with, at most `n`, in upper case.

    Comments, blanks and opening parentheses before the first word are passed over.

    >>> first_words("-- begin\n use database d")
    ('USE', 'DATABASE')
    """
    if n == 1 and (found := _FIRST_WORD.match(sql)):
        return (found[1].upper(),)
    words: list[str] = []
    for lexeme in _lexemes(sql):
        if lexeme == "(" and not words:
            continue
        if not _IS_WORD(lexeme):
            break
        words.append(lexeme)
        if len(words) == n:
            break
    return tuple(words)


_SHOWS = {"SHOW", "DESCRIBE"}
_READS = {"SELECT", "VALUES", "TABLE"}
_PREFIXES = {"WITH", "EXPLAIN"}
_BEGINNINGS = _SHOWS | _READS | _PREFIXES
_WRITES = {
    *("INSERT", "INTO", "UPDATE", "DELETE", "MERGE", "COPY", "TRUNCATE", "CREATE", "ALTER", "DROP"),
    *("CALL", "GRANT", "REVOKE", "VACUUM", "REFRESH"),
}
_MAY_WRITE = re.compile("|".join(sorted(_WRITES)), re.IGNORECASE)


def is_read_only(sql: str, *, backslash_escapes: bool = False) -> bool:
    """Tell whether a statement certainly only reads, so that running it twice does no harm.

    False for several statements, for anything not understood, and for a SELECT that holds a word
    which writes (`SELECT ... INTO`, a WITH around an INSERT, EXPLAIN ANALYZE of a DELETE).
    A function with effects of its own cannot be seen from the text.

    >>> is_read_only("WITH a AS (SELECT 1) SELECT * FROM a")
    True
    >>> is_read_only("WITH a AS (SELECT 1) INSERT INTO t SELECT * FROM a")
    False
    """
    verb = "".join(first_words(sql, 1))
    if verb not in _BEGINNINGS:
        return False  # a long INSERT is not read to its end
    if len(split(sql, backslash_escapes=backslash_escapes)) != 1:
        return False
    if verb in _SHOWS or (verb in _READS and sql.isascii() and not _MAY_WRITE.search(sql)):
        return True
    outer = _outer_words(sql, backslash_escapes=backslash_escapes)
    if outer is None:
        return False
    return verb in _READS or (verb in _PREFIXES and not _READS.isdisjoint(outer))


def _outer_words(sql: str, *, backslash_escapes: bool) -> set[str] | None:
    """Return the words outside of parentheses, or None when any word, anywhere, writes."""
    outer: set[str] = set()
    depth = 0
    for lexeme in _lexemes(sql, backslash_escapes=backslash_escapes):
        depth += (lexeme == "(") - (lexeme == ")")
        if lexeme in _WRITES:
            return None
        if not depth:
            outer.add(lexeme)
    return outer


_SET = re.compile(r"SET\s+([\w.]+)\s*=\s*(.+)", re.IGNORECASE | re.DOTALL)
_QUOTED = re.compile(r"'((?:[^']++|'')*+)'")


def parse_set(statement: str) -> tuple[str, str] | None:
    """Read `SET name = value` as (name, value), or return None for any other statement.

    A value in single quotes loses them, and its doubled quotes become single; a backslash is never
    an escape in it. A SET of another form raises InterfaceError.

    >>> parse_set("SET time_zone = 'UTC'")
    ('time_zone', 'UTC')
    """
    if first_words(statement, 1) != ("SET",):
        return None
    pieces = split(statement)
    found = _SET.fullmatch(_without_comments(pieces[0].text)) if len(pieces) == 1 else None
    if found is None:
        raise _malformed_set(statement)
    name, value = found.groups()
    if not value.startswith("'"):
        return name, value
    quoted = _QUOTED.fullmatch(value)
    if quoted is None:
        raise _malformed_set(statement)
    return name, quoted[1].replace("''", "'")


def _without_comments(sql: str) -> str:
    pieces = (
        " " if kind is Kind.COMMENT else sql[a:b]
        for kind, a, b in _scan(sql, backslash_escapes=False)
    )
    return "".join(pieces).strip()


def _malformed_set(statement: str) -> InterfaceError:
    # The statement is not quoted back: settings may hold secrets.
    return InterfaceError(
        f"This SET statement ({len(statement)} characters) is not of the form SET name = value.",
        hint="Write one setting a statement, its value bare or in single quotes: SET a = 'b'.",
    )


def checked_text(text: str) -> str:
    r"""Return the text when an engine can hold it, else raise DataError.

    NUL and lone surrogates have no place in an engine's text (some store NUL as the two characters
    `\0`): they are refused, since data is never changed silently.

    >>> checked_text("it's")
    "it's"
    """
    if problem := _unstorable(text):
        raise DataError(
            f"Text with {problem} cannot be stored by the engine.",
            hint="Pass bytes, and store them in a BYTEA column.",
        )
    return text


def quote_string(text: str, *, backslash_escapes: bool = False) -> str:
    """Write text as a string literal that the engine reads back as the same text.

    `backslash_escapes` as in `tokens`. DataError for text that `checked_text` refuses.

    >>> quote_string("it's")
    "'it''s'"
    """
    quoted = checked_text(text).replace("'", "''")
    if backslash_escapes:
        quoted = quoted.replace("\\", "\\\\")
    return f"'{quoted}'"


def quote_name(name: str) -> str:
    """Write a table's or column's name so that case and special characters are kept.

    InterfaceError for an empty name or one with NUL: a name is written by the program, and is not
    data that might happen to look so.

    >>> print(quote_name('the "b" side'))
    "the ""b"" side"
    """
    if problem := _unstorable(name) if name else "no characters":
        raise InterfaceError(f"A name with {problem} cannot be written in SQL.")
    return '"' + name.replace('"', '""') + '"'


def _unstorable(text: str) -> str | None:
    if "\0" in text:
        return "a NUL character"
    if text.isascii():
        return None
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return f"half a surrogate pair (U+{ord(text[error.start]):04X})"
    return None
