"""Connections and cursors, written once as async code over IO."""
