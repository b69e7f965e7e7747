"""What entries of the audit trail say of one object is taken out of them; their seals still hold."""

from __future__ import annotations

from sqlalchemy import null, select, update

from callfloor.access.sealing import content_digest
from callfloor.access.tables import audit_entry
from callfloor.foundation.database import Tx, param

_e = audit_entry.c
_about = (
    select(_e.entry, _e.before, _e.after)
    .where(
        _e.team_id == param("team_id"),
        _e.object_id == param("object_id"),
        _e.object_kind == param("object_kind"),
        _e.content_digest.is_(None),
    )
    .order_by(_e.entry)
    .with_for_update()
)
_redact = (
    update(audit_entry)
    .where(_e.entry == param("of_entry"))
    .values(before=null(), after=null(), content_digest=param("digest"))
)


def redact_entries(tx: Tx, team_id: int, object_kind: str, object_id: str, *, hash_key: bytes) -> int:
    """Take what was before and after from the entries about an object, and leave its digest; returns of how many.

    Args:
        tx: the transaction.
        team_id: whose object it is.
        object_kind: as the entries name it.
        object_id: as the entries name it.
        hash_key: the installation's.
    """
    about = {"team_id": team_id, "object_kind": object_kind, "object_id": object_id}
    found = [row for row in tx.all(_about, about) if row[1] is not None or row[2] is not None]
    rows = [{"of_entry": row[0], "digest": content_digest(row[1], row[2], hash_key=hash_key)} for row in found]
    tx.run(_redact, rows)
    return len(rows)
