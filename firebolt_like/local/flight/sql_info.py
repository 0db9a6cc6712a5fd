"""Facts about the server for `CommandGetSqlInfo`.

Each fact has the type that the protocol gives it, which decides the child of the union that it is
in: clients look nowhere else. What may live here: the facts, and the table that tells them.
"""

from collections.abc import Collection
from typing import Any, Final

import pyarrow as pa

from firebolt_like.protocol.sql_info import SqlInfo, SqlSupportedTransaction

__all__ = ["SQL_INFO", "sql_info"]

_STRING, _BOOL, _BIGINT, _BITMASK, _STRINGS, _MAP = range(6)
_CHILDREN: Final = [
    pa.field("string_value", pa.string()),
    pa.field("bool_value", pa.bool_()),
    pa.field("bigint_value", pa.int64()),
    pa.field("int32_bitmask", pa.int32()),
    pa.field("string_list", pa.list_(pa.string())),
    pa.field("int32_to_int32_list_map", pa.map_(pa.int32(), pa.list_(pa.int32()))),
]
SQL_INFO: Final = pa.schema(
    [
        pa.field("info_name", pa.uint32(), nullable=False),
        pa.field("value", pa.dense_union(_CHILDREN), nullable=False),
    ]
)

_LOWER_CASE, _INSENSITIVE = 3, 1
_NULLS_AT_END: Final = 3
_ALL_JOINS: Final = 0b111
_GROUP_BY: Final = 0b11  # columns that are not selected, and more than those
_UNIONS: Final = 0b11  # UNION and UNION ALL
_SUBQUERIES: Final = 0b1111  # in comparisons, EXISTS, IN and quantified
_SERIALIZABLE: Final = 4

