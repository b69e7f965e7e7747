"""Tests from outside: real processes, real connections, nothing patched."""
