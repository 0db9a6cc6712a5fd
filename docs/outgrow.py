"""One program for one machine and for many: `python docs/outgrow.py DSN [ROWS]`.

It fills a table, aggregates ROWS rows on the server, and fetches a tenth of them.
"""

import sys

from firebolt_like.db import connect

SENSORS = ["north", "east", "south", "west", "roof", "cellar", "it's broken"]

READINGS = """
SELECT n, n % 7 AS sensor, CAST(n * 3 % 101 AS INT) AS value
FROM range({rows}) AS t(n)
"""

REPORT = """
SELECT s.name, count(*) AS readings, CAST(sum(r.value) AS BIGINT) AS total, max(r.n) AS latest
FROM ({readings}) AS r
JOIN sensors AS s ON r.sensor = s.id
WHERE s.name <> ?
GROUP BY s.name
ORDER BY s.name
"""


def main(dsn: str, rows: int) -> None:
    """Run it, and print what came of it."""
    with connect(dsn) as connection, connection.cursor() as cursor:
        cursor.ingest("sensors", list(enumerate(SENSORS)), columns=["id", "name"], mode="replace")

        cursor.execute(REPORT.format(readings=READINGS.format(rows=rows)), ["it's broken"])
        for name, readings, total, latest in cursor:
            print(f"{name}: {readings} readings, {total} in all, the latest is {latest}")

        fetched = checksum = 0
        cursor.execute_stream(READINGS.format(rows=rows // 10))
        while batch := cursor.fetchmany(100_000):
            fetched += len(batch)
            checksum += sum(n * value for n, _, value in batch)
        print(f"{fetched} rows were fetched, their checksum is {checksum}")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 100_000)
