"""Tables of calls: every row becomes a call, is known, is no conversation, or is refused and says why."""

from __future__ import annotations

import functools
import json
from pathlib import Path

import pytest

from callfloor.analysis.jobs import TRANSCRIBE_CONVERSATION
from callfloor.foundation import clock
from callfloor.foundation.jobs import BACKGROUND_PRIORITY, newest_jobs
from callfloor.foundation.jobs.testing import drain
from callfloor.foundation.outbox import OUTBOX, events_after
from callfloor.foundation.sequence import number_waiting, prepare
from callfloor.server.webhooks import tell_endpoints
from callfloor.teams.teams import Team
from tests.conversations.imports.conftest import Floor, MakeFloor
from tests.conversations.imports.history import (
    cdr_row,
    cdr_table,
    keep_recording,
    master_csv,
    unique_id,
)
from tests.factories.audio import make_wav


def counts(shown: dict[str, object]) -> dict[str, int]:
    """Return what is not zero."""
    found = shown["counts"]
    assert isinstance(found, dict)
    return {name: count for name, count in found.items() if count}


def tell_all(floor: Floor) -> dict[str, int]:
    """Have the team's endpoints told of its calls, as the follower does; return the priority of each kind of event."""
    told = {}
    db = floor.services.db
    db.write_now(functools.partial(prepare, what=OUTBOX))
    number_waiting(db, OUTBOX)
    seq = 0
    while page := db.read_now(functools.partial(events_after, seq=seq)):
        seq = page[-1].seq
        for one in page:
            if one.event.team_id == floor.team.id and one.event.kind.startswith("call."):
                told[one.event.kind] = one.event.payload["priority"]
                db.write_now(functools.partial(tell_endpoints, numbered=one, settings=floor.services.settings))
    return told


class TestCallDetailRecords:
    def test_become_calls_at_the_time_they_began(self, floor: Floor, monitor: Path) -> None:
        rows = [cdr_row(n) for n in range(3)]
        for row in rows:
            keep_recording(monitor, row)

        shown = floor.imported(cdr_table(rows))

        assert (shown["state"], counts(shown), shown["rows"]) == ("done", {"created": 3}, 4)
        assert shown["progress"]["done"] == shown["progress"]["total"] == len(cdr_table(rows))
        first = floor.calls()[0]
        assert first["date"] == "2024-01-05T09:15:30.000Z"
        assert (first["external_call_id"], first["direction"]) == (unique_id(0), "inbound")
        assert (first["caller"], first["callee"]) == ("+4930000000", "101")
        assert first["processing_status"] == "queued"
        parties = [(party["name"], party["is_internal"]) for party in first["participants"]]
        assert parties == [("Cleo Customer", False), ("101", True)]

    def test_of_a_master_csv_find_recordings_by_their_unique_id(self, floor: Floor, monitor: Path) -> None:
        rows = [cdr_row(n) for n in range(3)]
        for row in rows[:2]:
            keep_recording(monitor / "deep", row)

        shown = floor.imported(master_csv(rows))

        assert (counts(shown), shown["rows"]) == ({"created": 2, "not_recorded": 1}, 3)
        assert [call["external_call_id"] for call in floor.calls()] == [unique_id(0), unique_id(1)]

    def test_that_are_no_conversations_are_counted_apart(self, floor: Floor, monitor: Path) -> None:
        rows = [cdr_row(0, disposition="NO ANSWER"), cdr_row(1, recordingfile=""), cdr_row(2)]
        keep_recording(monitor, rows[2])

        shown = floor.imported(cdr_table(rows, delimiter=";"))

        assert counts(shown) == {"created": 1, "not_answered": 1, "not_recorded": 1}

    def test_of_one_call_make_one_call(self, floor: Floor, monitor: Path) -> None:
        """A call through a queue has several rows; one that is handed on has the same recording under another id."""
        first, again = cdr_row(0), cdr_row(0, dst="102")
        handed_on = cdr_row(1, recordingfile=first["recordingfile"], calldate=first["calldate"])
        keep_recording(monitor, first)

        shown = floor.imported(cdr_table([first, again, handed_on]))

        assert counts(shown) == {"created": 1, "existing": 2}

    def test_imported_again_are_all_there(self, floor: Floor, monitor: Path) -> None:
        rows = [cdr_row(n) for n in range(60)]
        for row in rows:
            keep_recording(monitor, row)

        first, again = floor.imported(cdr_table(rows)), floor.imported(cdr_table(rows))

        assert (counts(first), counts(again)) == ({"created": 60}, {"existing": 60})
        assert len(floor.calls()) == 60

    def test_wait_behind_todays_calls(self, floor_of: MakeFloor, team: Team, monitor: Path) -> None:
        floor = floor_of(team, "conversations:read", "conversations:write", "webhooks:write")
        endpoint = {"url": "https://93.184.215.14/calls", "events": ["call_received"]}
        assert floor.http.post("/webhooks", json=endpoint).status_code == 201
        keep_recording(monitor, cdr_row(0))
        floor.imported(cdr_table([cdr_row(0)]))
        drain(floor.services, [TRANSCRIBE_CONVERSATION], now=clock.now(), team_id=floor.team.id)
        told = tell_all(floor)

        assert told == dict.fromkeys(("call.received", "call.failed"), BACKGROUND_PRIORITY)
        jobs = floor.services.db.read_now(lambda tx: newest_jobs(tx, team_id=floor.team.id))

        kinds = ("transcribe_conversation", "deliver_webhook", "run_import")
        assert {job.kind: job.priority for job in jobs} == dict.fromkeys(kinds, BACKGROUND_PRIORITY)


