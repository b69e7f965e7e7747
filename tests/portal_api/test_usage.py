"""`GET /api/v1/analytics/usage`, every rule of its contract, on both databases."""

from __future__ import annotations

import datetime
import functools
from collections.abc import Callable
from typing import Any

import pytest

from callfloor.access.audit import OPERATOR
from callfloor.devices.names import NicknameDevice, nickname_device
from callfloor.foundation import clock
from callfloor.foundation.clock import DAY
from callfloor.foundation.database import Database
from callfloor.teams.tables import TeamType
from callfloor.teams.teams import Team
from callfloor.usage.records import Features
from tests.contracts.portal_client import FEATURES, PortalClient
from tests.factories.devices import log_in, machine, make_device_team
from tests.factories.teams import make_person, make_team
from tests.factories.usage import finished_call, record

TODAY = clock.now() // DAY
Portal = Callable[[Team], PortalClient]


def date(day: int) -> str:
    """Return the day, counted from 1970-01-01, as the wire has it."""
    return (datetime.date(1970, 1, 1) + datetime.timedelta(days=day)).isoformat()


def monday(day: int) -> int:
    """Return the Monday of the day's week."""
    return day - (day - 4) % 7


def month(day: int) -> tuple[str, str]:
    """Return the first and the last day of the month."""
    first = datetime.date.fromisoformat(date(day)).replace(day=1)
    last = (first + datetime.timedelta(days=31)).replace(day=1) - datetime.timedelta(days=1)
    return first.isoformat(), last.isoformat()


def short(row: dict[str, Any]) -> tuple[str, object, int, int]:
    """Return what most tests look at."""
    return row["period_start"], row["group"]["id"], row["calls"], row["mic_call_duration"]


def test_a_call_is_there_at_once_and_whole(db: Database, portal: Portal) -> None:
    team = make_team(db)
    features = Features(*range(1, 8))
    record(db, team.id, [finished_call(TODAY, mic_seconds=41, speaker_seconds=7, features=features)])

    answer = portal(team).usage(group_by="username", **{"from": date(TODAY)}, to=date(TODAY))

    assert answer.data == {
        "rows": [
            {
                "period_start": date(TODAY),
                "period_end": date(TODAY),
                "group": {"type": "username", "id": "ada", "name": "ada"},
                "mic_call_duration": 41,
                "speaker_call_duration": 7,
                "calls": 1,
                "features": dict(zip(FEATURES, range(1, 8), strict=True)),
            }
        ],
        "count": 1,
    }


def test_people_are_told_with_address_and_name(db: Database, portal: Portal) -> None:
    team = make_team(db, seats=1)
    person = make_person(db, team, email="ada@people.example")
    record(db, team.id, [finished_call(TODAY, account_id=person.account_id), finished_call(TODAY, account_id=None)])

    rows = portal(team).usage(group_by="user", **{"from": date(TODAY)}, to=date(TODAY)).data["rows"]

    assert [row["group"] for row in rows] == [
        {"type": "user", "id": person.account_id, "email": "ada@people.example", "name": "Ada Byron"}
    ]
    assert rows[0]["calls"] == 1


def test_devices_are_told_with_their_names(db: Database, portal: Portal) -> None:
    team = make_device_team(db, seats=1)
    device_id = log_in(db, team, machine(1)).device_id
    named = NicknameDevice(team.id, device_id, "front desk", OPERATOR, clock.now(), lambda known: None)
    db.write_now(functools.partial(nickname_device, command=named))
    record(db, team.id, [finished_call(TODAY, device_id=device_id)])

    rows = portal(team.team).usage(group_by="device", **{"from": date(TODAY)}, to=date(TODAY)).data["rows"]

    assert [row["group"] for row in rows] == [
        {"type": "device", "id": device_id, "hostname": "ws-1", "nickname": "front desk", "name": "ws-1"}
    ]


@pytest.mark.parametrize("type_", list(TeamType))
def test_both_types_of_team_have_it(db: Database, portal: Portal, type_: TeamType) -> None:
    team = make_team(db, type_=type_)
    record(db, team.id, [finished_call(TODAY, language="de-DE"), finished_call(TODAY, language=None)])

    answer = portal(team).usage(group_by="language", **{"from": date(TODAY)}, to=date(TODAY))

    assert [row["group"] for row in answer.data["rows"]] == [{"type": "language", "id": "de-DE", "name": "de-DE"}]


def test_another_team_sees_nothing(db: Database, portal: Portal) -> None:
    record(db, make_team(db).id, [finished_call(TODAY)])

    answer = portal(make_team(db)).usage(group_by="username", **{"from": date(TODAY)}, to=date(TODAY))

    assert answer.data == {"rows": [], "count": 0}


