"""The Conversations API through HTTP."""
