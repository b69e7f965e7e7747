"""The library speech."""
