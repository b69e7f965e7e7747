"""`callfloor calls import`: the operator's backfill beside a running server, and what a kill in the middle leaves."""

from __future__ import annotations

import functools
import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import func, select

from callfloor.access.audit import OPERATOR
from callfloor.conversations.imports.imports import NEWEST, Import, NewImport, begin_import, imports_below
from callfloor.conversations.imports.options import ImportFormat, Options
from callfloor.conversations.imports.tables import ImportState
from callfloor.conversations.incoming import ABANDONED_AFTER, condemn_abandoned
from callfloor.conversations.tables import conversation, recording
from callfloor.foundation import clock
from callfloor.foundation.database import param
from callfloor.foundation.ids import new_id
from callfloor.foundation.services import Services, open_services
from callfloor.foundation.settings import Settings
from callfloor.teams.teams import Team
from tests.conversations.imports.history import cdr_row, cdr_table, keep_recording
from tests.conversations_api.waiting import wait_until
from tests.factories.audio import make_wav
from tests.factories.teams import make_team
from tests.support.server import Program, environment, run_command

FILES = 400

_calls = select(func.count(), func.count(conversation.c.content_sha256.distinct())).where(
    conversation.c.team_id == param("team_id")
)
_recordings = select(recording.c.file_key).where(recording.c.team_id == param("team_id"))


@pytest.fixture
def services(fresh_database_url: str, tmp_path: Path) -> Iterator[Services]:
    """A database and a data folder that other processes work on, too."""
    services = open_services(Settings(data=tmp_path / "data", database=SecretStr(fresh_database_url)))
    yield services
    services.close_now()


@pytest.fixture
def team(services: Services) -> Team:
    return make_team(services.db)


def arguments(services: Services, team: Team, *more: str) -> list[str]:
    where = ["--data", str(services.settings.data), "--database", services.settings.database_url]
    return ["calls", "import", *more, "--team", str(team.id), *where, "--json"]


def imported(services: Services, team: Team, *more: str) -> dict[str, Any]:
    """Run the command to its end; return what it prints."""
    ended = run_command(*arguments(services, team, *more))
    assert ended.returncode == 0, ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout)
    return {name: value for name, value in found.items() if name != "id" and value not in (0, False)}


def counted(services: Services, team: Team) -> tuple[int, int]:
    """Return how many calls the team has, and of how many contents."""
    row = services.db.read_now(lambda tx: tx.one(_calls, {"team_id": team.id}))
    assert row is not None
    return row[0], row[1]


def newest(services: Services, team: Team) -> list[Import]:
    read = functools.partial(imports_below, team_id=team.id, below=NEWEST, take=10)
    return services.db.read_now(read)


def make_folder(folder: Path, count: int) -> Path:
    folder.mkdir()
    for number in range(count):
        (folder / f"{number:04}.wav").write_bytes(make_wav(seconds=0.02))
    return folder


def test_tries_a_table_out_imports_it_and_writes_down_what_is_refused(
    services: Services, team: Team, tmp_path: Path
) -> None:
    table, monitor, report = tmp_path / "cdr.csv", tmp_path / "monitor", tmp_path / "refused.csv"
    rows = [cdr_row(n) for n in range(3)]
    for row in rows[:2]:
        keep_recording(monitor, row)
    table.write_bytes(cdr_table(rows))
    said = (str(table), "--recordings", str(monitor), "--timezone", "Europe/Berlin")

    tried = imported(services, team, *said, "--dry-run")
    before = counted(services, team)
    done = imported(services, team, *said, "--refusals", str(report))

    assert tried == {"state": "done", "dry_run": True, "rows": 4, "created": 2, "refused": 1}
    assert (before, counted(services, team)) == ((0, 0), (2, 2))
    assert done == {"state": "done", "rows": 4, "created": 2, "refused": 1}
    assert report.read_bytes() == (
        b"row,file,field,expected\r\n4,,recordingfile,the path or the name of a file among the recordings\r\n"
    )


@pytest.mark.parametrize("command", ["import", "imports"])
def test_of_a_team_that_is_not_there_is_refused(services: Services, tmp_path: Path, command: str) -> None:
    folder = make_folder(tmp_path / "archive", 1)
    where = ["--data", str(services.settings.data), "--database", services.settings.database_url]
    source = [str(folder)] if command == "import" else []

    ended = run_command("calls", command, *source, "--team", "99", *where)

    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", "there is no team 99\n")


def test_that_cannot_begin_has_failed_with_its_reason(services: Services, team: Team, tmp_path: Path) -> None:
    (tmp_path / "calls.csv").write_text("id|when|file\n1|1704449730|0000.wav\n")
    folder, table = make_folder(tmp_path / "archive", 1), str(tmp_path / "calls.csv")
    columns = ("--column", "date=began", "--column", "recording=file")

    no_folder = run_command(*arguments(services, team, table, "--recordings", str(tmp_path / "none"), *columns))
    no_column = run_command(*arguments(services, team, table, "--recordings", str(folder), *columns))

    assert (no_folder.returncode, no_column.returncode) == (1, 1)
    assert [(one.state, f"{one.reason}\n") for one in newest(services, team)] == [
        (ImportState.FAILED, no_column.stderr),
        (ImportState.FAILED, no_folder.stderr),
    ]
    assert no_column.stderr == "the table's header has no column 'began'\n"


