"""What the SDK's tests stand on."""

DEADLINE_SECONDS = 60.0
"""Long, since the machine may be busy: a test waits for what happens, never for the time to pass."""
