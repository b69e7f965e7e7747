"""The job that runs an import from an allowed location."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from callfloor.conversations.imports.importing import Runner, run_import
from callfloor.conversations.imports.imports import QUEUE, RUN_IMPORT, Import, RunOver, end_import, import_by_id
from callfloor.conversations.imports.locations import location_by_name, open_recordings
from callfloor.conversations.imports.options import ImportFormat
from callfloor.conversations.imports.recordings import Recordings
from callfloor.conversations.imports.sources import FileSource, Source, TableSource
from callfloor.conversations.imports.tables import ImportState
from callfloor.foundation.clock import DAY, SECOND, Millis
from callfloor.foundation.errors import DomainError
from callfloor.foundation.files import FileMissing
from callfloor.foundation.jobs import ClaimedJob, JobKind, RunningJob, Verb
from callfloor.foundation.services import Services


def run_import_job(job: RunningJob, services: Services) -> Verb | None:
    """Run the import to its end; what another attempt has committed is not done again."""
    team_id, import_id, run = job.team_id or 0, str(job.args["import_id"]), int(job.args["run"])
    begun = services.db.read_now(partial(import_by_id, team_id=team_id, import_id=import_id))
    if begun.run != run or begun.state not in {ImportState.QUEUED, ImportState.RUNNING}:
        return None

    def tell(now: Import) -> None:
        job.progress("importing", now.done_units, now.total_units)

    try:
        with import_folder(services.settings.data, import_id) as scratch:
            runner = Runner(services, scratch, job.now, tell, job.stop_if_asked)
            _run(runner, begun)
    except RunOver:
        return None
    except FileMissing:
        reason = "the table is no longer in the store of files; begin another import"
    except DomainError as error:
        reason = error.message
    else:
        return None
    return partial(end_import, team_id=team_id, import_id=import_id, run=run, now=job.now(), reason=reason)


def give_up(job: ClaimedJob, reason: str, now: Millis) -> Verb:
    """Say on the import why it ended; it can be resumed."""
    import_id, run = str(job.args["import_id"]), int(job.args["run"])
    text = reason.splitlines()[0] if reason else "it could not be finished"
    return partial(end_import, team_id=job.team_id or 0, import_id=import_id, run=run, now=now, reason=text)


RUN_IMPORT_JOB: JobKind[Services] = JobKind(
    name=RUN_IMPORT,
    handler=run_import_job,
    queue=QUEUE,
    max_attempts=50,
    lease_seconds=15.0,
    timeout_seconds=365 * DAY / SECOND,
    on_failed=give_up,
)


@contextlib.contextmanager
def import_folder(data: Path, import_id: str) -> Iterator[Path]:
    """Yield the import's folder for copies, empty; what a killed run left there goes."""
    folder = data / "scratch" / f"import-{import_id}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(runner: Runner, begun: Import) -> None:
    location = location_by_name(runner.services.settings, begun.team_id, begun.location or "")
    recordings = open_recordings(location.place)
    if begun.csv_key is None and begun.options.format is not ImportFormat.FILES:
        raise FileMissing("the table was forgotten")
    if begun.csv_key is None:
        run_import(runner, begun, source_of(begun, None, recordings, runner), recordings)
        return
    with runner.services.files.as_local(begun.csv_key, runner.scratch) as table:
        run_import(runner, begun, source_of(begun, table, recordings, runner), recordings)


def source_of(begun: Import, table: Path | None, recordings: Recordings, runner: Runner) -> Source:
    """Return what the import's rows are read from.

    Raises:
        TableUnreadable: the table is none of the import's format.
    """
    if begun.options.format is ImportFormat.FILES or table is None:
        return FileSource(recordings, begun.options, runner.clock())
    return TableSource(table, begun.options, runner.clock())
