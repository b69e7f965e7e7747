"""Who is given a recording: an entry of the audit trail."""

from __future__ import annotations

import dataclasses

from sqlalchemy import select

from callfloor.access import audit
from callfloor.access.tables import access_key, account
from callfloor.conversations.recording_links import Holder, Link
from callfloor.foundation.clock import Millis, iso
from callfloor.foundation.database import Tx, param

_account_name = select(account.c.email).where(account.c.id == param("id"))
_key_name = select(access_key.c.name).where(access_key.c.team_id == param("team_id"), access_key.c.id == param("id"))


@dataclasses.dataclass(frozen=True, slots=True)
class Listener:
    """Somebody at an address who came with a link."""

    link: Link
    conversation_id: str
    request_id: str
    address: str
    now: Millis


def note_download(tx: Tx, listener: Listener) -> None:
    """Note in the audit trail who is given which recording."""
    link = listener.link
    holder = link.holder
    actor = audit.Actor(
        holder.kind, str(holder.id), _name_of(tx, link.team_id, holder), listener.request_id, listener.address
    )
    after = {"conversation_id": listener.conversation_id, "link_expires_at": iso(link.expires_seconds * 1000)}
    change = audit.Change(link.team_id, "recording.downloaded", "recording", link.recording_id, after=after)
    audit.note(tx, actor, change, now=listener.now)


def _name_of(tx: Tx, team_id: int, holder: Holder) -> str:
    if holder.kind == "account":
        row = tx.one(_account_name, {"id": holder.id})
    elif holder.kind.endswith("_key"):
        row = tx.one(_key_name, {"team_id": team_id, "id": holder.id})
    else:
        row = None
    return row[0] if row else ""
