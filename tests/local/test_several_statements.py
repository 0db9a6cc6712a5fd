"""Several statements in one body: one result set each, in one answer."""

import json
from typing import Any

import httpx
import pyarrow as pa
import pytest

from tests.local.conftest import Asker


def _documents(reply: httpx.Response) -> list[Any]:
    decoder, text, found = json.JSONDecoder(), reply.text, []
    while text := text.lstrip():
        document, end = decoder.raw_decode(text)
        found.append(document)
        text = text[end:]
    return found


def test_each_has_its_document(ask: Asker) -> None:
    """In the order of the statements; one without a result set has an empty one."""
    reply = ask.send(
        "CREATE OR REPLACE TABLE many (a INT); INSERT INTO many VALUES (1), (2);"
        " SELECT a FROM many ORDER BY a; -- the end\n ; SELECT 'x' AS t"
    )
    assert reply.status_code == 200
    documents = _documents(reply)
    assert [document["data"] for document in documents] == [[], [], [[1], [2]], [["x"]]]
    assert [document["rows"] for document in documents] == [0, 0, 2, 1]
    assert len({document["query"]["query_id"] for document in documents}) == 1


def test_lines_come_in_groups(ask: Asker) -> None:
    """START again after FINISH is the next result set."""
    reply = ask.send("SELECT 1; SELECT 2", output_format="JSONLines_Compact")
    kinds = [json.loads(line)["message_type"] for line in reply.text.splitlines()]
    assert kinds == ["START", "DATA", "FINISH_SUCCESSFULLY"] * 2


def test_tables_and_streams_follow_each_other(ask: Asker) -> None:
    """In the formats that have no word for it, too."""
    sql = "SELECT 1 AS a; SELECT 'x' AS b"
    assert ask.send(sql, output_format="TabSeparatedWithNames").text == "a\n1\nb\nx\n"
    body = pa.BufferReader(ask.send(sql, output_format="ArrowStream").content)
    tables = [pa.ipc.open_stream(body).read_all().to_pydict() for _ in range(2)]
    assert tables == [{"a": [1]}, {"b": ["x"]}]


@pytest.mark.parametrize("output_format", ["JSON_Compact", "JSONLines_Compact"])
def test_an_error_comes_after_the_finished_ones(ask: Asker, output_format: str) -> None:
    """What ran before stays done, what would come after never runs."""
    ask.answer("CREATE OR REPLACE TABLE half (a INT)")
    sql = "INSERT INTO half VALUES (1); SELECT 7; SELECT nothing; INSERT INTO half VALUES (2)"
    reply = ask.send(sql, output_format=output_format)
    assert reply.status_code == 200
    documents = _documents(reply)
    assert "nothing" in documents[-1]["errors"][0]["description"]
    assert documents[-1]["errors"][0]["location"]["start_offset"] == sql.index("nothing") + 1
    assert [7] in [row for document in documents for row in document.get("data", [])]
    assert ask.rows("SELECT a FROM half") == [(1,)]


@pytest.mark.parametrize("output_format", ["ArrowStream", "TabSeparated"])
def test_formats_without_errors_answer_with_the_error_alone(ask: Asker, output_format: str) -> None:
    """As long as nothing was sent."""
    assert (
        "nothing"
        in ask.error("SELECT 1; SELECT nothing", output_format=output_format)["description"]
    )


def test_an_error_in_the_first_one_is_an_error(ask: Asker) -> None:
    """Status 400, as for one statement."""
    assert "nothing" in ask.error("SELECT nothing; SELECT 1")["description"]


def test_a_session_changes_from_one_to_the_next(ask: Asker) -> None:
    """USE, SET and transactions count for what follows, and in the headers of the answer."""
    reply = ask.send(
        "USE DATABASE second; SET timezone=Asia/Calcutta; SELECT current_database();"
        " SELECT TIMESTAMPTZ '2020-01-01 00:00:00+00'"
    )
    assert [document["data"] for document in _documents(reply)[2:]] == [
        [["second"]],
        [["2020-01-01 05:30:00+05:30"]],
    ]
    assert reply.headers.get_list("firebolt-update-parameters") == [
        "database=second",
        "timezone=Asia/Calcutta",
    ]


def test_a_transaction_in_one_body(ask: Asker) -> None:
    """It is begun, used and ended by one request, which leaves no transaction to its client."""
    ask.answer("CREATE OR REPLACE TABLE whole (a INT)")
    reply = ask.send("BEGIN; INSERT INTO whole VALUES (1); ROLLBACK")
    assert "firebolt-update-parameters" not in reply.headers
    assert ask.rows("SELECT count(*) FROM whole") == [(0,)]
    inside = ask.within(ask.send("BEGIN; INSERT INTO whole VALUES (1)"))
    assert ask.rows("SELECT count(*) FROM whole") == [(0,)]
    inside.send("INSERT INTO whole VALUES (2); COMMIT")
    assert ask.rows("SELECT count(*) FROM whole") == [(2,)]


def test_large_ones_stream(ask: Asker) -> None:
    """A later statement that would change the session is refused once rows are under way."""
    rows = "SELECT repeat('x', 100) FROM range(50000)"
    reply = ask.send(f"{rows}; SELECT 1", output_format="JSONLines_Compact")
    assert json.loads(reply.text.splitlines()[-2])["data"] == [[1]]
    reply = ask.send(f"{rows}; SET timezone=UTC", output_format="JSONLines_Compact")
    assert "large result" in json.loads(reply.text.splitlines()[-1])["errors"][0]["description"]
