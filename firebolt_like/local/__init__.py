"""The embedded engine: DuckDB behind the wire protocols, on loopback."""
