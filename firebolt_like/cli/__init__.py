"""The `firebolt-like` command."""
