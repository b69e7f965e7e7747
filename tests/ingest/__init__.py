"""What agents report: over HTTP, and by the verb that records it."""
