"""Webhooks: what endpoints are told, how it is signed, and what becomes of each attempt."""
