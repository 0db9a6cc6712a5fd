"""PEP 249 awaited: `connect`, `Connection` and `Cursor` for asyncio and trio."""
