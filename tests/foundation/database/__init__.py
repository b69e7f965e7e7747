"""The seam to both databases."""
