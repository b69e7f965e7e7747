"""What the agent's tests stand on: programs in processes, a server that follows the contract, a sound server."""

DEADLINE_SECONDS = 60.0
"""Long, since the machine may be busy: a test waits for what happens, never for the time to pass."""
