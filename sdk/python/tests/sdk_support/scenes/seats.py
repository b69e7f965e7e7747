"""Seats and what they cost, the team, its keys, and the trail of all that."""

from __future__ import annotations

import pytest

from callfloor_sdk import Changed, NotFound
from sdk_support.stage import Stage


def manage_seats(stage: Stage) -> None:
    """Add and delete seats, and read what they cost."""
    with stage.client(stage.installation.team()) as client:
        added = client.seats.add(5)
        ids = [seat.id for seat in client.seats.list(limit=2)]
        one = client.seats.get(ids[0])
        client.seats.delete(ids[0], if_match=one.etag)
        with pytest.raises(NotFound):
            client.seats.get(ids[0])
        tried = client.seats.delete_many(ids[1:3], dry_run=True)
        done = client.seats.delete_many([*ids[1:3], ids[0]])
        left = [seat.id for seat in client.seats.list()]
        (statement,) = client.billing.list_statements()
        shown = client.billing.show_statement(statement.period)
        charges = list(client.billing.list_charges(period=statement.period))

    assert (added.added, len(ids), one.status) == (5, 5, "unassigned")
    assert (tried.dry_run, tried.seats_after, [row.deleted for row in tried.data]) == (True, 2, [True, True])
    assert (done.dry_run, done.seats_after) == (False, 2)
    assert sorted((row.id, row.deleted) for row in done.data) == sorted(
        [(ids[1], True), (ids[2], True), (ids[0], False)]
    )
    assert left == ids[3:]
    assert (shown.added_seats, shown.removed_seats, shown.closing_seats) == (5, 3, 2)
    assert sum(charge.amount for charge in charges) == shown.total == added.charge.amount


def manage_team(stage: Stage) -> None:
    """Rename the team, name its domains, and find both in the audit trail."""
    with stage.client(stage.installation.team()) as client:
        before = client.team.get()
        renamed = client.team.change(name="Harbor", if_match=before.etag)
        with pytest.raises(Changed):
            client.team.change(name="Bay", if_match=before.etag)
        added = client.team.add_domain("Harbor.example")
        listed = [one.domain for one in client.team.list_domains()]
        client.team.remove_domain("harbor.example")
        left = list(client.team.list_domains())
        entries = [entry.action for entry in client.audit.list(action="team.")]
        exported = client.audit.export(action="team.").read().decode()

    assert (renamed.id, renamed.name) == (before.id, "Harbor")
    assert (added.domain, listed, left) == ("harbor.example", ["harbor.example"], [])
    assert entries == ["team.domain_removed", "team.domain_added", "team.renamed", "team.created"]
    assert len(exported.splitlines()) == 1 + len(entries)


def manage_keys(stage: Stage) -> None:
    """Make, change, rotate and delete a key."""
    with stage.client(stage.installation.team()) as client:
        made = client.keys.create(kind="api", name="wall", scopes=["live:read"], expires_in_days=30)
        changed = client.keys.change(made.key.id, name="floor", expires_in_days=None)
        rotated = client.keys.rotate(made.key.id, keep_days=3, if_match=changed.etag)
        ended = client.keys.end_rotation(made.key.id)
        shown = client.keys.get(made.key.id)
        client.keys.delete(made.key.id, if_match=shown.etag)
        left = [key.id for key in client.keys.list()]

    assert (made.key.scopes, made.key.expires_at is not None) == (["live:read"], True)
    assert (changed.name, changed.expires_at) == ("floor", None)
    assert rotated.secret != made.secret
    assert (len(rotated.key.secrets), len(ended.secrets), len(shown.secrets)) == (2, 1, 1)
    assert len(left) == 3
    assert made.key.id not in left