_FACTS: Final[dict[SqlInfo, tuple[int, Any]]] = {
    SqlInfo.FLIGHT_SQL_SERVER_NAME: (_STRING, "firebolt_like"),
    SqlInfo.FLIGHT_SQL_SERVER_ARROW_VERSION: (_STRING, pa.__version__),
    SqlInfo.FLIGHT_SQL_SERVER_READ_ONLY: (_BOOL, False),
    SqlInfo.FLIGHT_SQL_SERVER_SQL: (_BOOL, True),
    SqlInfo.FLIGHT_SQL_SERVER_SUBSTRAIT: (_BOOL, False),
    SqlInfo.FLIGHT_SQL_SERVER_TRANSACTION: (
        _BITMASK,
        SqlSupportedTransaction.SQL_SUPPORTED_TRANSACTION_TRANSACTION,
    ),
    SqlInfo.FLIGHT_SQL_SERVER_CANCEL: (_BOOL, True),
    SqlInfo.FLIGHT_SQL_SERVER_BULK_INGESTION: (_BOOL, True),
    SqlInfo.FLIGHT_SQL_SERVER_INGEST_TRANSACTIONS_SUPPORTED: (_BOOL, True),
    SqlInfo.FLIGHT_SQL_SERVER_STATEMENT_TIMEOUT: (_BITMASK, 0),
    SqlInfo.FLIGHT_SQL_SERVER_TRANSACTION_TIMEOUT: (_BITMASK, 0),
    SqlInfo.SQL_DDL_CATALOG: (_BOOL, True),
    SqlInfo.SQL_DDL_SCHEMA: (_BOOL, True),
    SqlInfo.SQL_DDL_TABLE: (_BOOL, True),
    SqlInfo.SQL_IDENTIFIER_CASE: (_BIGINT, _LOWER_CASE),
    SqlInfo.SQL_IDENTIFIER_QUOTE_CHAR: (_STRING, '"'),
    SqlInfo.SQL_QUOTED_IDENTIFIER_CASE: (_BIGINT, _INSENSITIVE),
    SqlInfo.SQL_ALL_TABLES_ARE_SELECTABLE: (_BOOL, True),
    SqlInfo.SQL_NULL_ORDERING: (_BIGINT, _NULLS_AT_END),
    SqlInfo.SQL_SEARCH_STRING_ESCAPE: (_STRING, "\\"),
    SqlInfo.SQL_SUPPORTS_COLUMN_ALIASING: (_BOOL, True),
    SqlInfo.SQL_NULL_PLUS_NULL_IS_NULL: (_BOOL, True),
    SqlInfo.SQL_SUPPORTS_TABLE_CORRELATION_NAMES: (_BOOL, True),
    SqlInfo.SQL_SUPPORTS_DIFFERENT_TABLE_CORRELATION_NAMES: (_BOOL, False),
    SqlInfo.SQL_SUPPORTS_EXPRESSIONS_IN_ORDER_BY: (_BOOL, True),
    SqlInfo.SQL_SUPPORTS_ORDER_BY_UNRELATED: (_BOOL, True),
    SqlInfo.SQL_SUPPORTED_GROUP_BY: (_BITMASK, _GROUP_BY),
    SqlInfo.SQL_SUPPORTS_LIKE_ESCAPE_CLAUSE: (_BOOL, True),
    SqlInfo.SQL_SUPPORTS_NON_NULLABLE_COLUMNS: (_BOOL, True),
    SqlInfo.SQL_OUTER_JOINS_SUPPORT_LEVEL: (_BITMASK, _ALL_JOINS),
    SqlInfo.SQL_SCHEMA_TERM: (_STRING, "schema"),
    SqlInfo.SQL_CATALOG_TERM: (_STRING, "database"),
    SqlInfo.SQL_CATALOG_AT_START: (_BOOL, True),
    SqlInfo.SQL_SELECT_FOR_UPDATE_SUPPORTED: (_BOOL, False),
    SqlInfo.SQL_STORED_PROCEDURES_SUPPORTED: (_BOOL, False),
    SqlInfo.SQL_SUPPORTED_SUBQUERIES: (_BITMASK, _SUBQUERIES),
    SqlInfo.SQL_CORRELATED_SUBQUERIES_SUPPORTED: (_BOOL, True),
    SqlInfo.SQL_SUPPORTED_UNIONS: (_BITMASK, _UNIONS),
    SqlInfo.SQL_DEFAULT_TRANSACTION_ISOLATION: (_BIGINT, _SERIALIZABLE),
    SqlInfo.SQL_TRANSACTIONS_SUPPORTED: (_BOOL, True),
    SqlInfo.SQL_DATA_DEFINITION_CAUSES_TRANSACTION_COMMIT: (_BOOL, False),
    SqlInfo.SQL_DATA_DEFINITIONS_IN_TRANSACTIONS_IGNORED: (_BOOL, False),
    SqlInfo.SQL_BATCH_UPDATES_SUPPORTED: (_BOOL, True),
    SqlInfo.SQL_SAVEPOINTS_SUPPORTED: (_BOOL, False),
    SqlInfo.SQL_NAMED_PARAMETERS_SUPPORTED: (_BOOL, False),
}


def sql_info(version: str, wanted: Collection[int]) -> pa.Table:
    """Tell what is wanted and known; everything, if nothing is named."""
    facts = {**_FACTS, SqlInfo.FLIGHT_SQL_SERVER_VERSION: (_STRING, version)}
    told = {name: facts[name] for name in sorted(facts) if not wanted or name in wanted}
    values: list[list[Any]] = [[] for _ in _CHILDREN]
    offsets = []
    for child, value in told.values():
        offsets.append(len(values[child]))
        values[child].append(value)
    union = pa.UnionArray.from_dense(
        pa.array([child for child, _ in told.values()], pa.int8()),
        pa.array(offsets, pa.int32()),
        [pa.array(each, field.type) for each, field in zip(values, _CHILDREN, strict=True)],
        [field.name for field in _CHILDREN],
    )
    return pa.Table.from_arrays(
        [pa.array(list(map(int, told)), pa.uint32()), union], schema=SQL_INFO
    )
