"""Statements about the session, which never reach DuckDB as they are: SET, USE, BEGIN and others.

What may live here: the table of commands, and what each answers: session headers, no rows.
"""

import re
from collections.abc import Callable
from typing import Final
from urllib.parse import quote

import duckdb

from firebolt_like.errors import InterfaceError
from firebolt_like.local.catalog_views import show
from firebolt_like.local.engine import ACCOUNT_DB, Engine
from firebolt_like.local.options import Options, read_setting
from firebolt_like.local.refusal import Refusal, invalid
from firebolt_like.local.resource_sql import ResourceStatements, pick
from firebolt_like.local.resources import SYSTEM_ENGINE, Resources
from firebolt_like.local.running import RunningList
from firebolt_like.local.transactions import Transactions, refused
from firebolt_like.local.translate import read_parameters
from firebolt_like.protocol.sql import Kind, Statement, first_words, is_read_only, parse_set, tokens

__all__ = ["Commands", "Headers"]

Headers = list[tuple[str, str]]
_UPDATE = "Firebolt-Update-Parameters"
_REMOVE = "Firebolt-Remove-Parameters"
_FORGET_TRANSACTION: Final = [(_REMOVE, "transaction_id"), (_REMOVE, "transaction_sequence_id")]


class Commands:
    """Runs them; every method blocks and is called from worker threads."""

    def __init__(
        self,
        engine: Engine,
        resources: Resources,
        transactions: Transactions,
        running: RunningList,
    ) -> None:
        self._engine = engine
        self._resources = resources
        self._statements = ResourceStatements(resources)
        self._transactions = transactions
        self._running = running
        self._table: dict[tuple[str, ...], Callable[[str, Options], Headers]] = {
            ("SET",): self._set,
            ("USE",): self._use,
            ("BEGIN",): self._begin,
            ("START", "TRANSACTION"): self._begin,
            ("COMMIT",): self._commit,
            ("ROLLBACK",): self._rollback,
            ("CANCEL", "QUERY"): self._cancel,
        }

    def find(self, sql: str) -> Callable[[str, Options], Headers] | None:
        """Find the command that a statement is, or None: DuckDB runs it."""
        words = first_words(sql, 2)
        return self._table.get(words) or self._table.get(words[:1]) or self._statements.find(words)

    def check_place(self, sql: str, options: Options) -> None:
        """Raise `Refusal` where the database or the engine at hand is not there, or not running."""
        if first_words(sql, 1) in (("USE",), ("ROLLBACK",)):
            return  # this is how to leave them
        self._engine.check_database(options.database or self._engine.default_database)
        if options.engine is not None:
            self._resources.use_engine(options.engine)

    def check(self, sql: str, options: Options) -> None:
        """Raise `Refusal` where the engine or the database at hand cannot run a statement."""
        (word,) = first_words(sql, 1) or ("",)
        if options.engine == SYSTEM_ENGINE and _writes(word, sql):
            raise invalid(
                f"system engine doesn't support {word} statements."
                " Run this statement on a user engine."
            )
        if options.database == ACCOUNT_DB and (_writes(word, sql) or word in _CHANGES_CATALOG):
            raise invalid(
                f"{word} wants a database, and none was chosen.",
                resolution="USE DATABASE name chooses one.",
            )

    def rewrite(self, statement: Statement, options: Options) -> Statement:
        """Give the query that answers a SHOW or a CALL of this engine's own; others stay."""
        word = first_words(statement.text, 1)
        query = None
        if word == ("SHOW",):
            query = show(statement.text, options.database or ACCOUNT_DB)
        elif word == ("CALL",):
            query = self._statements.make_key(statement.text)
        return statement if query is None else Statement(query, statement.start)

    def _set(self, sql: str, options: Options) -> Headers:
        try:
            name, value = parse_set(sql) or ("", "")
        except InterfaceError as error:
            raise invalid(str(error)) from error
        if name.lower() == "query_parameters":
            read_parameters(value)
            # clients split the header at commas: it comes back as it is, and is read as it is
            return [(_UPDATE, f"query_parameters={quote(value, safe='')}")]
        read_setting(name, value)
        if name.lower() in ("timezone", "time_zone"):
            database = options.database or self._engine.default_database
            self._engine.give_back(self._engine.borrow(database, value), database, value)
        return [(_UPDATE, f"{name.lower()}={value}")]

    def _use(self, sql: str, options: Options) -> Headers:
        found = _USE.fullmatch(_bare(sql))
        if found is None:
            raise Refusal.of("SyntaxError", "syntax error: USE wants DATABASE name or ENGINE name")
        given = (found["quoted"] or found["bare"]).replace('""', '"'), bool(found["quoted"])
        if (found["what"] or "").upper() == "ENGINE":
            name = pick(given, (SYSTEM_ENGINE, *(one.name for one in self._resources.engines)))
            self._resources.use_engine(name)
            return [(_UPDATE, f"engine={name}")]
        name = pick(given, self._engine.databases)
        self._engine.check_database(name)
        if options.transaction_id is None:
            return [(_UPDATE, f"database={name}")]
        transaction = self._transactions.enter(options.transaction_id, options.sequence_id)
        try:
            transaction.use(name)
        finally:
            self._transactions.leave(transaction)
        return transaction.headers

    def _begin(self, sql: str, options: Options) -> Headers:
        _check_end(sql)
        if options.transaction_id is not None:
            raise refused("Cannot BEGIN transaction: a transaction is already in progress")
        database = options.database or self._engine.default_database
        return self._transactions.begin(database, options.zone).headers

    def _commit(self, sql: str, options: Options) -> Headers:
        _check_end(sql)
        if options.transaction_id is None:
            raise refused("Cannot COMMIT transaction: no transaction is in progress")
        transaction = self._transactions.enter(options.transaction_id, options.sequence_id)
        self._transactions.leave(transaction)
        self._transactions.remove(transaction.id)
        try:
            if transaction.cursor is not None:
                transaction.cursor.execute("COMMIT")
        except duckdb.Error as error:
            raise refused(f"Cannot COMMIT transaction: {error}") from error
        finally:
            transaction.abort()
        return list(_FORGET_TRANSACTION)

    def _rollback(self, sql: str, options: Options) -> Headers:
        _check_end(sql)
        if options.transaction_id is None:
            raise refused("Cannot ROLLBACK transaction: no transaction is in progress")
        # of one that is gone nothing is left to undo: that, too, is a success
        transaction = self._transactions.remove(options.transaction_id)
        if transaction is not None:
            transaction.abort()
        return list(_FORGET_TRANSACTION)

    def _cancel(self, sql: str, options: Options) -> Headers:  # noqa: ARG002  # one signature for all commands
        found = _CANCEL.fullmatch(_bare(sql))
        if found is None:
            raise Refusal.of("SyntaxError", "syntax error: CANCEL QUERY WHERE query_id = '...'")
        reason = "The query was cancelled by CANCEL QUERY."
        if not self._running.stop(found[1], reason, self._resources.account.name):
            raise invalid(f"The query '{found[1]}' does not exist or has ended")
        return []


