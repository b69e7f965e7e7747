"""`/api/v2/usage`: at a glance, page by page, and as CSV."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from callfloor.foundation import clock
from callfloor.foundation.clock import DAY, HOUR
from callfloor.foundation.database import Database
from callfloor.usage.calendar import date_of
from callfloor.usage.exporting import COLUMNS, ROWS_AT_ONCE
from callfloor.usage.records import FinishedCall
from tests.factories.teams import make_person, make_team
from tests.factories.usage import finished_call, record
from tests.usage.conftest import ClientOf
from tests.usage.plain import recounted

TODAY = clock.now() // DAY


def date(day: int) -> str:
    """Return the day as the wire has it."""
    return date_of(day).isoformat()


def days(first: int, last: int, **more: Any) -> dict[str, Any]:
    """Return the query for these days."""
    return {"from": date(first), "to": date(last), **more}


def some_calls(count: int = 60) -> list[FinishedCall]:
    """Return calls of the last hundred days."""
    return [
        finished_call(
            TODAY - number * 7 % 100,
            username=f"agent-{number % 7}",
            device_id=number % 3 + 1,
            language=("en", "de")[number % 2],
            mic_seconds=number,
            speaker_seconds=number * 2,
        )
        for number in range(count)
    ]


def test_shows_totals_their_course_and_the_time_before(db: Database, client_of: ClientOf) -> None:
    team = make_team(db)
    record(db, team.id, [finished_call(TODAY - day, mic_seconds=10**day) for day in range(6)])

    shown = client_of(team).get("/usage", params=days(TODAY - 2, TODAY)).raise_for_status().json()

    assert shown["time_zone"] == "UTC"
    assert (shown["total"]["first_day"], shown["total"]["last_day"]) == (date(TODAY - 2), date(TODAY))
    assert (shown["total"]["totals"]["calls"], shown["total"]["totals"]["mic_seconds"]) == (3, 111)
    assert (shown["before"]["first_day"], shown["before"]["last_day"]) == (date(TODAY - 5), date(TODAY - 3))
    assert shown["before"]["totals"]["mic_seconds"] == 111_000
    assert [span["totals"]["mic_seconds"] for span in shown["series"]] == [100, 10, 1]
    assert [(one["group"]["id"], one["totals"]["mic_seconds"]) for one in shown["leaders"]] == [("ada", 111)]


def test_shows_four_weeks_unless_told(db: Database, client_of: ClientOf) -> None:
    shown = client_of(make_team(db)).get("/usage").raise_for_status().json()

    assert (shown["total"]["first_day"], shown["total"]["last_day"]) == (date(TODAY - 27), date(TODAY))
    assert len(shown["series"]) == 28
    assert {span["totals"]["calls"] for span in shown["series"]} == {0}
    assert shown["leaders"] == []


@pytest.mark.parametrize("cadence", ["weekly", "monthly"])
def test_periods_are_cut_to_the_days(db: Database, client_of: ClientOf, cadence: str) -> None:
    team = make_team(db)
    record(db, team.id, [finished_call(TODAY - day) for day in range(60)])

    shown = client_of(team).get("/usage", params=days(TODAY - 40, TODAY - 3, cadence=cadence)).json()

    assert (shown["series"][0]["first_day"], shown["series"][-1]["last_day"]) == (date(TODAY - 40), date(TODAY - 3))
    assert sum(span["totals"]["calls"] for span in shown["series"]) == shown["total"]["totals"]["calls"] == 38


@pytest.mark.parametrize("kind", ["username", "device", "language"])
@pytest.mark.parametrize(("first", "last"), [(99, 0), (70, 3), (12, 9), (40, 40), (33, 20)])
def test_leaders_are_those_of_a_recount(db: Database, client_of: ClientOf, kind: str, first: int, last: int) -> None:
    team, calls = make_team(db), some_calls()
    record(db, team.id, calls)
    expected: dict[int | str, int] = {}
    for _, _, group, sums in recounted(calls, kind, TODAY - first, TODAY - last, "daily"):
        expected[group] = expected.get(group, 0) + sums[1]

    shown = client_of(team).get("/usage", params=days(TODAY - first, TODAY - last, group_by=kind, leaders=3)).json()

    found = [(one["group"]["id"], one["totals"]["mic_seconds"]) for one in shown["leaders"]]
    best = sorted(
        ((group, seconds) for group, seconds in expected.items() if seconds), key=lambda one: (-one[1], one[0])
    )
    assert found == best[:3]


def test_narrows_to_one_group(db: Database, client_of: ClientOf) -> None:
    team = make_team(db, seats=1)
    account_id = make_person(db, team).account_id
    record(db, team.id, [finished_call(TODAY, account_id=account_id), finished_call(TODAY, username="bob")])
    client = client_of(team)

    by_name = client.get("/usage", params=days(TODAY, TODAY, group_by="username", group_id="bob")).json()
    by_person = client.get("/usage", params=days(TODAY, TODAY, group_by="user", group_id=account_id)).json()
    by_nobody = client.get("/usage", params=days(TODAY, TODAY, group_by="language", group_id="xx")).json()

    assert [one["total"]["totals"]["calls"] for one in (by_name, by_person, by_nobody)] == [1, 1, 0]


def test_days_are_those_of_the_time_zone(db: Database, client_of: ClientOf) -> None:
    team = make_team(db)
    calls = [finished_call(TODAY - 3, at=at, mic_seconds=seconds) for at, seconds in ((17 * HOUR, 1), (19 * HOUR, 10))]
    record(db, team.id, calls)
    client = client_of(team)

    def course(zone: str) -> list[int]:
        shown = client.get("/usage", params=days(TODAY - 4, TODAY - 1, time_zone=zone)).raise_for_status().json()
        return [span["totals"]["mic_seconds"] for span in shown["series"]]

    assert course("UTC") == [0, 11, 0, 0]
    assert course("Asia/Kolkata") == [0, 1, 10, 0]
    assert course("Asia/Kathmandu") == [0, 1, 10, 0]
    assert course("Pacific/Honolulu") == [0, 11, 0, 0]
    assert course("Pacific/Kiritimati") == [0, 0, 11, 0]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"from": "2026-02-30"}, "from"),
        ({"to": "tomorrow"}, "to"),
        ({"from": date(TODAY), "to": date(TODAY - 1)}, "from"),
        ({"from": date(TODAY - 400)}, "from"),
        ({"to": "0001-01-05"}, "to"),
        ({"from": "0001-01-01", "to": "0001-01-05"}, "to"),
        ({"from": "9999-12-01", "to": "9999-12-31", "time_zone": "Europe/Berlin"}, "to"),
        ({"group_by": "team"}, "group_by"),
        ({"cadence": "hourly"}, "cadence"),
        ({"group_by": "user", "group_id": "ada"}, "group_id"),
        ({"time_zone": "Europe/Atlantis"}, "time_zone"),
        ({"time_zone": "../../etc/passwd"}, "time_zone"),
        ({"time_zone": "Europe/Berlin", "group_id": "ada"}, "time_zone"),
        ({"leaders": "101"}, "leaders"),
    ],
)
def test_names_the_field_that_is_wrong(db: Database, client_of: ClientOf, query: dict[str, str], field: str) -> None:
    answer = client_of(make_team(db)).get("/usage", params=query)

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


@pytest.mark.parametrize(("first", "last"), [("1970-01-01", "1970-01-05"), ("9998-12-01", "9998-12-31")])
@pytest.mark.parametrize("path", ["/usage", "/usage/rows", "/usage.csv"])
def test_days_far_away_have_no_calls(db: Database, client_of: ClientOf, path: str, first: str, last: str) -> None:
    query = {"from": first, "to": last, "cadence": "monthly"}
    zone = {"time_zone": "Pacific/Auckland"} if path == "/usage" else {}

    assert client_of(make_team(db)).get(path, params={**query, **zone}).status_code == 200


def test_walks_all_rows_by_cursor(db: Database, client_of: ClientOf) -> None:
    team, calls = make_team(db), some_calls()
    record(db, team.id, calls)
    client, rows, query = client_of(team), [], days(TODAY - 99, TODAY, cadence="weekly", limit=7)

    while True:
        page = client.get("/usage/rows", params=query).raise_for_status().json()
        rows += page["data"]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]

    expected = recounted(calls, "username", TODAY - 99, TODAY, "weekly")
    assert [(row["first_day"], row["last_day"], row["group"]["id"]) for row in rows] == [one[:3] for one in expected]
    assert [row["totals"]["mic_seconds"] for row in rows] == [one[3][1] for one in expected]
    assert page["count"] == len(expected)


@pytest.mark.parametrize("cursor", ["", "x", "Wy0xXQ", "WyJhIl0", "WzFlMzBd"])
def test_refuses_a_cursor_that_is_none(db: Database, client_of: ClientOf, cursor: str) -> None:
    answer = client_of(make_team(db)).get("/usage/rows", params={"cursor": cursor})

    assert [error["field"] for error in answer.json()["errors"]] == ["cursor"]


def test_exports_every_row(db: Database, client_of: ClientOf) -> None:
    team = make_team(db)
    count = ROWS_AT_ONCE + 7
    record(db, team.id, [finished_call(TODAY, username=f"agent-{number:05}") for number in range(count)])

    answer = client_of(team).get("/usage.csv", params=days(TODAY, TODAY))

    lines = list(csv.reader(io.StringIO(answer.text)))
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert tuple(lines[0]) == COLUMNS
    assert [line[3] for line in lines[1:]] == [f"agent-{number:05}" for number in range(count)]
    assert lines[1][:9] == [date(TODAY), date(TODAY), "username", "agent-00000", "agent-00000", "", "", "", "1"]


def test_exports_no_formulas(db: Database, client_of: ClientOf) -> None:
    team, names = make_team(db), ["=1+1", "+1", "-1", "@SUM(A1)", "a=1", 'say "hi", there']
    record(db, team.id, [finished_call(TODAY, username=name) for name in names])

    answer = client_of(team).get("/usage.csv", params=days(TODAY, TODAY))

    shown = {line[3] for line in csv.reader(io.StringIO(answer.text))} - {"id"}
    assert shown == {"'=1+1", "'+1", "'-1", "'@SUM(A1)", "a=1", 'say "hi", there'}


def test_another_team_sees_nothing(db: Database, client_of: ClientOf) -> None:
    record(db, make_team(db).id, some_calls())
    client = client_of(make_team(db))

    assert client.get("/usage").json()["total"]["totals"]["calls"] == 0
    assert client.get("/usage/rows").json()["count"] == 0
    assert client.get("/usage.csv").text.count("\r\n") == 1
