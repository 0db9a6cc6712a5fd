"""A reader for the statements about resources: words, names, strings and options.

What may live here: the reader. What a statement does is not known here.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, NoReturn

from firebolt_like.local.refusal import Refusal
from firebolt_like.protocol.sql import Kind, tokens

__all__ = ["Reader"]


class _Token(NamedTuple):
    kind: str  # word, name, string or mark
    text: str


_PART = re.compile(r"\s*([\w$.+-]+|\S)")


class Reader:
    """Takes a statement apart from left to right; what does not fit is a `Refusal`.

    `parameters` are the values of `$1` and so on, which stand for strings.

    >>> read = Reader('CREATE ENGINE "e" WITH TYPE = S, NODES=2')
    >>> read.take("CREATE", "ENGINE"), read.name(), read.take("WITH"), read.options()
    (True, ('e', True), True, [('TYPE', 'S'), ('NODES', '2')])
    """

    def __init__(self, sql: str, parameters: Mapping[str, Any] = MappingProxyType({})) -> None:
        self._tokens = _lex(sql, parameters)
        self._at = 0

    def take(self, *words: str) -> bool:
        """Go past these words if they come next; say whether they did."""
        found = self._tokens[self._at : self._at + len(words)]
        if [(one.kind, one.text.upper()) for one in found] != [("word", word) for word in words]:
            return False
        self._at += len(words)
        return True

    def need(self, *words: str) -> None:
        """Go past these words, which must come next."""
        if not self.take(*words):
            self._fail(" ".join(words))

    def name(self) -> tuple[str, bool]:
        """Take a name, and say whether it was quoted."""
        token = self._next("a name")
        if token.kind not in ("word", "name"):
            self._fail("a name", back=1)
        return token.text, token.kind == "name"

    def string(self) -> str:
        """Take a string."""
        token = self._next("a string")
        if token.kind != "string":
            self._fail("a string", back=1)
        return token.text

    def mark(self, text: str) -> bool:
        """Go past a mark if it comes next."""
        found = self._at < len(self._tokens) and self._tokens[self._at] == _Token("mark", text)
        self._at += found
        return found

    def options(self) -> list[tuple[str, str]]:
        """Take `NAME [=] value` to the end, with blanks or commas between."""
        found = []
        while self._at < len(self._tokens):
            word = self._next("an option")
            if word.kind != "word":
                self._fail("an option", back=1)
            self.mark("=")
            value = self._next(f"a value of {word.text}")
            if value.kind == "mark":
                self._fail(f"a value of {word.text}", back=1)
            found.append((word.text.upper(), value.text))
            self.mark(",")
        return found

    def end(self) -> None:
        """Refuse what is left over."""
        if self._at < len(self._tokens):
            self._fail("the end")

    def _next(self, what: str) -> _Token:
        if self._at >= len(self._tokens):
            self._fail(what)
        self._at += 1
        return self._tokens[self._at - 1]

    def _fail(self, wanted: str, back: int = 0) -> NoReturn:
        left = self._tokens[self._at - back :]
        found = f"'{left[0].text[:100]}'" if left else "the end"
        raise Refusal.of("SyntaxError", f"syntax error: {wanted} was expected, not {found}")


def _lex(sql: str, parameters: Mapping[str, Any]) -> list[_Token]:
    found: list[_Token] = []
    for kind, start, end in tokens(sql):
        text = sql[start:end]
        if kind is Kind.NAME:
            found.append(_Token("name", text[1:-1].replace('""', '"')))
        elif kind is Kind.STRING:
            found.append(_Token("string", _unquoted(text)))
        elif kind is Kind.TEXT:
            found += [
                _Token("word" if re.match(r"[\w$.+-]", part) else "mark", part)
                for part in _PART.findall(text)
            ]
        elif kind is Kind.NUMBERED and text in parameters:
            found.append(_Token("string", str(parameters[text])))
        elif kind is not Kind.COMMENT:
            found.append(_Token("mark", text))
    return found


_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


def _unquoted(text: str) -> str:
    if text[0] in "eE":
        inner = text[2:-1].replace("''", "'")
        return _ESCAPE.sub(lambda found: _ESCAPES.get(found[1], found[1]), inner)
    if text[0] == "$":
        mark = text[: text.index("$", 1) + 1]
        return text[len(mark) : -len(mark)]
    return text[1:-1].replace("''", "'")
