"""Tests of the Portal API within the process."""
