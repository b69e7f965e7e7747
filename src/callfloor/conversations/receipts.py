"""Receipts of erasures: what was removed, when, by whom, and what was held instead."""

from __future__ import annotations

import dataclasses
import hmac
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Integer, select

from callfloor.conversations.persons import person_digest
from callfloor.conversations.stewardship_tables import erasure, erasure_item
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx, param
from callfloor.foundation.errors import DomainError

NEWEST = "~"
"""After every id."""

_x, _i = erasure.c, erasure_item.c
_columns = (
    _x.id,
    _x.cause,
    _x.state,
    _x.requested_at,
    _x.requested_by,
    _x.finished_at,
    _x.scrubbed_at,
    _x.counts,
    _x.digest,
    _x.person_digest,
)
_one = select(*_columns).where(_x.team_id == param("team_id"), _x.id == param("id"))
_page = (
    select(*_columns)
    .where(_x.team_id == param("team_id"), _x.id < param("before"))
    .order_by(_x.id.desc())
    .limit(param("take", Integer))
)
_items = (
    select(_i.conversation_id, _i.kind, _i.state, _i.at, _i.hold_id, _i.digest, _i.recordings, _i.counts)
    .where(_i.team_id == param("team_id"), _i.erasure_id == param("erasure_id"), _i.conversation_id > param("after"))
    .order_by(_i.conversation_id)
    .limit(param("take", Integer))
)


class ErasureNotFound(DomainError):
    """The team has no such erasure."""

    code = "erasure_not_found"
    status = 404


@dataclasses.dataclass(frozen=True, slots=True)
class Receipt:
    """One erasure; `digest` is over id, state and digest of each of its conversations."""

    id: str
    cause: str
    state: str
    requested_at: Millis
    requested_by: dict[str, str]
    finished_at: Millis | None
    scrubbed_at: Millis | None
    counts: Mapping[str, int]
    digest: str | None
    person_digest: bytes | None

    def is_about(self, person_key: str, *, hash_key: bytes) -> bool:
        """Return whether it was the erasure of this person."""
        known = self.person_digest
        return known is not None and hmac.compare_digest(bytes(known), person_digest(person_key, hash_key=hash_key))


@dataclasses.dataclass(frozen=True, slots=True)
class ErasedConversation:
    """What became of one conversation of an erasure."""

    conversation_id: str
    kind: str
    state: str
    at: Millis | None
    hold_id: str | None
    digest: str | None
    recordings: Sequence[dict[str, Any]]
    counts: Mapping[str, int]


def receipt_by_id(tx: Tx, team_id: int, erasure_id: str) -> Receipt:
    """Return the receipt.

    Raises:
        ErasureNotFound: the team has none with this id.
    """
    row: Any = tx.one(_one, {"team_id": team_id, "id": erasure_id})
    if row is None:
        raise ErasureNotFound(f"there is no erasure {erasure_id} in this team")
    return Receipt(*row)


def receipts_below(tx: Tx, team_id: int, *, before: str = NEWEST, take: int) -> list[Receipt]:
    """Return the team's receipts before an id, newest first."""
    return [Receipt(*row) for row in tx.all(_page, {"team_id": team_id, "before": before, "take": take})]


def conversations_of(tx: Tx, team_id: int, erasure_id: str, *, after: str = "", take: int) -> list[ErasedConversation]:
    """Return the erasure's conversations after an id, by id.

    Raises:
        ErasureNotFound: the team has none with this id.
    """
    receipt_by_id(tx, team_id, erasure_id)
    params = {"team_id": team_id, "erasure_id": erasure_id, "after": after, "take": take}
    return [ErasedConversation(*row) for row in tx.all(_items, params)]