class TestRefusals:
    def test_name_the_row_the_field_and_what_was_expected(self, floor: Floor, monitor: Path) -> None:
        rows = [
            cdr_row(0, calldate="yesterday"),
            cdr_row(1),
            cdr_row(2),
            cdr_row(3),
            cdr_row(4, uniqueid="x" * 300, calldate="2024-03-31 02:30:00"),
        ]
        keep_recording(monitor, rows[2], b"no recording at all")
        keep_recording(monitor, rows[3], make_wav(seconds=0))

        shown = floor.imported(cdr_table(rows))

        assert counts(shown) == {"refused": 5}
        assert floor.refusals(shown["id"]) == [
            "2,,calldate,a time such as 2024-01-05 10:15:30",
            "3,,recordingfile,the path or the name of a file among the recordings",
            '4,,recording,"a recording in wav, mp3, m4a, aac, ogg, opus, flac or webm"',
            "5,,recording,a recording with sound; this one is a header alone",
            '6,,uniqueid,"at most 255 characters, none of them NUL"',
            "6,,calldate,a time that the clocks of Europe/Berlin showed; they were put forward over this one",
        ]

    def test_of_many_rows_are_all_told(self, floor: Floor) -> None:
        shown = floor.imported(cdr_table(cdr_row(n) for n in range(1203)))

        lines = floor.refusals(shown["id"])

        assert counts(shown) == {"refused": 1203}
        assert [int(line.partition(",")[0]) for line in lines] == list(range(2, 1205))

    def test_of_a_field_that_no_import_has(self, floor: Floor) -> None:
        """A dry run that is spelt otherwise would be none."""
        answer = floor.begin(cdr_table([cdr_row(0)]), **{"dry-run": "true", "colour": "red"})

        assert answer.status_code == 422
        assert [(one["field"], one["message"]) for one in answer.json()["errors"]] == [
            ("dry-run", "is not a field of an import"),
            ("colour", "is not a field of an import"),
        ]
        assert floor.http.get("/imports").json()["data"] == []

    def test_nothing_outside_the_location_is_read(self, floor: Floor, monitor: Path, tmp_path: Path) -> None:
        secret = tmp_path / "secret.wav"
        secret.write_bytes(make_wav())
        (monitor / "link.wav").symlink_to(secret)
        names = ("../secret.wav", str(secret), "link.wav", "/etc/passwd")

        shown = floor.imported(cdr_table(cdr_row(n, recordingfile=name) for n, name in enumerate(names)))

        assert counts(shown) == {"refused": 4}

    def test_of_a_naive_time_without_a_zone(self, floor: Floor, monitor: Path) -> None:
        keep_recording(monitor, cdr_row(0))

        shown = floor.imported(cdr_table([cdr_row(0)]), timezone="")

        assert floor.refusals(shown["id"]) == [
            '2,,calldate,"a time with its offset from UTC, or a time zone for the whole import"'
        ]

    def test_of_broken_rows_leave_the_others_alone(self, floor: Floor, monitor: Path) -> None:
        whole, last = cdr_table([cdr_row(0)]), cdr_table([cdr_row(1)]).splitlines(keepends=True)[1]
        table = whole + b'"2024-01-05 10:00:00","\xff\xfe","' + b"x" * 140_000 + b'"\n' + b"\n" + last
        for n in range(2):
            keep_recording(monitor, cdr_row(n))

        shown = floor.imported(table)

        assert counts(shown) == {"created": 2, "refused": 1}
        assert floor.refusals(shown["id"])[0].startswith("3,,row,a row of a table (")


