"""Teams and the seats they pay for.

Owns: team, team_domain, seat, seat_total, seat_bucket, charge.
Publishes: team.created, seat.added, seat.deleted, seat.assigned.
Listens: nothing.
Never: speaks a wire dialect, or knows what was said in a call.
"""
