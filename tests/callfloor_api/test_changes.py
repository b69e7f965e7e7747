"""`/api/v2/changes`: a reader that only follows it has what the lists have."""

from __future__ import annotations

import functools
import threading

import httpx
import pytest

from callfloor.access.audit import OPERATOR
from callfloor.conversations.changes import CHANGES
from callfloor.conversations.locking import Which
from callfloor.conversations.outcomes import Analyzed, begin_processing, keep_waiting, record_analysis, record_failure
from callfloor.conversations.reanalyzing import Reanalyze, reanalyze_conversation
from callfloor.conversations.tables import ConversationKind
from callfloor.conversations.transcripts import Segment
from callfloor.foundation import clock
from callfloor.foundation.database import Database
from callfloor.foundation.sequence import number_waiting, prepare
from callfloor.foundation.web import cursor_after
from callfloor.teams.teams import Team
from tests.callfloor_api.conftest import ClientOf
from tests.factories.conversations import make_conversation, make_recorded_call
from tests.factories.teams import make_team

SAID = (Segment("Dana", 0, 1500, "Hello."),)


@pytest.fixture
def team(db: Database) -> Team:
    db.write_now(functools.partial(prepare, what=CHANGES))
    return make_team(db)


def analyze(db: Database, team: Team, call: str) -> None:
    done = Analyzed(
        team_id=team.id,
        conversation_id=call,
        now=clock.now(),
        duration_ms=1500,
        language="en",
        segments=SAID,
        metrics={},
        speak_shares={},
    )
    db.write_now(functools.partial(record_analysis, done=done))


def follow(http: httpx.Client, after: str | None = None, *, limit: int = 100) -> tuple[list[tuple[str, str]], str]:
    """Return every change after the point as conversation and change, and the point reached."""
    told: list[tuple[str, str]] = []
    while True:
        page = http.get("/changes", params={"limit": limit, **({"after": after} if after else {})}).json()
        told += [(one["conversation_id"], one["change"]) for one in page["data"]]
        after = page["next"]
        if not page["has_more"]:
            return told, after


def test_tells_each_change_once_in_its_order(db: Database, client: ClientOf, team: Team) -> None:
    given = make_conversation(db, team, kind=ConversationKind.MEETING, transcript=SAID)
    call, broken = make_recorded_call(db, team), make_recorded_call(db, team)
    db.write_now(functools.partial(begin_processing, team_id=team.id, conversation_id=call, now=clock.now()))
    analyze(db, team, call)
    again = Reanalyze(Which(team.id, ConversationKind.CALL, call), OPERATOR, clock.now())
    db.write_now(functools.partial(reanalyze_conversation, command=again))
    analyze(db, team, call)
    reason = ("too_long", "The recording is too long.")
    failed = functools.partial(record_failure, team_id=team.id, conversation_id=broken, reason=reason, now=clock.now())
    db.write_now(failed)
    number_waiting(db, CHANGES)

    told, _ = follow(client(team, "conversations:read"), limit=2)

    assert told == [
        (given, "created"),
        (given, "transcribed"),
        (given, "analyzed"),
        (call, "created"),
        (broken, "created"),
        (call, "processing"),
        (call, "transcribed"),
        (call, "analyzed"),
        (call, "queued"),
        (call, "transcribed"),
        (call, "re_analyzed"),
        (broken, "failed"),
    ]


def test_tells_once_that_a_call_waits_for_the_same_thing(db: Database, client: ClientOf, team: Team) -> None:
    """A machine without a speech model looks at each call every minute."""
    http = client(team, "conversations:read")
    call = make_recorded_call(db, team)
    wait = functools.partial(keep_waiting, team_id=team.id, conversation_id=call)
    told = []
    for reason, now in (("No model.", 1), ("No model.", 2), ("No memory.", 3)):
        db.write_now(functools.partial(wait, reason=("speech_unavailable", reason), now=clock.now() + now))
        told.append(http.get(f"/calls/{call}").json()["updated_at"])
    number_waiting(db, CHANGES)

    assert [change for _, change in follow(http)[0]] == ["created", "queued", "queued"]
    assert told[0] == told[1] < told[2]


def test_goes_on_where_a_reader_was(db: Database, client: ClientOf, team: Team) -> None:
    http = client(team, "conversations:read")
    make_recorded_call(db, team)
    number_waiting(db, CHANGES)
    _, reached = follow(http)

    assert follow(http, reached) == ([], reached)
    later = make_recorded_call(db, team)
    number_waiting(db, CHANGES)

    assert follow(http, reached)[0] == [(later, "created")]


def test_waits_for_a_change_that_comes(db: Database, client: ClientOf, team: Team) -> None:
    """The writer starts when the reader has begun to wait; had it not waited, it would have come back empty."""
    http = client(team, "conversations:read")
    made: list[str] = []

    def write() -> None:
        made.append(make_recorded_call(db, team))
        number_waiting(db, CHANGES)

    timer = threading.Timer(0.3, write)
    timer.start()
    page = http.get("/changes", params={"wait": 30}).json()
    timer.join()

    assert [one["conversation_id"] for one in page["data"]] == made


LEFT_OUT_OF_LISTS = ("transcript", "muted_intervals", "recording_url")


def test_a_followed_copy_equals_the_list(db: Database, client: ClientOf, team: Team) -> None:
    http = client(team, "conversations:read")
    copy: dict[str, object] = {}
    after: str | None = None
    for _ in range(5):
        calls = [make_recorded_call(db, team) for _ in range(3)]
        analyze(db, team, calls[0])
        number_waiting(db, CHANGES)
        told, after = follow(http, after, limit=3)
        for call, _change in told:
            copy[call] = http.get(f"/calls/{call}").json() | dict.fromkeys(LEFT_OUT_OF_LISTS)

    listed = http.get("/calls", params={"limit": 200}).json()

    assert listed["total"] == len(copy) == 15
    assert {one["id"]: one for one in listed["data"]} == copy


def test_another_teams_changes_stay_theirs(db: Database, client: ClientOf, team: Team) -> None:
    make_recorded_call(db, make_team(db))
    number_waiting(db, CHANGES)

    assert follow(client(team, "conversations:read"))[0] == []


@pytest.mark.parametrize("query", ["after=x", "after=WzFd&limit=0", "limit=1001", "wait=31", "wait=-1", "unknown=1"])
def test_refuses_what_it_does_not_understand(client: ClientOf, team: Team, query: str) -> None:
    answer = client(team, "conversations:read").get(f"/changes?{query}")

    assert answer.status_code == 422
    assert answer.json()["errors"]


def test_a_number_that_no_database_keeps_is_no_cursor(db: Database, client: ClientOf, team: Team) -> None:
    http, far = client(team, "conversations:read"), cursor_after(10**30)
    call = make_conversation(db, team)

    refused = [
        http.get("/changes", params={"after": far}),
        http.get("/search", params={"q": "hello", "cursor": far}),
        http.get(f"/calls/{call}/history", params={"cursor": cursor_after(10**30, "x")}),
    ]

    assert [answer.status_code for answer in refused] == [422, 422, 422]
    assert [answer.json()["errors"][0]["field"] for answer in refused] == ["after", "cursor", "cursor"]
