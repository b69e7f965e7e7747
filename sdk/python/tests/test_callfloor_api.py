"""The Callfloor API by either client, against a real server on either database."""

from __future__ import annotations

import asyncio
import datetime
import inspect
from pathlib import Path
from typing import Any, assert_type

import msgspec
import pytest

from callfloor.foundation import clock
from callfloor.teams.tables import TeamType
from callfloor_sdk import (
    AsyncPages,
    Callfloor,
    Changed,
    Conflict,
    InvalidInput,
    NoCredentials,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    Pages,
)
from callfloor_sdk.records import Record
from callfloor_sdk.types import AddedSeats, PersonToSeat, Seat, SeatList
from sdk_support.installation import Installation
from sdk_support.standing_in import Answer, standing_in
from tests.factories.conversations import make_conversation
from tests.factories.teams import make_person

READS = ("list", "get", "show", "rows", "snapshot", "history", "conversations")
ARGUMENTS = {
    "q": "refund",
    "period": "2026-11",
    "from_": datetime.datetime.fromtimestamp(clock.now() / 1000 - 3600, tz=datetime.UTC),
}


def test_adds_lists_and_deletes_seats(installation: Installation) -> None:
    with installation.client(installation.team()) as client:
        added = client.seats.add(3)
        seats = list(client.seats.list())
        client.seats.delete(seats[0].id)
        left = [seat.id for seat in client.seats.list()]

    assert_type(added, AddedSeats)
    assert_type(seats, list[Seat])
    assert_type(seats[0].created_at, datetime.datetime)
    assert (added.added, added.count, added.http_status) == (3, 3, 201)
    assert [type(seat) for seat in seats] == [Seat] * 3
    assert seats[0].created_at.tzinfo is not None
    assert left == [seat.id for seat in seats[1:]]


def test_walks_a_list_to_its_end_by_cursor(installation: Installation) -> None:
    with installation.client(installation.team(seats=7)) as client:
        pages = list(client.seats.list(limit=3).pages())
        rows = [seat.id for seat in client.seats.list(limit=3)]
        first = client.seats.list(limit=3).first()

    assert [len(page.data) for page in pages] == [3, 3, 1]
    assert rows == sorted({seat.id for page in pages for seat in page.data})
    assert first.next_cursor is not None


def test_the_awaited_client_does_the_same(installation: Installation) -> None:
    async def work() -> tuple[int, list[int], list[int]]:
        async with installation.async_client(installation.team()) as client:
            added = await client.seats.add(5)
            assert_type(added, AddedSeats)
            assert_type(client.seats.list(limit=2), AsyncPages[SeatList, Seat])
            rows = [seat.id async for seat in client.seats.list(limit=2)]
            sizes = [len(page.data) async for page in client.seats.list(limit=2).pages()]
        return added.added, rows, sizes

    added, rows, sizes = asyncio.run(work())

    assert (added, len(set(rows)), sizes) == (5, 5, [2, 2, 1])


def test_the_same_idempotency_key_adds_once(installation: Installation) -> None:
    with installation.client(installation.team()) as client:
        first = client.seats.add(2, idempotency_key="order-1")
        again = client.seats.add(2, idempotency_key="order-1")
        other = client.seats.add(2)

    assert (first.count, again.count, other.count) == (2, 2, 4)


def test_a_change_of_what_somebody_else_changed_is_refused(installation: Installation) -> None:
    with installation.client(installation.team()) as client:
        team = client.team.get()
        renamed = client.team.change(name="North", if_match=team.etag)
        with pytest.raises(Changed):
            client.team.change(name="South", if_match=team.etag)
        left = client.team.change(inviting_enabled=False)

    assert team.etag is not None
    assert (renamed.name, left.name, left.inviting_enabled) == ("North", "North", False)


def test_refusals_have_their_own_types(installation: Installation) -> None:
    team = installation.team(seats=2)
    person = make_person(installation.db, team)
    with installation.client(team) as client:
        (taken,) = client.seats.list(status="assigned")
        with pytest.raises(Conflict) as conflict:
            client.seats.delete(taken.id)
        with pytest.raises(NotFound) as missing:
            client.seats.get(10**9)
        with pytest.raises(InvalidInput) as invalid:
            client.seats.add(0)
    with installation.client(team, "seats:read") as reader, pytest.raises(NotPermitted) as forbidden:
        reader.seats.add(1)

    assert person is not None
    assert (conflict.value.status, conflict.value.code) == (409, "seat_is_not_empty")
    assert missing.value.code == "seat_not_found"
    assert [error.field for error in invalid.value.errors] == ["count"]
    assert str(invalid.value).count(invalid.value.errors[0].expected) == 1
    assert (forbidden.value.status, forbidden.value.code) == (403, "forbidden")
    assert all(one.value.request_id for one in (conflict, missing, invalid, forbidden))