def test_a_week_is_told_whole_and_counted_in_part(db: Database, portal: Portal) -> None:
    team, start = make_team(db), monday(TODAY) - 14
    record(db, team.id, [finished_call(start + day, mic_seconds=10**day) for day in range(7)])
    client, asked = portal(team), {"group_by": "username", "cadence": "weekly"}

    whole = client.usage(**asked, **{"from": date(start)}, to=date(start + 6)).data["rows"]
    part = client.usage(**asked, **{"from": date(start + 2)}, to=date(start + 4)).data["rows"]

    assert [(row["period_start"], row["period_end"]) for row in whole + part] == [(date(start), date(start + 6))] * 2
    assert [row["mic_call_duration"] for row in whole + part] == [1_111_111, 11_100]


def test_a_month_is_told_whole_and_counted_in_part(db: Database, portal: Portal) -> None:
    team = make_team(db)
    first = datetime.date.fromisoformat(date(TODAY)).replace(day=1) - datetime.timedelta(days=1)
    start = (first.replace(day=1) - datetime.date(1970, 1, 1)).days
    record(db, team.id, [finished_call(start + day, mic_seconds=1) for day in range(28)])

    answer = portal(team).usage(
        group_by="username", cadence="monthly", **{"from": date(start + 2)}, to=date(start + 19)
    )

    assert [(row["period_start"], row["period_end"]) for row in answer.data["rows"]] == [month(start)]
    assert answer.data["rows"][0]["calls"] == 18


def test_the_day_is_that_of_the_start_in_utc(db: Database, portal: Portal) -> None:
    team = make_team(db)
    record(db, team.id, [finished_call(TODAY - 1, at=DAY - 1, seconds=600), finished_call(TODAY, at=0)])

    answer = portal(team).usage(group_by="username", **{"from": date(TODAY - 1)}, to=date(TODAY - 1))

    assert [row["calls"] for row in answer.data["rows"]] == [1]


def test_order_is_by_period_then_talk_then_id(db: Database, portal: Portal) -> None:
    team = make_team(db)
    calls = [
        finished_call(TODAY, username="zoe", mic_seconds=50),
        finished_call(TODAY, username="bob", mic_seconds=50),
        finished_call(TODAY, username="Bob", mic_seconds=50),
        finished_call(TODAY, username="ada", mic_seconds=9),
        finished_call(TODAY - 1, username="ada", mic_seconds=1),
    ]
    record(db, team.id, calls)

    answer = portal(team).usage(group_by="username", **{"from": date(TODAY - 1)}, to=date(TODAY))

    assert [(row["period_start"], row["group"]["id"]) for row in answer.data["rows"]] == [
        (date(TODAY - 1), "ada"),
        *((date(TODAY), name) for name in ("Bob", "bob", "zoe", "ada")),
    ]


def test_numbers_are_ordered_as_numbers(db: Database, portal: Portal) -> None:
    team = make_team(db, type_=TeamType.DEVICE)
    record(db, team.id, [finished_call(TODAY, device_id=number) for number in (100, 9, 10, 1)])

    answer = portal(team).usage(group_by="device", **{"from": date(TODAY)}, to=date(TODAY))

    assert [row["group"]["id"] for row in answer.data["rows"]] == [1, 9, 10, 100]


def test_pages(db: Database, portal: Portal) -> None:
    team = make_team(db)
    names = [f"agent-{number:02}" for number in range(23)]
    record(db, team.id, [finished_call(TODAY - day, username=name) for day in (0, 1) for name in names])
    client, days = portal(team), {"from": date(TODAY - 1), "to": date(TODAY)}

    pages = [client.usage(group_by="username", **days, perPage=10, page=number).data for number in range(1, 7)]
    plain = client.usage(group_by="username", **days).data

    assert [len(page["rows"]) for page in pages] == [10, 10, 10, 10, 6, 0]
    assert {page["count"] for page in [*pages, plain]} == {46}
    assert [short(row) for page in pages for row in page["rows"]] == [
        (date(day), name, 1, 30) for day in (TODAY - 1, TODAY) for name in names
    ]
    assert plain["rows"] == pages[0]["rows"] + pages[1]["rows"]


def test_a_page_far_past_the_end_has_no_rows(db: Database, portal: Portal) -> None:
    team = make_team(db)
    record(db, team.id, [finished_call(TODAY)])

    answer = portal(team).usage(group_by="username", **{"from": date(TODAY)}, to=date(TODAY), page=10**30)

    assert answer.data == {"rows": [], "count": 1}


