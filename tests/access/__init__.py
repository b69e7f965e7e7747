"""Tests of accounts, keys, passwords and the audit trail."""
