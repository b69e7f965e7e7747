"""The audit trail: every change leaves a row in its own transaction."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from sqlalchemy import insert

from callfloor.access.tables import audit_entry
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx
from callfloor.foundation.ids import new_id

# inline: no RETURNING of the entry, which nobody needs.
_note = insert(audit_entry).inline()


@dataclasses.dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, in which request, from which address."""

    kind: str
    """`operator` (command line), `portal_key`, `conversations_key`, `account` or `system`."""
    id: str
    name: str
    request_id: str = ""
    address: str = ""


OPERATOR = Actor(kind="operator", id="", name="command line")
SYSTEM = Actor(kind="system", id="", name="Callfloor")
INSTALLATION = 0
"""Stands for the team where a change concerns the whole installation; no team has this number."""


@dataclasses.dataclass(frozen=True, slots=True)
class Change:
    """One change of one object; `before` and `after` hold the attributes that changed, never a secret."""

    team_id: int
    action: str
    object_kind: str
    object_id: str
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None


def note(tx: Tx, actor: Actor, change: Change, *, now: Millis) -> None:
    """Write the change into the audit trail."""
    tx.run(
        _note,
        {
            "team_id": change.team_id,
            "id": new_id(),
            "at": now,
            "actor_kind": actor.kind,
            "actor_id": actor.id,
            "actor_name": actor.name,
            "action": change.action,
            "object_kind": change.object_kind,
            "object_id": change.object_id,
            "before": change.before,
            "after": change.after,
            "request_id": actor.request_id,
            "address": actor.address,
        },
    )
