"""Helpers for test suites of embedders."""
