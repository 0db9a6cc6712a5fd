"""HTTP clients, how they authenticate, and how they reach the network."""
