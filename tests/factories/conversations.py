"""Conversations for tests, made by the product's own verb."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from callfloor.access.audit import OPERATOR
from callfloor.conversations.arrival import Arrival, receive_conversation
from callfloor.conversations.incoming import announce_file
from callfloor.conversations.intake import StoredRecording
from callfloor.conversations.parties import Party
from callfloor.conversations.tables import ConversationKind
from callfloor.conversations.transcripts import Segment
from callfloor.foundation import clock
from callfloor.foundation.database import Database, Tx
from callfloor.foundation.ids import new_id
from callfloor.teams.teams import Team

CUSTOMER = Party(name="Cleo", email="cleo@customer.example")
COLLEAGUE = Party(name="Ben", email="ben@ours.example", is_internal=True)


def make_conversation(
    db: Database,
    team: Team,
    *,
    kind: ConversationKind = ConversationKind.CALL,
    date: int | None = None,
    now: int | None = None,
    parties: Sequence[Party] = (COLLEAGUE, CUSTOMER),
    transcript: Sequence[Segment] = (),
    owner_email: str | None = None,
) -> str:
    """Make an analyzed conversation; returns its id."""
    at = now or clock.now()
    arrival = Arrival(
        team_id=team.id,
        kind=kind,
        conversation_id=new_id(),
        now=at,
        actor=OPERATOR,
        date=at if date is None else date,
        name="A talk",
        content_sha256=new_id(),
        parties=parties,
        transcript=transcript,
        owner_email=owner_email,
    )
    return db.write_now(functools.partial(receive_conversation, arrival=arrival)).conversation_id


def make_recorded_call(db: Database, team: Team, *, parties: Sequence[Party] = ()) -> str:
    """Make a call whose recording waits for its analysis; the file itself is not there."""
    now, recording_id = clock.now(), new_id()
    kept = StoredRecording(recording_id, f"recordings/{team.id}/{recording_id}", 44, new_id(), "audio/wav", None)
    arrival = Arrival(
        team_id=team.id,
        kind=ConversationKind.CALL,
        conversation_id=new_id(),
        now=now,
        actor=OPERATOR,
        date=now,
        name="A talk",
        content_sha256=kept.sha256,
        parties=parties,
        recording=kept,
    )

    def receive(tx: Tx) -> str:
        announce_file(tx, team.id, kept.id, kept.file_key, now=now)
        return receive_conversation(tx, arrival).conversation_id

    return db.write_now(receive)
