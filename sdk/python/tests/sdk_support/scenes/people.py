"""People: invited, given roles and seats, removed; and seats that come back from those who do not come."""

from __future__ import annotations

from callfloor.access.accounts import NewMember
from callfloor.access.audit import OPERATOR
from callfloor.access.tables import Role
from callfloor.foundation import clock
from callfloor.foundation.clock import DAY
from callfloor.teams.people import add_person
from callfloor_sdk.types import PersonToRelease, PersonToSeat
from sdk_support.stage import Stage
from tests.factories.teams import make_person


def invite_people(stage: Stage) -> None:
    """Invite one and many, send again, take back."""
    with stage.client(stage.installation.team(seats=3)) as client:
        dora = client.invitations.invite("dora@people.example", role="analytics")
        again = client.invitations.resend(dora.id)
        both = ["dora@people.example", "eve@people.example"]
        tried = client.invitations.invite_many(emails=both, dry_run=True)
        many = client.invitations.invite_many(text=", ".join(both))
        sent = client.invitations.resend_all()
        client.invitations.revoke(dora.id)
        shown = client.invitations.get(dora.id)
        pending = [one.email for one in client.invitations.list(status="pending")]

    assert (again.id, again.role, again.status) == (dora.id, "analytics", "pending")
    assert again.sent_at >= dora.sent_at
    assert (tried.dry_run, tried.invited, many.invited, len(many.data)) == (True, 1, 1, 2)
    assert (sent.sent, shown.status, pending) == (2, "revoked", ["eve@people.example"])


def manage_people(stage: Stage) -> None:
    """Give roles, seats and codes; take them."""
    team = stage.installation.team(seats=4)
    make_person(stage.db, team, role=Role.ADMIN)
    ada, ben, cleo = (make_person(stage.db, team).account_id for _ in range(3))
    with stage.client(team) as client:
        code = client.people.make_agent_code(ada)
        client.people.withdraw_agent_code(ada)
        before = client.people.get(ada)
        changed = client.people.change_role(ada, role="configurator", if_match=before.etag)
        released = client.seats.release(people=[PersonToRelease(account_id=ada)])
        assigned = client.seats.assign(people=[PersonToSeat(account_id=ada, role="analytics")])
        client.people.remove(ada, if_match=client.people.get(ada).etag)
        tried = client.people.remove_many([ben, cleo], dry_run=True)
        removed = client.people.remove_many([ben])
        left = [person.id for person in client.people.list(role="user")]

    assert code.code
    assert (before.role, changed.role) == ("user", "configurator")
    assert (released.changed, released.data[0].result) == (1, "released")
    assert (assigned.changed, assigned.data[0].after.role) == (1, "analytics")
    assert (tried.removed, removed.removed, left) == (2, 1, [cleo])


def reclaim_seats(stage: Stage) -> None:
    """Notice who does not come, take the seat back, give it again."""
    team, long_ago = stage.installation.team(seats=1), clock.now() - 40 * DAY
    member = NewMember(team.id, "gone@people.example", Role.USER, long_ago)
    gone = stage.db.write_now(lambda tx: add_person(tx, member, OPERATOR))
    with stage.client(team) as client:
        policy = client.seat_reclaim.show_policy()
        now_on = client.seat_reclaim.set_policy(
            enabled=True,
            inactive_days=30,
            grace_days=0,
            protected_roles=["admin"],
            tells_person=False,
            tells_administrators=False,
            hour=6,
            if_match=policy.etag,
        )
        tried = client.seat_reclaim.run(dry_run=True)
        noticed = client.seat_reclaim.run()
        notices = [one.person_id for one in client.seat_reclaim.list_notices()]
        reclaimed = client.seat_reclaim.run()
        (seat,) = client.seat_reclaim.list_reclaimed()
        restored = client.seat_reclaim.undo(seat.id)
        runs = list(client.seat_reclaim.list_runs())

    assert (policy.enabled, now_on.enabled, now_on.inactive_days) == (False, True, 30)
    assert (tried.dry_run, tried.run_id, tried.noticed) == (True, None, 1)
    assert (noticed.noticed, notices, reclaimed.reclaimed) == (1, [gone.account_id], 1)
    assert (seat.person_id, seat.state, restored.restored_at is not None) == (gone.account_id, "reclaimed", True)
    assert len(runs) == 2