class TestClocks:
    def test_the_hour_that_comes_twice_is_told_by_the_unique_id(self, floor: Floor, monitor: Path) -> None:
        summer, winter = 1729989000, 1729992600  # 27 October 2024, 2:30 in Berlin, once and again
        rows = [
            cdr_row(n, calldate="2024-10-27 02:30:00", uniqueid=f"{epoch}.{n}", recordingfile=f"{n}.wav")
            for n, epoch in enumerate((summer, winter))
        ]
        for row in rows:
            keep_recording(monitor, row)

        floor.imported(cdr_table(rows))

        assert [call["date"] for call in floor.calls()] == ["2024-10-27T00:30:00.000Z", "2024-10-27T01:30:00.000Z"]

    def test_a_recording_of_the_day_before_is_found(self, floor: Floor, monitor: Path) -> None:
        row = cdr_row(0, calldate="2024-01-06 00:30:00", recordingfile="late.wav")
        keep_recording(monitor, {**row, "calldate": "2024-01-05 23:59:00"})

        assert counts(floor.imported(cdr_table([row]))) == {"created": 1}


MAPPING = {
    "columns": {
        "date": "Beginn",
        "recording": "Datei",
        "external_call_id": "Nr",
        "direction": "Richtung",
        "agent_email": "Agent",
        "customer_name": "Kunde",
        "language": "Sprache",
    },
    "values": {"direction": {"Eingehend": "inbound", "Ausgehend": "outbound"}},
    "date_format": "%d.%m.%Y %H:%M",
    "delimiter": ";",
}
HEADER = "Nr;Beginn;Richtung;Datei;Agent;Kunde;Sprache\n"


class TestMappedTables:
    def table(self, *rows: str) -> bytes:
        return (HEADER + "".join(f"{row}\n" for row in rows)).encode("cp1252")

    def test_become_calls_by_their_columns(self, floor: Floor, monitor: Path) -> None:
        (monitor / "a.wav").write_bytes(make_wav())
        table = self.table("17;05.07.2023 08:05;Ausgehend;a.wav;dana@ours.example;Jörg Groß;de")

        shown = floor.imported(table, format="mapped", mapping=json.dumps(MAPPING), encoding="cp1252")

        assert counts(shown) == {"created": 1}
        (call,) = floor.calls()
        assert (call["date"], call["direction"], call["language"]) == ("2023-07-05T06:05:00.000Z", "outbound", "de")
        assert [party["email"] or party["name"] for party in call["participants"]] == ["dana@ours.example", "Jörg Groß"]

    def test_have_every_wrong_field_named(self, floor: Floor, monitor: Path) -> None:
        (monitor / "a.wav").write_bytes(make_wav())
        table = self.table("17;5 July;Hin;a.wav;nobody;;deutsch!", "18;05.07.2023 08:05;;;;;", "19;;;b.wav;;;")

        shown = floor.imported(table, format="mapped", mapping=json.dumps(MAPPING))

        assert counts(shown) == {"refused": 2, "not_recorded": 1}
        assert floor.refusals(shown["id"]) == [
            "2,,Beginn,a time of the form %d.%m.%Y %H:%M",
            "2,,Richtung,inbound or outbound",
            "2,,Sprache,a language code such as en or pt-BR",
            "2,,Agent,an e-mail address such as name@company.example",
            "4,,Beginn,the time the call began",
        ]

    @pytest.mark.parametrize(
        ("mapping", "field"),
        [
            ("{", "mapping"),
            ('{"columns": {"date": "Beginn"}}', "mapping"),
            ('{"columns": {"date": "Beginn", "recording": "Datei", "colour": "Nr"}}', "mapping"),
            ('{"columns": 7}', "mapping"),
            ('{"columns": {"date": "Beginn", "recording": "Datei"}, "delimiter": "\\ud800"}', "mapping"),
            ('{"columns": {"date": "Beginn", "recording": "Datei"}, "delimiter": "\\""}', "mapping"),
            ('{"colums": {}}', "mapping"),
        ],
    )
    def test_are_refused_with_a_mapping_that_is_none(self, floor: Floor, mapping: str, field: str) -> None:
        answer = floor.begin(self.table(), format="mapped", mapping=mapping)

        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == [field]

    def test_are_refused_without_a_column_that_is_mapped(self, floor: Floor) -> None:
        answer = floor.begin(b"Nr;Start\n1;x\n", format="mapped", mapping=json.dumps(MAPPING))

        assert (answer.status_code, answer.json()["code"]) == (422, "table_unreadable")
