"""What the OpenAPI documents say: written by `make documents` from docs/api."""
