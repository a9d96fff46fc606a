"""Simulated phones and boot waves: a client of its own, sharing no code with the server's parsers."""
