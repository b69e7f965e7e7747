"""Usage: calls, their sums, and the reports of them."""
