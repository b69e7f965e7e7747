"""`/api/v2/calls` and `/api/v2/meetings`: lists by cursor, and one with what was said."""

from __future__ import annotations

import pytest

from callfloor.conversations.tables import ConversationKind
from callfloor.conversations.transcripts import Segment
from callfloor.foundation.clock import HOUR, iso
from callfloor.foundation.database import Database
from tests.callfloor_api.conftest import ClientOf
from tests.factories.conversations import COLLEAGUE, CUSTOMER, make_conversation
from tests.factories.teams import make_team

SAID = (Segment("Ben", 0, 1500, "Hello."), Segment("Cleo", 1500, 2500, "Hi."))


@pytest.mark.parametrize("kind", ConversationKind)
def test_walks_a_list_by_cursor_newest_first(db: Database, client: ClientOf, kind: ConversationKind) -> None:
    team = make_team(db)
    made = [make_conversation(db, team, kind=kind, date=HOUR * (n // 2)) for n in range(7)]
    http = client(team, "conversations:read")

    walked, cursor = list[str](), None
    while True:
        page = http.get(f"/{kind.value}s", params={"limit": 3, **({"cursor": cursor} if cursor else {})}).json()
        walked += [one["id"] for one in page["data"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert walked == [made[n] for n in sorted(range(7), key=lambda n: (n // 2, made[n]), reverse=True)]
    assert page["total"] == 7


def test_shows_one_with_what_was_said(db: Database, client: ClientOf) -> None:
    team = make_team(db)
    call = make_conversation(db, team, transcript=SAID, date=HOUR)

    answer = client(team, "conversations:read").get(f"/calls/{call}")

    shown = answer.json()
    assert answer.headers["etag"].startswith('"')
    assert [(s["speaker"], s["start"], s["end"], s["text"]) for s in shown["transcript"]] == [
        ("Ben", 0.0, 1.5, "Hello."),
        ("Cleo", 1.5, 2.5, "Hi."),
    ]
    assert (shown["kind"], shown["date"], shown["processing_status"]) == ("call", iso(HOUR), "analyzed")
    assert [p["email"] for p in shown["participants"]] == [COLLEAGUE.email, CUSTOMER.email]


def test_narrows_by_scope_domain_and_date(db: Database, client: ClientOf) -> None:
    team = make_team(db)
    inside = make_conversation(db, team, parties=(COLLEAGUE,), date=HOUR)
    outside = make_conversation(db, team, date=2 * HOUR)
    http = client(team, "conversations:read")

    def ids(**query: str) -> list[str]:
        return [one["id"] for one in http.get("/calls", params=query).json()["data"]]

    assert ids(scope="internal") == [inside]
    assert ids(scope="external") == [outside]
    assert ids(customer_domain="CUSTOMER.example") == [outside]
    assert ids(**{"from": iso(2 * HOUR)}) == [outside]
    assert ids(to=iso(HOUR)) == [inside]


def test_shows_no_other_teams_and_no_other_kind(db: Database, client: ClientOf) -> None:
    team = make_team(db)
    theirs = make_conversation(db, make_team(db))
    meeting = make_conversation(db, team, kind=ConversationKind.MEETING)
    http = client(team, "conversations:read")

    for call in (theirs, meeting, "none"):
        answer = http.get(f"/calls/{call}")
        assert (answer.status_code, answer.json()["code"]) == (404, "conversation_not_found")
