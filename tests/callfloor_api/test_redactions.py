"""`/api/v2/calls/{id}/redactions`: parts of a conversation that nobody hears or reads again."""

from __future__ import annotations

import asyncio
import functools
import io
import json
import wave
from typing import Any

import httpx
import numpy as np
import pytest

from callfloor.conversations.changes import CHANGES
from callfloor.conversations.redaction_jobs import REDACT_RECORDING
from callfloor.conversations.silencing import SILENCE_RECORDING
from callfloor.conversations_api import create_app
from callfloor.foundation import clock
from callfloor.foundation.database import Database
from callfloor.foundation.jobs.testing import drain
from callfloor.foundation.sequence import number_waiting, prepare
from callfloor.foundation.services import Services
from callfloor.teams.teams import Team
from tests.callfloor_api.conftest import ClientOf
from tests.conversations_api.test_muting import TRANSCRIPT
from tests.factories.audio import make_wav
from tests.factories.teams import make_team
from tests.portal_api.in_process import LoopTransport

SCOPES = ("conversations:read", "conversations:write", "conversations:erase", "audit:read")
CARD = {"intervals": [{"start": 1.0, "end": 1.65}]}
KINDS = ("calls", "meetings")


@pytest.fixture
def team(db: Database) -> Team:
    db.write_now(functools.partial(prepare, what=CHANGES))
    return make_team(db)


@pytest.fixture
def http(client: ClientOf, team: Team) -> httpx.Client:
    return client(team, *SCOPES)


@pytest.fixture
def player(services: Services, runner: asyncio.Runner) -> httpx.Client:
    """A client of the application that plays recordings, with nothing but the link."""
    return httpx.Client(transport=LoopTransport(create_app(services), runner))


def uploaded(http: httpx.Client, content: bytes, *, kind: str = "calls", **fields: Any) -> str:
    """Upload a recording with what was said in it; returns its path."""
    data = {"transcript": json.dumps(TRANSCRIPT), **{name: json.dumps(value) for name, value in fields.items()}}
    answer = http.post(f"/{kind}", files={"file": ("a.wav", content)}, data=data)
    assert answer.status_code == 202, answer.text
    return f"/{kind}/{answer.json()['id']}"


def work(services: Services, team: Team) -> None:
    drain(services, [REDACT_RECORDING, SILENCE_RECORDING], now=clock.now(), team_id=team.id)


def redacted(http: httpx.Client, path: str, **body: Any) -> dict[str, Any]:
    answer = http.post(f"{path}/redactions", json={**CARD, **body})
    assert answer.status_code == 202, answer.text
    receipt: dict[str, Any] = answer.json()
    return receipt


def heard(player: httpx.Client, url: str) -> Any:
    with wave.open(io.BytesIO(player.get(url).content)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), dtype=np.int16)


def texts(http: httpx.Client, path: str) -> list[str]:
    return [segment["text"] for segment in http.get(path).json()["transcript"]]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_named_is_neither_read_nor_heard_again(
    services: Services, http: httpx.Client, player: httpx.Client, team: Team, kind: str
) -> None:
    content = make_wav(seconds=2)
    path = uploaded(http, content, kind=kind)
    before = http.get(path).json()

    receipt = redacted(http, path)
    at_once = http.get(path).json()
    gone = player.get(before["recording_url"])
    work(services, team)

    assert (receipt["state"], receipt["finished_at"]) == ("running", None)
    assert receipt["counts"] == {"segments": 2, "comments": 0, "webhook_deliveries": 0}
    assert [segment["text"] for segment in at_once["transcript"]] == ["Your card, please.", "It is Thanks."]
    assert (at_once["recording_url"], gone.status_code) == (None, 410)
    assert at_once["updated_at"] > before["updated_at"]
    after = http.get(path).json()
    expected = np.frombuffer(content[44:], dtype=np.int16).copy()
    expected[8000:13200] = 0
    assert np.array_equal(heard(player, after["recording_url"]), expected)
    assert after["muted_intervals"] == receipt["intervals"] == [{"start": 1.0, "end": 1.65}]
    assert after["metrics"] == before["metrics"]
    assert http.get("/search", params={"q": "thirty"}).json()["data"] == []
    assert http.get("/search", params={"q": "4111"}).json()["data"] == []
    assert [one["id"] for one in http.get("/search", params={"q": "thanks"}).json()["data"]] == [after["id"]]
    (listed,) = http.get(f"{path}/redactions").json()["data"]
    assert (listed["id"], listed["state"]) == (receipt["id"], "done")
    recordings = [file for file in services.settings.data.rglob("*") if file.is_file()]
    assert content not in {file.read_bytes() for file in recordings}, "what was heard before is gone"


def test_the_feed_and_the_audit_trail_say_so(db: Database, services: Services, http: httpx.Client, team: Team) -> None:
    path = uploaded(http, make_wav(seconds=2))
    receipt = redacted(http, path)
    work(services, team)
    number_waiting(db, CHANGES)

    told = [one["change"] for one in http.get("/changes").json()["data"]]
    (entry,) = http.get("/audit", params={"action": "call.redacted"}).json()["data"]

    # At last the recording is there again.
    assert told == ["created", "transcribed", "analyzed", "redacted", "edited"]
    assert entry["after"] == {"redaction_id": receipt["id"], "intervals": 1}


def test_a_dry_run_tells_the_same_and_changes_nothing(http: httpx.Client, player: httpx.Client) -> None:
    path = uploaded(http, make_wav(seconds=2))
    before = http.get(path).json()

    tried = http.post(f"{path}/redactions", json={**CARD, "dry_run": True})

    after = http.get(path).json()
    assert after == before | {"recording_url": after["recording_url"]}
    assert player.get(after["recording_url"]).status_code == 200
    assert http.get(f"{path}/redactions").json()["data"] == []
    assert tried.status_code == 200
    assert tried.json() | {"id": None, "requested_at": ""} == redacted(http, path) | {"id": None, "requested_at": ""}


