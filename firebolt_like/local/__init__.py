"""The embedded engine: DuckDB behind the wire protocols, on loopback."""

from firebolt_like.local.server import LocalServer

__all__ = ["LocalServer"]
