"""Writes what the three OpenAPI documents say as Python: `python -m drafting`, run by `make documents`."""
