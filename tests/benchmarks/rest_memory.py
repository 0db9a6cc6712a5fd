"""What 1 GB of rows takes of the server's memory: `python -m tests.benchmarks.rest_memory`.

Printed is how much more memory was resident at most than before the query, in the server's process,
which is a new one for each line and had answered one row. The client drops what it receives. Linux.
"""

from tests.benchmarks.served import Drain, served

ALL = "SELECT i, repeat('x', 100) AS t FROM range(9000000) r(i)"
PICKED = f"{ALL} WHERE i >= 0"
LONG = "SELECT repeat('x', 10000) AS t FROM range(100000)"


def growth(sql: str, form: str) -> tuple[int, int]:
    """Give the bytes of an answer, and by how much the server's resident bytes grew at most."""
    with served() as server, Drain(server.url) as drain:
        drain.ask("SELECT 1", form)
        start = server.usage().resident
        size = drain.ask(sql, form)
        return size, server.usage().peak - start


def main() -> None:
    """Print the lines; `PICKED` goes another way through the server than `ALL`."""
    ways = [(ALL, form) for form in ("JSON_Compact", "JSONLines_Compact", "ArrowStream")]
    for sql, form in (*ways, (PICKED, "JSON_Compact"), (LONG, "JSON_Compact")):
        size, grown = (count / 1e6 for count in growth(sql, form))
        print(f"{form:18} {sql[:60]:60} {size:5.0f} MB sent  +{grown:4.0f} MB at most")


if __name__ == "__main__":
    main()
