"""The tests: behaviour proven from outside, on SQLite and on PostgreSQL."""