def test_takes_a_mapping_from_a_file_and_from_options(services: Services, team: Team, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "archive", 2)
    table, mapping = tmp_path / "calls.csv", tmp_path / "mapping.toml"
    table.write_text("id|when|dir|file\n1|1704449730|in|0000.wav\n2|1704449731|out|0001.wav\n")
    mapping.write_text(
        'date_format = "epoch"\n[columns]\ndate = "when"\n[values.direction]\nin = "inbound"\nout = "outbound"\n'
    )
    columns = ("--column", "recording=file", "--column", "direction=dir", "--column", "external_call_id=id")

    done = imported(services, team, str(table), "--recordings", str(folder), "--mapping", str(mapping), *columns)

    assert done == {"state": "done", "rows": 3, "created": 2}


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (("nowhere.csv",), "nowhere.csv is no folder, no table and no s3:// address."),
        (("DATA", "--recordings", "DATA"), "A table needs --recordings"),
        (("DATA", "--timezone", "Mars/Base"), "timezone: must be a name of the time zone database"),
        (("DATA", "--column", "date"), "column: must be a field and its column"),
    ],
)
def test_says_what_is_wrong_with_its_options(
    services: Services, team: Team, more: tuple[str, ...], sentence: str
) -> None:
    given = [str(services.settings.data) if one == "DATA" else one for one in more]

    ended = run_command(*arguments(services, team, *given))

    assert ended.returncode != 0
    assert ended.stdout == ""
    assert sentence in ended.stderr


def test_a_command_that_is_killed_goes_on_where_it_was(services: Services, team: Team, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "archive", FILES)
    begun = Program(["-m", "callfloor.server.cli", *arguments(services, team, str(folder))], environment())
    try:
        wait_until(lambda: any(one.row_number > 0 for one in newest(services, team)), begun)
        begun.process.kill()
        begun.wait()
    finally:
        begun.end()
    (halfway,) = newest(services, team)

    done = imported(services, team, str(folder))

    assert (halfway.state, 0 < halfway.created < FILES) == ("running", True)
    assert done == {"state": "done", "rows": FILES, "created": FILES}
    assert len(newest(services, team)) == 1
    assert counted(services, team) == (FILES, FILES)
    kept_is_known(services, team)


def test_a_command_that_is_interrupted_says_so_and_goes_on(services: Services, team: Team, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "archive", FILES)
    begun = Program(["-m", "callfloor.server.cli", *arguments(services, team, str(folder))], environment())
    try:
        wait_until(lambda: any(one.row_number > 0 for one in newest(services, team)), begun)
        code = begun.stop(signal.SIGINT)
    finally:
        begun.end()
    (stopped,) = newest(services, team)

    done = imported(services, team, str(folder))

    assert (code, stopped.state) == (1, "stopped")
    assert "Stopped; the same command goes on from here.\n" in begun.lines
    assert done == {"state": "done", "rows": FILES, "created": FILES}


def test_a_job_whose_worker_is_killed_goes_on_where_it_was(services: Services, team: Team, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "archive", FILES)
    new = NewImport(
        team_id=team.id,
        id=new_id(),
        options=Options(format=ImportFormat.FILES),
        origin=str(folder),
        actor=OPERATOR,
        now=clock.now(),
        location="archive",
    )
    services.db.write_now(functools.partial(begin_import, new=new))
    settings = {
        "CALLFLOOR_DATA": str(services.settings.data),
        "CALLFLOOR_DATABASE": services.settings.database_url,
        "CALLFLOOR_IMPORTS_LOCATIONS": f"archive={folder}",
        "CALLFLOOR_SPEECH_MODEL": "none",
    }

    def worked_until(row_number: int, state: str) -> Import:
        worker = Program(["-m", "callfloor.server.cli", "worker"], environment(settings))
        try:
            wait_until(
                lambda: (one := newest(services, team)[0]).row_number >= row_number and one.state == state, worker
            )
            worker.process.kill()
            worker.wait()
        finally:
            worker.end()
        return newest(services, team)[0]

    halfway = worked_until(1, "running")
    done = worked_until(FILES, "done")

    assert 0 < halfway.created < FILES
    assert (done.created, done.existing, done.refused) == (FILES, 0, 0)
    assert counted(services, team) == (FILES, FILES)
    kept_is_known(services, team)


def kept_is_known(services: Services, team: Team) -> None:
    """Every file that is kept is a call's, or the sweep knows of it and removes it."""
    files = services.settings.data / "files"
    kept = {str(path.relative_to(files)) for path in files.glob("recordings/**/*") if path.is_file()}
    known = {row[0] for row in services.db.read_now(lambda tx: tx.all(_recordings, {"team_id": team.id}))}
    later = clock.now() + ABANDONED_AFTER + 1
    swept = {key for _, _, key in services.db.write_now(functools.partial(condemn_abandoned, now=later))}
    assert known <= kept
    assert kept - known <= swept
