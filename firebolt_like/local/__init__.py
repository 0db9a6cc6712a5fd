"""The embedded engine: DuckDB behind the wire protocols, on loopback."""

from firebolt_like.local.clock import Clock
from firebolt_like.local.configuration import Account
from firebolt_like.local.faults import Fault
from firebolt_like.local.server import LocalServer

__all__ = ["Account", "Clock", "Fault", "LocalServer"]
