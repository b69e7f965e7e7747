"""Teams and the seats they pay for.

Owns: team, team_domain, seat, seat_total, seat_bucket, seat_stretch, ledger_entry, settlement, invitation.
Publishes: team.created, seat.added, seat.deleted, seat.assigned, seat.freed, invitation.created, invitation.resent,
invitation.accepted, invitation.revoked, invitation.expired, membership.changed, membership.ended, team.renamed,
charge.settled.
Listens: nothing.
Never: speaks a wire dialect, or knows what was said in a call.
"""
