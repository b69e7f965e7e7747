"""Tests of imports: years of calls that come in from tables, folders and buckets."""
