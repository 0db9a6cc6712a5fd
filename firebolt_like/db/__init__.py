"""PEP 249: `connect`, `Connection` and `Cursor`."""
