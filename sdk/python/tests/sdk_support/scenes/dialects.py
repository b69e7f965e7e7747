"""The Portal API and the Conversations API."""

from __future__ import annotations

import datetime
import io

from callfloor.conversations.tables import ConversationKind
from callfloor.foundation import clock
from sdk_support.stage import Stage
from tests.factories.conversations import make_conversation
from tests.factories.devices import log_in, machine, make_device_team
from tests.factories.events import call, make_agent

CUES = b"WEBVTT\n\n00:00:00.400 --> 00:00:02.000\n<v Agent>Good morning.\n"


def portal_of_people(stage: Stage) -> None:
    """Seats of people, by the Portal API."""
    with stage.client(stage.installation.team()) as client:
        added = client.portal.add_seats(3)
        invited = client.portal.invite_person("dora@people.example")
        unassigned = client.portal.unassign_seat(invited.id)
        ids = [seat.id for seat in client.portal.list_seats(per_page=2)]
        deleted = client.portal.delete_seat(ids[0])

    assert (added.count, len(ids)) == (3, 3)
    assert (unassigned.id, deleted.id) == (invited.id, ids[0])


def portal_of_devices(stage: Stage) -> None:
    """Machines, by the Portal API."""
    floor = make_device_team(stage.db, seats=2, hash_key=stage.installation.hash_key)
    log_in(stage.db, floor, machine(2))
    agent = make_agent(stage.db, floor)
    today = datetime.datetime.fromtimestamp(clock.now() / 1000, tz=datetime.UTC).date()
    with stage.client(floor.team) as client:
        with stage.installation.server.client() as http:
            agent.send(http, call())
        shown = [row.device.hostname for row in client.portal.list_live_devices(per_page=1)]
        (used,) = client.portal.list_usage(group_by="device", from_=today - datetime.timedelta(days=1), to=today)
        (seat,) = client.portal.list_seats(hostname="ws-1")
        blocked = client.portal.block_seat(seat.id)
        (entry,) = client.portal.list_blocked_devices(qs="WS-")
        unblocked = client.portal.unblock_device(entry.id)

    assert sorted(shown) == ["ws-1", "ws-2"]
    assert (used.group.id, used.calls) == (agent.device_id, 1)
    assert (blocked.id, entry.hostname, unblocked.id) == (seat.id, "ws-1", entry.id)


def read_records(stage: Stage) -> None:
    """Upload a call and read records, by the Conversations API."""
    team = stage.installation.team()
    met = make_conversation(stage.db, team, kind=ConversationKind.MEETING)
    with stage.client(team) as client:
        sent = client.conversations.upload_call(transcript_file=io.BytesIO(CUES), external_call_id="pbx-1")
        ids = [one.id for one in client.conversations.calls(q="morning")]
        record = client.conversations.call(sent.id, expand=["meeting_transcript"])
        meetings = [one.id for one in client.conversations.meetings(page_size=1)]
        meeting = client.conversations.meeting(met)

    assert (sent.http_status, ids, [said.text for said in record.transcript]) == (202, [sent.id], ["Good morning."])
    assert (meetings, meeting.id) == ([met], met)
