"""What is really delivered fits the schema that the catalog shows of it."""

from __future__ import annotations

import functools
import json

from jsonschema import Draft202012Validator

from callfloor.access.audit import OPERATOR
from callfloor.conversations.editing import By, EditConversation, edit_conversation
from callfloor.conversations.erasing import Item, RequestErasure, begin_erasure, erase_item
from callfloor.conversations.locking import Which
from callfloor.conversations.outcomes import record_failure
from callfloor.conversations.stewardship_tables import ItemState
from callfloor.conversations.tables import ConversationKind
from callfloor.conversations.transcripts import Segment
from callfloor.foundation.clock import MINUTE
from callfloor.foundation.jobs.testing import drain
from callfloor.teams.payments import RecordingProvider, settle_kind
from callfloor.teams.seats import AddSeats, add_seats
from callfloor.webhooks.catalog import CATALOG
from callfloor.webhooks.jobs import DELIVER
from tests.factories.conversations import make_conversation, make_recorded_call
from tests.factories.teams import make_api_key, make_person
from tests.webhooks.conftest import SECRET_KEY, Floor
from tests.webhooks.receiver import Receiver

SAID = (Segment("Ben", 0, 1000, "Hello."), Segment("Cleo", 1000, 1500, "Hi."))
HASH_KEY = SECRET_KEY.encode()
HAPPENS = {
    *("call_received", "call_analyzed", "call_failed", "call_edited", "call_erased"),
    *("meeting_received", "meeting_analyzed", "meeting_edited", "meeting_erased"),
    *("seat_added", "seat_assigned", "membership_created", "key_created"),
}


def live(floor: Floor, kind: ConversationKind) -> None:
    """Let a conversation come, be changed and be erased, and endpoints be told of each."""
    db, team_id, now = floor.services.db, floor.team.id, floor.now
    one = make_conversation(db, floor.team, kind=kind, transcript=SAID, now=now)
    edit = EditConversation(Which(team_id, kind, one), By(OPERATOR, now), {"rating": 5, "outcome": "won"}, {})
    db.write_now(functools.partial(edit_conversation, command=edit))
    floor.tell()
    floor.work()
    asked = RequestErasure(team_id, OPERATOR, now, HASH_KEY, (one,))
    waiting = [Item(one, kind.value, ItemState.WAITING)]
    erasure = db.write_now(functools.partial(begin_erasure, command=asked, items=waiting))
    erase = functools.partial(erase_item, team_id=team_id, erasure_id=erasure, hash_key=HASH_KEY, now=now)
    db.write_now(functools.partial(erase, conversation_id=one))


def test_is_what_really_comes(floor: Floor, receiver: Receiver) -> None:
    db, team = floor.services.db, floor.team
    schemas = {one["name"]: one["body_schema"] for one in floor.http.get("/webhook-events").json()["data"]}
    floor.listen(receiver.url, *CATALOG)
    for kind in ConversationKind:
        live(floor, kind)
    failed = functools.partial(record_failure, team_id=team.id, conversation_id=make_recorded_call(db, team))
    db.write_now(functools.partial(failed, reason=("too_long", "It is too long."), now=floor.now))
    db.write_now(functools.partial(add_seats, command=AddSeats(team.id, 2, OPERATOR, floor.now)))
    make_person(db, team)
    make_api_key(db, team.id, "team:read", hash_key=HASH_KEY)
    floor.tell()
    charges = settle_kind(RecordingProvider())
    drain(floor.services, [DELIVER, charges], now=floor.now + MINUTE, team_id=team.id)

    bodies = [json.loads(one.body) for one in receiver.came]
    assert {body["eventType"] for body in bodies} >= HAPPENS
    for body in bodies:
        Draft202012Validator(schemas[body["eventType"]]).validate(body)
