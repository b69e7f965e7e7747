"""Tests of the Callfloor API: team, seats, billing, and what every route has in common."""
