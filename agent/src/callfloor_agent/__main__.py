"""`python -m callfloor_agent` is the command callfloor-agent."""

from callfloor_agent.cli import main

main()
