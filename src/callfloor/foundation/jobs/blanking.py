"""What jobs were told of things that are erased is taken out of them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Integer, delete, select, update

from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Json, Tx, any_of, param
from callfloor.foundation.jobs.ending import cancel
from callfloor.foundation.jobs.tables import job

READ_AT_ONCE = 1000

_c = job.c
_of_team = (
    select(_c.id, _c.args, _c.finished_at)
    .where(_c.team_id == param("team_id"), _c.id > param("after"))
    .order_by(_c.id)
    .limit(param("take", Integer))
)
_forget = delete(job).where(any_of(_c.id, "ids"))
_blank = (
    update(job).where(_c.id == param("job_id")).values(args=param("new_args", Json()), errors=param("none", Json()))
)


def blank_jobs(
    tx: Tx, team_id: int, name: str, values: Collection[str], *, after: str, now: Millis
) -> tuple[str | None, int]:
    """Look at the team's next jobs after one; take out of them what they were told of some things.

    Those that have ended are forgotten. Those that have not are canceled, and keep nothing but the thing's id.

    Args:
        tx: the transaction.
        team_id: whose jobs.
        name: of the argument that holds the thing's id.
        values: the ids of what is erased.
        after: the id of the last job that was looked at; empty to begin with.
        now: the present.

    Returns:
        the last job that was looked at, None when there are no more; and how many were about these things.
    """
    rows: list[Any] = tx.all(_of_team, {"team_id": team_id, "after": after, "take": READ_AT_ONCE})
    about = [row for row in rows if row[1].get(name) in values]
    for id_, args, finished_at in about:
        if finished_at is None:
            cancel(tx, id_, now=now)
            tx.run(_blank, {"job_id": id_, "new_args": {name: args[name]}, "none": []})
    tx.run(_forget, {"ids": [row[0] for row in about if row[2] is not None]})
    return rows[-1][0] if len(rows) == READ_AT_ONCE else None, len(about)