_USE = re.compile(
    r'USE\s+(?:(?P<what>DATABASE|ENGINE)\s+)?(?:"(?P<quoted>(?:[^"]|"")+)"|(?P<bare>[\w$]+))',
    re.IGNORECASE,
)
_CANCEL = re.compile(r"CANCEL\s+QUERY\s+(?:WHERE\s+query_id\s*=\s*)?'([^']*)'", re.IGNORECASE)
_END = re.compile(r"(?:BEGIN|START|COMMIT|ROLLBACK)(?:\s+(?:TRANSACTION|WORK))?", re.IGNORECASE)


def _bare(sql: str) -> str:
    """Leave out comments."""
    return "".join(
        " " if token.kind is Kind.COMMENT else sql[token.start : token.end] for token in tokens(sql)
    ).strip()


def _check_end(sql: str) -> None:
    if _END.fullmatch(_bare(sql)) is None:
        raise Refusal.of("SyntaxError", f"syntax error: {' '.join(first_words(sql, 1))} ends early")


_CHANGES_DATA: Final = ("INSERT", "UPDATE", "DELETE", "MERGE", "COPY", "TRUNCATE")
_CHANGES_CATALOG: Final = ("CREATE", "ALTER", "DROP")


def _writes(word: str, sql: str) -> bool:
    return word in _CHANGES_DATA or (word == "WITH" and not is_read_only(sql))
