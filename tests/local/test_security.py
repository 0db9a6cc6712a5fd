"""What must not be reachable from a statement: files, the network, code, settings, other SQL."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from firebolt_like.errors import ConfigurationError
from firebolt_like.local import LocalServer
from tests.local.conftest import Asker


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("folder")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[LocalServer]:
    """A server whose DuckDB may open files in one folder, which makes it more dangerous."""
    with LocalServer(folder=folder) as server, httpx.Client(base_url=server.url) as http:
        Asker(http).answer("CREATE TABLE data AS SELECT 1 AS a")
        yield server


READS = [
    "SELECT * FROM read_csv('{file}')",
    "FROM read_text('{file}')",
    "SELECT * FROM read_blob('{file}')",
    "SELECT * FROM read_json('{file}')",
    "SELECT * FROM read_json_objects('{file}')",
    "SELECT * FROM read_parquet('{file}')",
    "SELECT * FROM parquet_metadata('{file}')",
    "SELECT * FROM read_duckdb('{file}')",
    "SELECT * FROM sniff_csv('{file}')",
    "SELECT * FROM '{file}'",
    "SELECT * FROM '{file}.csv'",
    "SELECT * FROM glob('{file}*')",
    "SELECT * FROM read_text('{inside}/../../{name}')",
    "SELECT * FROM read_text('file://{file}')",
    "DESCRIBE SELECT * FROM read_text('{file}')",
    "SUMMARIZE SELECT * FROM read_text('{file}')",
    "PIVOT read_text('{file}') ON filename USING count(*)",
    "CREATE TABLE stolen AS SELECT * FROM read_text('{file}')",
    "CREATE VIEW stolen AS SELECT * FROM read_text('{file}')",
    "CREATE MACRO steal() AS TABLE SELECT * FROM read_text('{file}')",
    "CREATE TYPE stolen AS ENUM (SELECT content FROM read_text('{file}'))",
    "INSERT INTO data SELECT length(content) FROM read_text('{file}')",
    "UPDATE data SET a = (SELECT length(content) FROM read_text('{file}'))",
    "EXPLAIN ANALYZE SELECT * FROM read_text('{file}')",
    "SELECT * FROM query('SELECT * FROM read_text(''{file}'')')",
    "SELECT * FROM query_table('{file}')",
    "COPY data FROM '{file}'",
    "IMPORT DATABASE '{file}'",
    "ATTACH '{file}' AS stolen",
    "SELECT * FROM sqlite_scan('{file}', 't')",
    "SELECT * FROM st_read('{file}')",
    "SELECT getenv('HOME')",
]
WRITES = [
    "COPY data TO '{made}'",
    "EXPLAIN ANALYZE COPY data TO '{made}'",
    "explain (analyze, format json) copy data to '{made}'",
    "EXPLAIN /* ' */ ANALYZE COPY (SELECT 1) TO '{made}'",
    "WITH a AS (COPY data TO '{made}') SELECT * FROM a",
    "EXPLAIN ANALYZE WITH a AS (COPY data TO '{made}') SELECT * FROM a",
    "WITH a AS (COPY data TO '{made}') INSERT INTO data SELECT 1 FROM a",
    "EXPLAIN ANALYZE WITH b AS (SELECT $$'$$), a AS (COPY data TO '{made}') SELECT $$'$$",
    "EXPLAIN ANALYZE WITH b AS (SELECT 1 AS `'`), a AS (COPY data TO '{made}') SELECT 1 AS `'`",
    (
        "FROM json_execute_serialized_sql(json_serialize_sql("
        "'WITH a AS (COPY data TO ''{made}'') SELECT * FROM a'))"
    ),
    (
        'FROM "query"(\'FROM json_execute_serialized_sql(json_serialize_sql('
        "''WITH a AS (COPY data TO ''''{made}'''') SELECT * FROM a''))')"
    ),
    (
        "FROM `query`('FROM `json_execute_serialized_sql`(json_serialize_sql("
        "''WITH a AS (COPY data TO {made}) SELECT * FROM a''))')"
    ),
    (
        "CALL destroy_external_resource('json_execute_serialized_sql', json_serialize_sql("
        "'WITH a AS (COPY data TO ''{made}'') SELECT * FROM a'))"
    ),
    (
        "SELECT 1 FROM \"destroy_external_resource\" /* x */ ('json_execute_serialized_sql',"
        " json_serialize_sql('WITH a AS (COPY data TO ''{made}'') SELECT * FROM a'))"
    ),
    "EXPORT DATABASE '{made}'",
    "ATTACH '{made}' AS other",
    "PRAGMA profiling_output = '{made}'",
    "PRAGMA log_query_path = '{made}'",
    "CALL enable_logging(storage = 'file', storage_path = '{made}')",
]
LOCKED = [
    "INSTALL httpfs",
    "FORCE INSTALL httpfs FROM 'http://127.0.0.1:1/'",
    "LOAD httpfs",
    "LOAD '/tmp/evil.duckdb_extension'",
    "CALL start_ui()",
    "SELECT * FROM read_csv('http://127.0.0.1:1/x.csv')",
    "SELECT * FROM read_parquet('s3://bucket/x.parquet')",
    "SELECT * FROM postgres_scan('host=127.0.0.1', 's', 't')",
    "SET enable_external_access = true",
    "SET lock_configuration = false",
    "SET GLOBAL memory_limit = '1TB'",
    "SET allowed_directories = ['/']",
    "SET temp_directory = '/tmp'",
    "RESET memory_limit",
    "PRAGMA threads = 1",
    "PRAGMA enable_profiling",
    "PRAGMA database_list",
    "CALL enable_profiling()",
    "CREATE SECRET s (TYPE s3, KEY_ID 'a', SECRET 'b')",
    "CREATE PERSISTENT SECRET s (TYPE s3, KEY_ID 'a', SECRET 'b')",
    "CREATE OR REPLACE TEMP SECRET s (TYPE s3)",
    "SELECT * FROM duckdb_secrets()",
    "DETACH firebolt",
    "PREPARE p AS SELECT 1",
    "SELECT * FROM arrow_scan(1::POINTER, 1::POINTER, 1::POINTER)",
    "SELECT * FROM pandas_scan(1::POINTER)",
    "FROM `query`('SELECT 1')",
    "FROM main . `query` /* x */ ('SELECT 1')",
    "CALL register_external_resource('k', 'n', MAP {'a': 'b'})",
    "CALL deregister_external_resource('n')",
    "CALL register_external_resource_type('k', kind := 'x', create_function := 'query')",
    "CALL create_external_resource('k')",
    "SELECT * FROM http",
    "SELECT * FROM sys",
]


def test_no_file_is_read(server: LocalServer, ask: Asker, folder: Path) -> None:
    """Whatever function, statement or spelling is used, the secret is not told."""
    file = folder.parent / f"{folder.name}-secret.txt"
    file.write_text("the secret")
    places = {"file": file, "inside": folder / "account-embedded", "name": file.name}
    for attack in READS:
        reply = ask.send(attack.format(**places))
        assert (reply.status_code, attack) == (400, attack)
        assert "the secret" not in reply.text
    assert ask.rows("SELECT a FROM data") == [(1,)]


def test_no_file_is_written(server: LocalServer, ask: Asker, folder: Path) -> None:
    """Not even in the folder that the server itself writes databases to."""
    made = folder / "account-embedded" / "made"
    for attack in WRITES:
        reply = ask.send(attack.format(made=made))
        assert (reply.status_code, attack) == (400, attack)
        assert not made.exists(), attack
    assert ask.rows("SELECT a FROM data") == [(1,)]


@pytest.mark.parametrize("attack", LOCKED)
def test_the_engine_is_locked(ask: Asker, attack: str) -> None:
    """No extension, network, setting, secret or memory address can be reached."""
    assert ask.error(attack)["description"]


@pytest.mark.parametrize(
    "attack",
    [
        "EXPLAIN ANALYZE BEGIN",
        "explain (analyze) begin",
        "EXPLAIN /* ( */ ANALYZE -- (SELECT\n BEGIN",
        "EXPLAIN (ANALYZE, FORMAT json) COMMIT",
        "EXPLAIN ANALYZE CREATE TEMP TABLE left_over AS SELECT 1",
        "EXPLAIN ANALYZE CREATE OR REPLACE TEMP VIEW left_over AS SELECT 1",
        "EXPLAIN ANALYZE CREATE TEMP MACRO left_over() AS TABLE SELECT 1",
        "EXPLAIN ANALYZE PREPARE left_over AS SELECT 1",
        "EXPLAIN ANALYZE SET timezone = 'Asia/Tokyo'",
        "EXPLAIN ANALYZE LOAD avro",
        "EXPLAIN ANALYZE CHECKPOINT",
        "EXPLAIN CREATE TABLE left_over (a INT)",
        "UPDATE EXTENSIONS",
    ],
)
def test_nothing_is_left_for_the_next_session(ask: Asker, attack: str) -> None:
    """What EXPLAIN ANALYZE would run is refused, but for queries and changes of rows."""
    assert "not supported by the embedded engine" in ask.error(attack)["description"]
    assert "left_over" in ask.error("SELECT * FROM left_over")["description"]
    ask.answer("CREATE OR REPLACE TABLE committed AS SELECT 1 AS a")
    inside = ask.within(ask.send("BEGIN"))
    assert inside.rows("SELECT a FROM committed") == [(1,)]


@pytest.mark.parametrize(
    "sql",
    [
        "EXPLAIN SELECT 1",
        "EXPLAIN (SELECT 1)",
        "EXPLAIN ((SELECT 1))",
        "EXPLAIN ANALYZE /* it */ SELECT 1",
        "EXPLAIN (FORMAT json) WITH a AS (SELECT 1) SELECT * FROM a",
        "EXPLAIN (ANALYZE) INSERT INTO data SELECT 2 WHERE false",
        "EXPLAIN ANALYZE DELETE FROM data WHERE false",
    ],
)
def test_queries_and_changes_are_explained(ask: Asker, sql: str) -> None:
    """With and without ANALYZE, and options."""
    ((_, plan),) = ask.rows(sql)
    assert plan


@pytest.mark.parametrize(
    "sql",
    [
        'CREATE OR REPLACE TABLE query ("copy" INT, a TEXT)',
        "INSERT INTO query (a) SELECT 'please copy this to me' WHERE 1 < 2 -- copy to",
        'SELECT "copy" FROM query',
    ],
)
def test_names_are_not_taken_for_attacks(ask: Asker, sql: str) -> None:
    """A table may be called query, a column copy, and a text may say what it likes."""
    ask.answer('CREATE TABLE IF NOT EXISTS query ("copy" INT, a TEXT)')
    ask.answer(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT repeat('x', 1000000000000)",
        "SELECT range(10000000000)",
        "SELECT list_resize([1], 1000000000000)",
        "SELECT bar(1, 1, 2, 1000000000)",
    ],
)
def test_what_no_machine_can_hold_is_refused(ask: Asker, sql: str) -> None:
    """The error says so, and the server goes on."""
    assert ask.error(sql)["description"]
    assert ask.rows("SELECT 1") == [(1,)]


def test_memory_is_limited_and_nothing_is_spilled(ask: Asker) -> None:
    """A statement has half of the machine at most, and leaves no temporary files."""
    settings = "SELECT current_setting('memory_limit'), current_setting('temp_directory')"
    ((limit, temporary),) = ask.rows(settings)
    assert limit[0].isdigit()
    assert temporary == ""


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Asker, Path]]:
    """One who asks a server that may read the folder "it's readable", and that folder."""
    folder = tmp_path_factory.mktemp("files") / "it's readable"
    folder.mkdir()
    (folder / "people.csv").write_text("name,born\nAda,1815\n")
    (folder / "sub").mkdir()
    (folder / "sub" / "note.txt").write_text("a note")
    beside = folder.with_name("it's readable, too")
    beside.mkdir()
    (beside / "secret.csv").write_text("a,b\n1,2\n")
    with LocalServer(readable=[folder]) as server, httpx.Client(base_url=server.url) as http:
        yield Asker(http), folder


def _sql(template: str, path: Path) -> str:
    return template.format(str(path).replace("'", "''"))


def test_folders_that_were_allowed_are_read(reader: tuple[Asker, Path]) -> None:
    """CSV, text and names of files, in the folder and below it."""
    ask, folder = reader
    people = _sql("SELECT name, born FROM read_csv('{}/people.csv')", folder)
    assert ask.rows(people) == [("Ada", 1815)]
    note = _sql("SELECT content FROM read_text('{}/sub/*.txt')", folder)
    assert ask.rows(note) == [("a note",)]


@pytest.mark.parametrize(
    "attack",
    [
        "SELECT * FROM read_csv('{}, too/secret.csv')",
        "SELECT * FROM read_csv('{}/../it''s readable, too/secret.csv')",
        "SELECT * FROM glob('{}/../*')",
        "SELECT * FROM glob('{}*/*')",
        "COPY (SELECT 1) TO '{}/made.csv'",
        "EXPLAIN ANALYZE COPY (SELECT 1) TO '{}/made.csv'",
        "WITH a AS (COPY (SELECT 1) TO '{}/made.csv') SELECT * FROM a",
        "ATTACH '{}/made.db' AS made",
    ],
)
def test_a_folder_that_was_allowed_opens_nothing_else(
    reader: tuple[Asker, Path], attack: str
) -> None:
    """Nothing is written into it, and what lies beside it or above it stays closed."""
    ask, folder = reader
    assert ask.error(_sql(attack, folder))["description"]
    assert sorted(path.name for path in folder.iterdir()) == ["people.csv", "sub"]


@pytest.mark.parametrize("readable", ["/tmp", ["/no/such/folder"]])
def test_folders_are_checked(readable: list[str]) -> None:
    """A text instead of a list, and a folder that does not exist, are told at once."""
    with pytest.raises(ConfigurationError):
        LocalServer(readable=readable)


def test_the_search_for_attacks_takes_time_in_proportion(ask: Asker) -> None:
    """Names of attacks, repeated a hundred thousand times, are answered at once."""
    for word in ("copy,", "query (a),", "into query (a),", "query."):
        assert ask.error("SELECT 1 +, " + word * 100_000)["description"]


@pytest.mark.parametrize("part", ["a.", '"a" . ', "a /* */ ."])
def test_names_have_a_length(ask: Asker, part: str) -> None:
    """A name of thousands of parts, which DuckDB takes minutes for, is refused at once."""
    assert "parts" in ask.error("SELECT " + part * 20_000 + "b")["description"]
