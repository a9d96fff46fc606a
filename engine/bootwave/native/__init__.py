"""Compiled modules: built from ext/, described here by their stubs."""
