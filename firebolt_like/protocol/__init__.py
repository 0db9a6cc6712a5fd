"""What goes over the wire, both ways: no I/O, no HTTP library, no clock, no threads."""