def test_a_key_that_is_missing_or_wrong_is_told_apart(installation: Installation) -> None:
    options: dict[str, Any] = {"ca_file": installation.server.authority, "trust_env": False}
    with Callfloor(installation.server.url, **options) as client, pytest.raises(NoCredentials, match="token"):
        client.team.get()
    with Callfloor(installation.server.url, token="nonsense", **options) as client, pytest.raises(NotAuthenticated):
        client.team.get()


def test_sends_parts_as_records_and_dry_runs(installation: Installation) -> None:
    team = installation.team(seats=3)
    with installation.client(team) as client:
        invited = client.invitations.invite("dora@people.example", role="analytics")
        tried = client.seats.assign(people=[PersonToSeat(email="nobody@people.example")], dry_run=True)
        pending = [invitation.email for invitation in client.invitations.list()]

    assert (invited.email, pending) == ("dora@people.example", ["dora@people.example"])
    assert [row.email for row in tried.data] == ["nobody@people.example"]


def test_saves_an_export(installation: Installation, tmp_path: Path) -> None:
    with installation.client(installation.team(seats=1)) as client:
        client.seats.add(1)
        path = client.audit.export().save(tmp_path / "audit.csv")
        text = client.audit.export().read().decode()

    assert path.read_text(encoding="utf-8").splitlines()[0] == text.splitlines()[0]
    assert "seat" in text


def test_left_out_and_null_are_told_apart(installation: Installation) -> None:
    with installation.client(installation.team()) as client:
        made = client.keys.create(kind="api", name="here", networks=["127.0.0.0/8"])
        renamed = client.keys.change(made.key.id, name="there")
        opened = client.keys.change(made.key.id, networks=None)

    assert (renamed.name, renamed.networks) == ("there", ["127.0.0.0/8"])
    assert (opened.name, opened.networks) == ("there", None)


@pytest.mark.parametrize("type_", list(TeamType))
def test_reads_every_list_and_single_thing_there_is(installation: Installation, type_: TeamType) -> None:
    team = installation.team(type_=type_, seats=2)
    make_conversation(installation.db, team)
    if type_ is TeamType.EMAIL:
        make_person(installation.db, team)
    asked = []
    with installation.client(team) as client:
        client.webhooks.create(url="https://hooks.harbor.example/in", events=["call_analyzed"])
        client.keys.create(kind="api", name="other")
        for resource in vars(client).values():
            if not type(resource).__name__.endswith(("Methods", "Feed", "State")):
                continue
            for name, method in inspect.getmembers(resource, inspect.ismethod):
                found = read(method) if name.startswith(READS) else None
                asked += [found] if found is not None else []
            if hasattr(resource, "list") and hasattr(resource, "get"):
                asked += [resource.get(row.id) for row in resource.list().first().data]

    assert len(asked) > 27
    assert all(isinstance(found, Record) for found in asked)


def read(method: object) -> object:
    """Ask a method that needs nothing but what is at hand, and return what it answers; None where it needs more."""
    assert callable(method)
    needed = [one for one in inspect.signature(method).parameters.values() if one.default is one.empty]
    if any(one.name not in ARGUMENTS for one in needed):
        return None
    found = method(**{one.name: ARGUMENTS[one.name] for one in needed})
    return found.first() if isinstance(found, Pages) else found


def test_what_a_newer_server_says_breaks_nothing(installation: Installation) -> None:
    with installation.client(installation.team(seats=1)) as client:
        (seat,) = client.seats.list()
    newer = {**seat.as_dict(), "status": "reserved", "reserved_for": {"id": 7}}
    page = msgspec.json.encode({"data": [newer], "next_cursor": None, "total": 1})

    with standing_in(Answer(200, page)) as server, Callfloor(server.url, token="t", trust_env=False) as client:
        (told,) = client.seats.list()

    assert (told.id, str(told.status), told.created_at) == (seat.id, "reserved", seat.created_at)
