"""Teams and the seats they pay for.

Owns: team, team_domain, seat, seat_total, seat_bucket, seat_stretch, ledger_entry, settlement, invitation.
Publishes: team.created, team.renamed, team.billing_changed, team.inviting_changed, team.price_changed,
team.device_secret_rotated, team.domain_added, team.domain_removed, seat.added, seat.deleted, seat.assigned, seat.freed,
invitation.created, invitation.resent, invitation.accepted, invitation.revoked, invitation.expired, membership.created,
membership.changed, membership.ended, charge.settled.
Listens: nothing.
Never: speaks a wire dialect, or knows what was said in a call.
"""
