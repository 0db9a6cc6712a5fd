"""The embedded engine over Arrow Flight: Flight SQL, and SQL text as Dremio's clients send it.

It shares databases, accounts, rules and threads with the REST face of the same server. Nothing here
is imported before a server is asked for Flight: pyarrow.flight is slow to import.
"""
