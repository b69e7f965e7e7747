"""What the raw driver does with the same work: the upper bound of a ratio."""
