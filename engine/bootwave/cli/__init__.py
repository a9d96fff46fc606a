"""The bootwave command."""
