"""The domain analysis."""
