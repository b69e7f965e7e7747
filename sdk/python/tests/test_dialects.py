"""The Portal and Conversations APIs by either client, against a real server on either database."""

from __future__ import annotations

import asyncio
import datetime
from typing import Any

import pytest

from callfloor.conversations.tables import ConversationKind
from callfloor.foundation import clock
from callfloor.foundation.clock import iso
from callfloor.teams.tables import TeamType
from callfloor_sdk import Callfloor, Conflict, InvalidInput, NotAuthenticated, NotFound, NotPermitted
from sdk_support.installation import Installation
from tests.factories.conversations import COLLEAGUE, CUSTOMER, make_conversation
from tests.factories.devices import make_device_team
from tests.factories.events import call, make_agent, state


def test_the_portal_of_a_team_of_people(installation: Installation) -> None:
    with installation.client(installation.team()) as client:
        added = client.portal.add_seats(3)
        invited = client.portal.invite_person("dora@people.example")
        (reserved,) = client.portal.list_seats(status="invited")
        with pytest.raises(Conflict) as twice:
            client.portal.invite_person("dora@people.example")
        client.portal.unassign_seat(reserved.id)
        seats = list(client.portal.list_seats(per_page=2))
        client.portal.delete_seat(seats[0].id)
        left = client.portal.list_seats().first()

    assert (added.added, added.count, invited.id) == (3, 3, reserved.id)
    assert added.charge is not None
    assert (twice.value.status, twice.value.code) == (400, "ALREADY_MEMBER")
    assert len(seats) == 3
    assert [seat.id for seat in left.rows] == [seat.id for seat in seats[1:]]


def test_the_portal_of_a_team_of_devices(installation: Installation) -> None:
    with installation.client(installation.team(type_=TeamType.DEVICE, seats=1)) as client:
        rows = list(client.portal.list_live_devices())
        blocked = list(client.portal.list_blocked_devices(qs="ws"))
        with pytest.raises(NotPermitted) as refused:
            client.portal.invite_person("dora@people.example")
        with pytest.raises(NotFound) as missing:
            client.portal.unblock_device(10**9)
        with pytest.raises(InvalidInput) as invalid:
            client.portal.list_usage(group_by="device", from_="2026-11-31", to="2026-11-01").first()

    assert (rows, blocked) == ([], [])
    assert refused.value.code == "NOT_PERMITTED_INVITE_USER"
    assert missing.value.code == "NOT_FOUND"
    assert {error.field for error in invalid.value.errors} >= {"from"}
    assert invalid.value.request_id


def test_what_agents_report_is_read_by_both_apis(installation: Installation) -> None:
    agent = make_agent(installation.db, make_device_team(installation.db, seats=1, hash_key=installation.hash_key))
    with installation.server.client() as http:
        agent.send(http, state("in_call", call={"app_name": "Zoom", "started_at": iso(clock.now())}), call())
    today = datetime.datetime.fromtimestamp(clock.now() / 1000, tz=datetime.UTC).date()
    days: dict[str, Any] = {"from_": today - datetime.timedelta(days=1), "to": today}

    with installation.client(agent.team.team) as client:
        (live,) = client.portal.list_live_devices(state="in_call")
        (shown,) = client.live.snapshot()
        by_device = list(client.portal.list_usage(group_by="device", **days))
        by_language = list(client.portal.list_usage(group_by="language", **days))
        rows = list(client.usage.rows(group_by="device", **days))
        usage = client.usage.show(**days)
        states = client.live.states(agent.device_id, from_=live.updated_at - datetime.timedelta(minutes=1))
        (device,) = client.devices.list()

    assert (live.id, live.call and live.call.app_name) == (agent.device_id, "Zoom")
    assert (shown.id, shown.state, shown.since.tzinfo) == (agent.device_id, "in_call", datetime.UTC)
    assert [(row.group.type, row.group.id, row.calls) for row in by_device] == [("device", agent.device_id, 1)]
    assert [(row.group.type, row.group.id, row.calls) for row in by_language] == [("language", "en-US", 1)]
    assert sum(row.totals.calls for row in rows) == 1
    assert usage.total.totals.calls == 1
    assert states.data[-1].state == "in_call"
    assert device.id == agent.device_id


def test_every_record_is_walked_once_while_others_are_added(installation: Installation) -> None:
    team = installation.team()
    now = clock.now()
    made = {make_conversation(installation.db, team, date=now - number * 1000) for number in range(12)}
    seen = []
    with installation.client(team) as client:
        for one in client.conversations.calls(page_size=5):
            seen.append(one.id)
            make_conversation(installation.db, team, date=now + len(seen) * 1000)

    assert len(seen) == len(made)
    assert set(seen) == made


def test_records_are_read_by_either_client(installation: Installation) -> None:
    team = installation.team()
    talk = make_conversation(installation.db, team)
    meeting = make_conversation(installation.db, team, kind=ConversationKind.MEETING)
    inside = make_conversation(installation.db, team, parties=[COLLEAGUE])

    async def work() -> tuple[list[str], str, str]:
        async with installation.async_client(team) as client:
            calls = [one.id async for one in client.conversations.calls(id=[talk, inside])]
            page = await client.conversations.meetings().first()
            return calls, page.data[0].id, (await client.conversations.meeting(meeting)).id

    with installation.client(team) as client:
        everything = {one.id for one in client.conversations.calls(scopes=["internal", "external"])}
        customers = [one.id for one in client.conversations.calls(customer_domain=["customer.example"])]
        record = client.conversations.call(talk, expand=["meeting_transcript", "user_client_augmentation"])
        with pytest.raises(NotFound):
            client.conversations.call("none")
        listed = client.calls.get(talk)

    assert asyncio.run(work()) == ([talk], meeting, meeting)
    assert everything == {talk, inside}
    assert customers == [talk]
    assert CUSTOMER.email in {one.email for one in record.participants}
    assert listed.date == record.date


def test_a_wrong_key_is_not_authenticated(installation: Installation) -> None:
    keys = installation.keys(installation.team())
    wrong = Callfloor(
        installation.server.url, conversations_key=(keys.token, "x"), ca_file=installation.server.authority
    )
    with wrong, pytest.raises(NotAuthenticated) as refused:
        wrong.conversations.calls().first()

    assert refused.value.status == 403
