"""Years of history come in: rows of a table or files of a folder become calls, in batches, behind today's calls."""
