"""Imports are tried out, stopped, resumed, and kept apart by team."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from callfloor.access.audit import OPERATOR
from callfloor.conversations.erasure_jobs import ERASE_CONVERSATIONS
from callfloor.conversations.imports.importing import Runner, run_import
from callfloor.conversations.imports.imports import Import, RunOver, import_by_id, stop_import
from callfloor.conversations.imports.jobs import source_of
from callfloor.conversations.imports.locations import open_recordings
from callfloor.foundation import clock
from callfloor.foundation.database import Database
from callfloor.foundation.jobs.testing import drain
from callfloor.foundation.services import Services
from callfloor.teams.teams import Team
from tests.conversations.imports.conftest import Floor, MakeFloor
from tests.conversations.imports.history import cdr_row, cdr_table, keep_recording
from tests.conversations.imports.test_tables import counts
from tests.factories.audio import make_wav
from tests.factories.teams import make_team


def history(monitor: Path) -> bytes:
    """Return a table with rows of every fate, more than a batch of them, and keep their recordings."""
    rows = [cdr_row(n) for n in range(70)]
    for row in rows[:60]:
        keep_recording(monitor, row)
    rows += [cdr_row(3), cdr_row(4, disposition="BUSY"), cdr_row(80, recordingfile=rows[5]["recordingfile"])]
    rows += [cdr_row(81, recordingfile=""), cdr_row(82, calldate="")]
    return cdr_table(rows)


class TestDryRun:
    def test_tells_what_the_import_then_does(self, floor: Floor, monitor: Path) -> None:
        table = history(monitor)

        tried = floor.imported(table, dry_run="true")
        calls_then = floor.calls()
        kept_then = sorted((floor.services.settings.data / "files").glob("recordings/**/*"))
        done = floor.imported(table)

        assert (calls_then, kept_then) == ([], [])
        assert counts(tried) == counts(done)
        assert counts(done) == {"created": 60, "existing": 2, "refused": 11, "not_answered": 1, "not_recorded": 1}
        assert floor.refusals(tried["id"]) == floor.refusals(done["id"])
        assert len(floor.calls()) == 60

    def test_tells_what_is_there_already(self, floor: Floor, monitor: Path) -> None:
        table = history(monitor)
        floor.imported(table)

        tried = floor.imported(table, dry_run="true")

        assert counts(tried) == {"existing": 62, "refused": 11, "not_answered": 1, "not_recorded": 1}


class TestStop:
    def test_leaves_what_is_created_and_goes_on_behind_it(self, floor: Floor, monitor: Path) -> None:
        for number in range(120):
            (monitor / f"{number:03}.wav").write_bytes(make_wav(seconds=0.02))
        import_id = floor.begun(format="files")

        with pytest.raises(RunOver):
            run_until(floor, monitor, import_id, rows=50)
        stopped = floor.shown(import_id)
        floor.work()
        assert floor.shown(import_id) == stopped
        assert (stopped["state"], stopped["rows"], counts(stopped)) == ("stopped", 50, {"created": 50})

        resumed = floor.http.post(f"/imports/{import_id}/resume").json()
        floor.work()

        assert resumed["state"] == "queued"
        assert (floor.shown(import_id)["state"], counts(floor.shown(import_id))) == ("done", {"created": 120})
        assert len(floor.calls()) == 120

    def test_ends_one_that_has_not_begun(self, floor: Floor, monitor: Path) -> None:
        (monitor / "a.wav").write_bytes(make_wav())
        import_id = floor.begun(format="files")

        stopped = floor.http.post(f"/imports/{import_id}/stop").json()
        floor.work()

        assert stopped["state"] == "stopped"
        assert floor.shown(import_id)["state"] == "stopped"
        assert floor.calls() == []

    def test_and_resume_are_refused_when_it_is_done(self, floor: Floor) -> None:
        shown = floor.imported(format="files")

        for verb in ("stop", "resume"):
            answer = floor.http.post(f"/imports/{shown['id']}/{verb}")
            assert (answer.status_code, answer.json()["code"]) == (409, "import_over")

    def test_who_works_for_an_earlier_run_commits_nothing(self, floor: Floor, monitor: Path) -> None:
        (monitor / "a.wav").write_bytes(make_wav())
        import_id = floor.begun(format="files")
        known = import_of(floor, import_id)
        floor.http.post(f"/imports/{import_id}/stop")
        floor.http.post(f"/imports/{import_id}/resume")

        with pytest.raises(RunOver):
            run(floor, monitor, known, lambda _: None)

        assert floor.calls() == []


class TestBeginning:
    def test_is_refused_from_a_place_that_is_not_allowed(self, floor: Floor) -> None:
        for location in ("elsewhere", "/etc", "../monitor"):
            answer = floor.begin(format="files", location=location)
            assert (answer.status_code, answer.json()["code"]) == (422, "import_location_unknown")

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"timezone": "Europe/Nowhere"}, "timezone"),
            ({"encoding": "no-such-encoding"}, "encoding"),
            ({"encoding": "utf-16"}, "encoding"),
            ({"encoding": "idna"}, "encoding"),
            ({"language": "deutsch!"}, "language"),
            ({"format": "cdr"}, "table"),
            ({"format": "excel"}, "format"),
        ],
    )
    def test_is_refused_with_what_cannot_be(self, floor: Floor, fields: dict[str, str], field: str) -> None:
        answer = floor.begin(None, **{"format": "files", **fields})

        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == [field]

    @pytest.mark.parametrize("table", [b"", b"\n", b"\x00\x01", b"a;b\n", b"%PDF-1.7\n%\xe2\xe3\n"])
    def test_is_refused_with_a_table_that_is_none(self, floor: Floor, table: bytes) -> None:
        answer = floor.begin(table)

        assert (answer.status_code, answer.json()["code"]) == (422, "table_unreadable")

    def test_takes_a_table_larger_than_other_bodies_may_be(self, floor: Floor, monitor: Path) -> None:
        keep_recording(monitor, cdr_row(0))
        table = cdr_table([cdr_row(0), *(cdr_row(n, disposition="BUSY") for n in range(1, 6000))])

        shown = floor.imported(table)

        assert len(table) > 1_500_000
        assert counts(shown) == {"created": 1, "not_answered": 5999}


def test_erasing_somebody_takes_what_imports_keep_of_rows(services: Services, floor_of: MakeFloor, team: Team) -> None:
    scopes = ("conversations:read", "conversations:write", "conversations:erase")
    floor = floor_of(team, *scopes)
    monitor = services.settings.imports.locations[0].get_secret_value().partition("=")[2]
    for number in range(60):
        (Path(monitor) / f"{number:02} +4930123456.wav").write_bytes(b"" if number < 3 else make_wav(seconds=0.02))
    by_files, by_table = floor.begun(format="files"), floor.begun(cdr_table([cdr_row(0)]))
    with pytest.raises(RunOver):
        run_until(floor, Path(monitor), by_files, rows=50)
    floor.http.post(f"/imports/{by_table}/stop")

    asked = floor.http.post("/erasures", json={"number": "+4930123456"})
    drain(services, [ERASE_CONVERSATIONS], now=clock.now(), team_id=team.id)

    assert asked.status_code == 202
    assert [line.split(",")[:2] for line in floor.refusals(by_files)] == [["1", ""], ["2", ""], ["3", ""]]
    assert import_of(floor, by_files).position is None
    for import_id in (by_files, by_table):
        floor.http.post(f"/imports/{import_id}/resume")
    floor.work()
    assert counts(floor.shown(by_files)) == {"created": 57, "existing": 47, "refused": 6}
    assert floor.shown(by_table)["reason"] == "the table is no longer in the store of files; begin another import"


def test_other_teams_imports_are_not_there(db: Database, floor: Floor, floor_of: MakeFloor) -> None:
    own = floor.begun(format="files")
    others = floor_of(make_team(db))

    assert others.http.get(f"/imports/{own}").status_code == 404
    assert others.http.post(f"/imports/{own}/stop").status_code == 404
    assert others.http.get(f"/imports/{own}/refusals").status_code == 404
    assert others.http.get("/imports").json() == {"data": [], "next_cursor": None}


def test_imports_are_listed_newest_first_page_by_page(floor: Floor) -> None:
    made = [floor.begun(format="files") for _ in range(5)]

    listed, cursor = [], None
    while True:
        page = floor.http.get("/imports", params={"limit": 2, **({"cursor": cursor} if cursor else {})}).json()
        listed += [one["id"] for one in page["data"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert listed == made[::-1]


@pytest.mark.parametrize(
    "path", ["/imports?cursor=WyJcdTAwMDAiXQ", "/imports?cursor=x", "/imports?limit=0", "/imports?a=1"]
)
def test_lists_refuse_what_they_do_not_understand(floor: Floor, path: str) -> None:
    assert floor.http.get(path).status_code == 422


def import_of(floor: Floor, import_id: str) -> Import:
    return floor.services.db.read_now(partial(import_by_id, team_id=floor.team.id, import_id=import_id))


def run(floor: Floor, monitor: Path, known: Import, tell: Callable[[Import], None]) -> None:
    """Work on the import as a worker does."""
    recordings = open_recordings(str(monitor))
    runner = Runner(floor.services, floor.services.settings.data, clock.now, tell)
    run_import(runner, known, source_of(known, None, recordings, runner), recordings)


def run_until(floor: Floor, monitor: Path, import_id: str, *, rows: int) -> None:
    """Work on the import as a worker does; somebody stops it as soon as so many rows are done."""

    def tell(now: Import) -> None:
        if now.row_number >= rows:
            stop = partial(stop_import, team_id=now.team_id, import_id=now.id, actor=OPERATOR, now=clock.now())
            floor.services.db.write_now(stop)

    run(floor, monitor, import_of(floor, import_id), tell)
