"""Jobs that erase: what was asked for, what is older than a team keeps, and what is left of both in files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from callfloor.access.audit import SYSTEM
from callfloor.conversations.ended_uploads import remove_ended_uploads
from callfloor.conversations.erasing import (
    ERASE,
    RETENTION,
    UNFINISHED_UPLOADS,
    Item,
    RequestErasure,
    Sums,
    add_items,
    begin_erasure,
    erase_item,
    erased_items,
    finish_erasure,
    resume_erasures,
    waiting_items,
)
from callfloor.conversations.holds import holds_on
from callfloor.conversations.imports.forgetting import forget_histories
from callfloor.conversations.incoming import condemn_abandoned, forget_files
from callfloor.conversations.receipts import receipt_by_id
from callfloor.conversations.redacting import resume_redactions
from callfloor.conversations.retaining import (
    BEGINNING,
    REMOVE,
    due_conversations,
    erase_due_item,
    retention_of_team,
    running_removal,
    teams_to_clear,
)
from callfloor.conversations.scrub_marks import is_unscrubbed, set_scrubbed
from callfloor.conversations.stewardship_tables import ItemState
from callfloor.conversations.tables import ConversationKind
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx
from callfloor.foundation.database.scrubbing import scrub
from callfloor.foundation.errors import Unavailable
from callfloor.foundation.jobs import Daily, JobKind, RunningJob, Schedule, Verb
from callfloor.foundation.jobs.blanking import blank_jobs
from callfloor.foundation.services import Services

INDEXES = ("search_text",)
_DUE_AT_ONCE = 100
_MEGABYTE = 1_000_000
_WITHOUT_BOUND = 2**62

Erase = Callable[..., Sequence[tuple[str, str]]]
"""`erase_item`, or as it."""


class StillRead(Unavailable):
    """Somebody reads what the database held before; the files keep it so long."""


def erase_conversations(job: RunningJob, services: Services) -> Verb:
    """Erase what was asked for; the returned verb completes the receipt."""
    return _erase(job, services, job.team_id or 0, str(job.args["erasure_id"]), scrubs=True)


def remove_due_conversations(job: RunningJob, services: Services) -> None:
    """Erase what is older than its team keeps, one team after the other, each with a receipt.

    An erasure or a redaction that somebody asked for and whose job was given up gets another one.
    """
    now = job.now()
    services.db.write_now(partial(resume_erasures, now=now))
    services.db.write_now(partial(resume_redactions, now=now))
    for team_id in services.db.read_now(teams_to_clear):
        erasure_id = services.db.read_now(partial(running_removal, team_id=team_id))
        if erasure_id is not None:  # the job was stopped: what it had gathered is in its receipt
            _erase_waiting(job, services, team_id, erasure_id, erase_due_item)
        for kind in ConversationKind:
            place = BEGINNING
            while True:
                gather = partial(_gather, team_id=team_id, kind=kind, after=place, now=now)
                erasure_id, last = services.db.write_now(partial(gather, erasure_id=erasure_id))
                if last is None:
                    break
                place = last
                if erasure_id is not None:
                    _erase_waiting(job, services, team_id, erasure_id, erase_due_item)
        if erasure_id is not None:
            services.db.write_now(_erase(job, services, team_id, erasure_id, scrubs=False))


def scrub_database(job: RunningJob, services: Services) -> Verb | None:
    """Write the database's files anew, so that nothing erased is left in them; nothing to do where that was done.

    Raises:
        StillRead: somebody reads what was before.
    """
    if services.db.name != "sqlite" or not services.db.read_now(is_unscrubbed):
        return None  # PostgreSQL uses the space of deleted rows again by itself
    job.progress("scrubbing")
    if not scrub(services.settings.database_url, INDEXES, at_most_bytes=_WITHOUT_BOUND):
        raise StillRead("the database is being read; what was erased is still in its files")
    return partial(set_scrubbed, now=job.now())


ERASE_CONVERSATIONS: JobKind[Services] = JobKind(
    name=ERASE, handler=erase_conversations, max_attempts=20, timeout_seconds=24 * 3600
)
REMOVE_DUE: JobKind[Services] = JobKind(name=REMOVE, handler=remove_due_conversations, timeout_seconds=24 * 3600)
SCRUB_DATABASE: JobKind[Services] = JobKind(name="scrub_database", handler=scrub_database, max_attempts=10)
RETENTION_SCHEDULE = Schedule(REMOVE, REMOVE_DUE.name, Daily(2, 20))
SCRUB_SCHEDULE = Schedule("scrub_database", SCRUB_DATABASE.name, Daily(3, 20))


def _erase(job: RunningJob, services: Services, team_id: int, erasure_id: str, *, scrubs: bool) -> Verb:
    _erase_waiting(job, services, team_id, erasure_id, erase_item if scrubs else erase_due_item)
    remove_ended_uploads(services)
    delete_told(job, services, team_id)
    if scrubs:
        services.db.write_now(partial(forget_histories, team_id=team_id, now=job.now()))
    sums = _sums(services, team_id, erasure_id)
    receipt = services.db.read_now(partial(receipt_by_id, team_id=team_id, erasure_id=erasure_id))
    uploads = receipt.counts.get(UNFINISHED_UPLOADS)  # counted when it was asked for
    if uploads:
        sums.rows[UNFINISHED_UPLOADS] = uploads
    sums.rows["jobs"] = _blank_jobs(job, services, team_id, erasure_id)
    scrubbed_at = None
    if scrubs and (sums.states[ItemState.ERASED] or uploads):
        scrubbed_at = scrub_at_once(job, services)
    return partial(
        finish_erasure, team_id=team_id, erasure_id=erasure_id, sums=sums, scrubbed_at=scrubbed_at, now=job.now()
    )


def _erase_waiting(job: RunningJob, services: Services, team_id: int, erasure_id: str, verb: Erase) -> None:
    erase = partial(verb, team_id=team_id, erasure_id=erasure_id, hash_key=services.settings.hash_key)
    done = 0
    while waiting := services.db.read_now(partial(waiting_items, team_id=team_id, erasure_id=erasure_id)):
        for conversation_id in waiting:
            job.progress("erasing", done)
            files = services.db.write_now(partial(erase, conversation_id=conversation_id, now=job.now()))
            _delete(services, team_id, files)
            done += 1


def scrub_at_once(job: RunningJob, services: Services) -> Millis | None:
    """Write a database that is not too large anew; returns when that was done, None when it is left to the night."""
    job.progress("scrubbing")
    limit = services.settings.erasure.scrub_at_once_mb * _MEGABYTE
    return job.now() if scrub(services.settings.database_url, INDEXES, at_most_bytes=limit) else None


def delete_told(job: RunningJob, services: Services, team_id: int) -> None:
    """Delete what a run that was stopped had left to the sweep: what is done has no file."""
    told = services.db.write_now(partial(condemn_abandoned, now=job.now()))
    _delete(services, team_id, [(file_id, key) for of_team, file_id, key in told if of_team == team_id])


def _delete(services: Services, team_id: int, files: Sequence[tuple[str, str]]) -> None:
    # Stopped here, the sweep deletes them: the transaction that erased the conversation has told it.
    for _, key in files:
        services.files.delete_now(key)
    if files:
        services.db.write_now(partial(forget_files, files=[(team_id, file_id) for file_id, _ in files]))


def _sums(services: Services, team_id: int, erasure_id: str) -> Sums:
    sums, after = Sums(), ""
    read = partial(erased_items, team_id=team_id, erasure_id=erasure_id, take=_DUE_AT_ONCE)
    while rows := services.db.read_now(partial(read, after=after)):
        for conversation_id, state, digest, counts in rows:
            sums.add(conversation_id, state, digest, counts)
            after = conversation_id
    return sums


def _blank_jobs(job: RunningJob, services: Services, team_id: int, erasure_id: str) -> int:
    erased: set[str] = set()
    after, place, blanked = "", "", 0
    read = partial(erased_items, team_id=team_id, erasure_id=erasure_id, take=_DUE_AT_ONCE)
    while rows := services.db.read_now(partial(read, after=after)):
        erased.update(row[0] for row in rows if row[1] == ItemState.ERASED)
        after = rows[-1][0]
    while erased:
        job.progress("blanking jobs")
        look = partial(blank_jobs, team_id=team_id, name="conversation_id", values=erased, after=place, now=job.now())
        last, count = services.db.write_now(look)
        blanked += count
        if last is None:
            break
        place = last
    return blanked


def _gather(
    tx: Tx,
    team_id: int,
    kind: ConversationKind,
    *,
    after: tuple[Millis, str],
    erasure_id: str | None,
    now: Millis,
) -> tuple[str | None, tuple[Millis, str] | None]:
    """Write down the next due conversations that are not held; return the receipt and the last place looked at."""
    days = retention_of_team(tx, team_id).get(kind)
    if days is None:
        return erasure_id, None
    found = due_conversations(tx, team_id, kind, days=days, after=after, take=_DUE_AT_ONCE, now=now)
    held = holds_on(tx, team_id, [id_ for _, id_ in found])
    items = [Item(id_, kind.value, ItemState.WAITING) for _, id_ in found if id_ not in held]
    if items and erasure_id is None:
        erasure_id = begin_erasure(tx, RequestErasure(team_id, SYSTEM, now, b""), items, cause=RETENTION)
    elif items and erasure_id is not None:
        add_items(tx, team_id, erasure_id, items, now=now)
    return erasure_id, found[-1] if found else None
