"""Seats that nobody uses come back: noticed first, given up after a time of grace, and restored on request."""
