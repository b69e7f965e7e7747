"""What a webhook says of a meeting or a call: its record, as the lists have it."""

from __future__ import annotations

from typing import Any

import msgspec

from callfloor.conversations.recording_links import WEBHOOKS
from callfloor.conversations.snapshot import conversation_now
from callfloor.conversations.tables import ConversationKind
from callfloor.conversations_api import wire
from callfloor.conversations_api.records import Links, View, records
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx
from callfloor.foundation.settings import Settings
from callfloor.teams.teams import team_by_id

_REF = "#/$defs/{name}"


def conversation_record(
    tx: Tx, team_id: int, kind: str, conversation_id: str, *, settings: Settings, now: Millis
) -> msgspec.Raw | None:
    """Return the record, or None when the conversation is gone.

    Its recording is linked to where the settings say under which address this server is reached.
    """
    which = ConversationKind(kind)
    found = conversation_now(tx, team_id, which, conversation_id)
    if not found.rows:
        return None
    links = Links(settings.public_url or "", now, settings.hash_key, WEBHOOKS)
    record = records(which, found, View(team_id, team_by_id(tx, team_id).client_id, (), links))[0]
    if settings.public_url is None:
        record.recording_ref = None
    return msgspec.Raw(msgspec.json.encode(record))


def record_schema(kind: str) -> dict[str, Any]:
    """Return the JSON Schema of a record, its definitions inside it."""
    shape: Any = wire.CallRecord if kind == ConversationKind.CALL.value else wire.MeetingRecord
    (root,), definitions = msgspec.json.schema_components([shape], ref_template=_REF)
    return {**root, "$defs": definitions}
