"""A fleet that is not there: thousands of agents with shifts, calls and faults, through the agent API alone."""
