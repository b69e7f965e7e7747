"""Machines of device teams: log-in, tokens, blocks, names, and what the APIs say of them."""
