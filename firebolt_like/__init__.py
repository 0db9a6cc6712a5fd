"""An async-first Python SDK for SQL warehouses, with an embedded engine."""

__version__ = "0.1.0"
