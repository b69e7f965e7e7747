"""Jobs of resumable uploads: one makes a whole upload a conversation, one forgets those that nobody goes on with."""

from __future__ import annotations

import asyncio
from functools import partial

from callfloor.conversations.ended_uploads import remove_expired_uploads
from callfloor.conversations.tus import FINISH, upload_now
from callfloor.conversations_api.refusals import Refused
from callfloor.conversations_api.tus_writing import finished
from callfloor.foundation.files import FileMissing
from callfloor.foundation.growing_files import GrowingFiles
from callfloor.foundation.jobs import JobKind, RunningJob, Schedule, Verb
from callfloor.foundation.jobs.schedules import Every
from callfloor.foundation.services import Services

_HOUR_SECONDS = 3600


def finish_whole_upload(job: RunningJob, services: Services) -> Verb | None:
    """Make a whole upload a conversation, if the request that brought its end did not."""
    team_id, upload_id = job.team_id or 0, str(job.args["upload_id"])
    upload = services.db.read_now(partial(upload_now, team_id=team_id, upload_id=upload_id))
    if upload is None or upload.conversation_id is not None or upload.is_ended:
        return None
    try:
        asyncio.run(finished(services, GrowingFiles(services.files), upload))
    except (Refused, FileMissing):
        return None  # the client is told when it asks, or nobody ever does: it expires
    return None


def forget_expired_uploads(job: RunningJob, services: Services) -> Verb | None:
    """Remove uploads whose next piece took too long, what came of them, and what nobody needs any more."""
    growing = GrowingFiles(services.files)
    remove_expired_uploads(services, growing, now=job.now())
    _remove_left(growing, services)
    return None


def _remove_left(growing: GrowingFiles, services: Services) -> None:
    """Remove what is kept of uploads that are whole or gone.

    A process that is killed between a part and its row, or writes on while the upload is deleted, leaves such. There is
    no part without a row before it, so what has none now is of an upload that has ended.
    """
    for name, parts in growing.kept_now():
        team_id, _, upload_id = name.partition("/")
        if not team_id.isdecimal():
            continue
        upload = services.db.read_now(partial(upload_now, team_id=int(team_id), upload_id=upload_id))
        if upload is None or upload.conversation_id is not None:
            growing.remove_now(name, parts)


FINISH_UPLOAD: JobKind[Services] = JobKind(name=FINISH, handler=finish_whole_upload)
FORGET_UPLOADS: JobKind[Services] = JobKind(name="forget_uploads", handler=forget_expired_uploads)
UPLOADS_SCHEDULE = Schedule("forget_uploads", FORGET_UPLOADS.name, Every(_HOUR_SECONDS))
