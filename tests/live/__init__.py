"""Tests of live state."""
