"""An operator lets a client in again that went over a limit, and the audit trail has it."""

from __future__ import annotations

import re

from callfloor.access import audit
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx
from callfloor.foundation.limits.blocks import lift_blocks

_OF_TEAM = re.compile(r"team (\d+) ")


def lift_limit(tx: Tx, client: str, actor: audit.Actor, *, now: Millis) -> None:
    """Lift every block of the client; the entry is its team's, or the installation's when it is of no one team.

    Raises:
        NotBlocked: it is not shut out.
    """
    found = _OF_TEAM.match(client)
    team_id = audit.INSTALLATION if found is None else int(found[1])
    for api, block in lift_blocks(tx, client, now=now):
        before = {"api": api.value, "blocked_at": block.blocked_at, "ends_at": block.ends_at}
        change = audit.Change(team_id, "limit.lifted", "client", client, before=before, after={"ends_at": now})
        audit.note(tx, actor, change, now=now)