def test_a_correction_moves_a_call(db: Database, portal: Portal) -> None:
    team = make_team(db)
    first = finished_call(TODAY - 40, call_id="a", username="ada", language="en", mic_seconds=10)
    record(db, team.id, [first, finished_call(TODAY, username="eve", language="en")])
    client = portal(team)
    days = {"from": date(TODAY - 60), "to": date(TODAY), "cadence": "monthly"}
    client.usage(group_by="language", **days)

    counted = record(
        db,
        team.id,
        [finished_call(TODAY - 8, call_id="a", revision=2, username="bob", language="fr", mic_seconds=11), first],
    )

    assert counted == [True, False]
    by_name = client.usage(group_by="username", **days).data
    by_language = client.usage(group_by="language", **days).data
    assert sorted((row["group"]["id"], row["mic_call_duration"]) for row in by_name["rows"]) == [
        ("bob", 11),
        ("eve", 30),
    ]
    assert sorted((row["group"]["id"], row["calls"]) for row in by_language["rows"]) == [("en", 1), ("fr", 1)]
    assert by_name["count"] == by_language["count"] == 2


def test_the_last_day_may_lie_ahead(db: Database, portal: Portal) -> None:
    team = make_team(db)
    record(db, team.id, [finished_call(TODAY)])

    answer = portal(team).usage(group_by="username", **{"from": date(TODAY)}, to="9999-12-31", cadence="weekly")

    assert (answer.data["count"], len(answer.data["rows"])) == (1, 1)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"group_by": None}, "group_by"),
        ({"group_by": "team"}, "group_by"),
        ({"group_by": ["user", "device"]}, "group_by"),
        ({"from": None}, "from"),
        ({"to": None}, "to"),
        ({"to": ""}, "to"),
        ({"from": "2026-02-30"}, "from"),
        ({"from": "20260101"}, "from"),
        ({"from": "2026-W01-1"}, "from"),
        ({"from": "\u0662\u0660\u0662\u0666-01-01"}, "from"),
        ({"from": "2026-01-01T00:00:00Z"}, "from"),
        ({"to": "tomorrow"}, "to"),
        ({"to": "0000-00-00"}, "to"),
        ({"from": date(TODAY), "to": date(TODAY - 1)}, "from"),
        ({"from": "0001-01-01"}, "from"),
        ({"cadence": "yearly"}, "cadence"),
        ({"cadence": ""}, "cadence"),
        ({"page": "0"}, "page"),
        ({"perPage": "101"}, "perPage"),
        ({"perPage": "1.5"}, "perPage"),
    ],
)
def test_names_the_field_that_is_wrong(db: Database, portal: Portal, wrong: dict[str, Any], field: str) -> None:
    good = {"group_by": "username", "from": date(TODAY), "to": date(TODAY)}
    query = {name: value for name, value in {**good, **wrong}.items() if value is not None}

    answer = portal(make_team(db)).usage(**query)

    assert (answer.error, answer.fields) == ("VALIDATION_ERROR", {field})


def test_names_every_wrong_field_at_once(db: Database, portal: Portal) -> None:
    answer = portal(make_team(db)).usage(group_by="x", cadence="y", page="z")

    assert answer.fields == {"group_by", "cadence", "page", "from", "to"}


def test_what_is_unknown_is_passed_over(db: Database, portal: Portal) -> None:
    days = {"from": date(TODAY), "to": date(TODAY)}

    answer = portal(make_team(db)).usage(group_by="username", **days, colour="red")

    assert answer.data == {"rows": [], "count": 0}


def test_shows_four_months_to_the_day(db: Database, portal: Portal) -> None:
    today = datetime.date.fromisoformat(date(TODAY))
    back = today.year * 12 + today.month - 1 - 4
    month_end = (datetime.date((back + 1) // 12, (back + 1) % 12 + 1, 1) - datetime.timedelta(days=1)).day
    oldest = (datetime.date(back // 12, back % 12 + 1, min(today.day, month_end)) - datetime.date(1970, 1, 1)).days
    team = make_team(db)
    record(db, team.id, [finished_call(oldest), finished_call(oldest - 1)])
    client = portal(team)

    inside = client.usage(group_by="username", cadence="monthly", **{"from": date(oldest)}, to=date(TODAY))
    outside = client.usage(group_by="username", cadence="monthly", **{"from": date(oldest - 1)}, to=date(TODAY))

    assert [row["calls"] for row in inside.data["rows"]] == [1]
    assert outside.fields == {"from"}