def test_parts_add_up_and_what_is_silent_already_is_left_alone(
    services: Services, http: httpx.Client, team: Team
) -> None:
    path = uploaded(http, make_wav(seconds=2), muted_intervals=[{"start": 0.1, "end": 0.2}])
    work(services, team)
    ids = [redacted(http, path, intervals=[part])["id"] for part in ({"start": 0.15, "end": 0.3}, CARD["intervals"][0])]
    work(services, team)
    url = http.get(path).json()["recording_url"]

    ids.append(redacted(http, path)["id"])
    work(services, team)

    shown = http.get(path).json()
    assert shown["muted_intervals"] == [{"start": 0.1, "end": 0.3}, {"start": 1.0, "end": 1.65}]
    assert shown["recording_url"].split("?")[0] == url.split("?")[0], "it was not written anew"
    assert texts(http, path) == ["It is Thanks."]
    page = http.get(f"{path}/redactions", params={"limit": 2}).json()
    rest = http.get(f"{path}/redactions", params={"limit": 2, "cursor": page["next_cursor"]}).json()
    listed = page["data"] + rest["data"]
    assert [(one["id"], one["state"]) for one in listed] == [(id_, "done") for id_ in reversed(ids)]
    assert rest["next_cursor"] is None


def test_comments_on_the_moment_lose_their_text_in_the_history_too(http: httpx.Client) -> None:
    path = uploaded(http, make_wav(seconds=2))
    for comment in ({"text": "Card is 4111.", "start": 1.2}, {"text": "Well done.", "start": 0.5}, {"text": "Good."}):
        assert http.post(f"{path}/comments", json=comment).status_code == 201
    first = http.get(path).json()["comments"][0]["id"]
    http.patch(f"{path}/comments/{first}", json={"text": "Card is 4111 1111."})
    removed = http.post(f"{path}/comments", json={"text": "4111, again.", "start": 1.3}).json()["comments"][-1]["id"]
    http.delete(f"{path}/comments/{removed}")

    receipt = redacted(http, path)

    assert receipt["counts"]["comments"] == 1
    assert [one["text"] for one in http.get(path).json()["comments"]] == ["[redacted]", "Well done.", "Good."]
    history = http.get(f"{path}/history").json()["data"]
    assert "4111" not in str(history)
    assert "Well done." in str(history)
    assert redacted(http, path)["counts"]["comments"] == 0


def test_comments_on_other_moments_stay_even_where_it_was_silent_before(http: httpx.Client) -> None:
    path = uploaded(http, make_wav(seconds=2), muted_intervals=[{"start": 0.1, "end": 0.2}])
    http.post(f"{path}/comments", json={"text": "Why is it silent here?", "start": 0.15})

    assert redacted(http, path)["counts"]["comments"] == 0
    assert http.get(path).json()["comments"][0]["text"] == "Why is it silent here?"


def test_what_comes_after_the_last_word_can_be_taken_out_too(
    services: Services, http: httpx.Client, player: httpx.Client, team: Team
) -> None:
    """The duration is that of the transcript that came: the recording goes on."""
    content = make_wav(seconds=3)
    path = uploaded(http, content)

    redacted(http, path, intervals=[{"start": 2.5, "end": 3}])
    work(services, team)

    sound = heard(player, http.get(path).json()["recording_url"])
    assert sound[:20000].any()
    assert not sound[20000:].any()


def test_a_legal_hold_wins(http: httpx.Client) -> None:
    path = uploaded(http, make_wav(seconds=2))
    hold = http.post("/holds", json={"conversation_id": path.rpartition("/")[2], "reason": "Case 1"}).json()

    refused = http.post(f"{path}/redactions", json=CARD)
    tried = http.post(f"{path}/redactions", json={**CARD, "dry_run": True})

    assert (refused.status_code, refused.json()["code"]) == (409, "legal_hold")
    assert hold["id"] in refused.json()["detail"]
    assert tried.status_code == 409
    assert "4111" in str(http.get(path).json()["transcript"])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "intervals"),
        ({"intervals": []}, "intervals"),
        ({"intervals": [{"start": 1}]}, "intervals.0.end"),
        ({"intervals": [{"start": -1, "end": 1}]}, "intervals.0.start"),
        ({"intervals": [{"start": 1, "end": 1}]}, "intervals[0].end"),
        ({"intervals": [{"start": 0, "end": 1}, {"start": 3, "end": 2}]}, "intervals[1].end"),
        ({"intervals": [{"start": 0, "end": 1e9}]}, "intervals.0.end"),
    ],
)
def test_what_names_no_part_is_refused(http: httpx.Client, body: dict[str, Any], field: str) -> None:
    path = uploaded(http, make_wav(seconds=2))

    answer = http.post(f"{path}/redactions", json=body)

    assert answer.status_code == 422, answer.text
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_is_for_those_who_may_erase(http: httpx.Client, client: ClientOf, team: Team) -> None:
    path = uploaded(http, make_wav(seconds=2))
    writer = client(team, "conversations:read", "conversations:write")

    assert writer.post(f"{path}/redactions", json=CARD).status_code == 403
    assert writer.get(f"{path}/redactions").status_code == 403
    assert http.post("/calls/none/redactions", json=CARD).json()["code"] == "conversation_not_found"
    assert http.get("/meetings/none/redactions").json()["code"] == "conversation_not_found"
