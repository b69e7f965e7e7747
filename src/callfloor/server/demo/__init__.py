"""`callfloor demo`: a running server with a sample team, its keys, analyzed sample calls, and a page of curl lines."""
