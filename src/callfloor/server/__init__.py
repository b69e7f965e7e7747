"""The programs: every dialect mounted in one server, the worker beside it, the command line; no rules of its own."""
