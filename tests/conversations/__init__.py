"""The domain conversations."""
