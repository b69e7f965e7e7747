"""Typed functions that make rows for tests."""
