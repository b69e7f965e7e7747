"""The limits, over every store."""
