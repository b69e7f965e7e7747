"""The measures of a call as its record shows them, computed from a transcript that came with it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conversations_api.conftest import Http

TALK: list[dict[str, Any]] = [
    {"speaker": "agent", "start": 0.0, "end": 2.0, "text": "Hello, how can I help?"},
    {"speaker": "customer", "start": 2.5, "end": 8.0, "text": "My bill is wrong, and it was wrong last month too."},
    {"speaker": "agent", "start": 5.0, "end": 5.4, "text": "Mhm."},
    {"speaker": "agent", "start": 8.4, "end": 12.0, "text": "I see. Which month was it?"},
    {"speaker": "customer", "start": 12.2, "end": 16.0, "text": "May, and I called you about it then, and nobody"},
    {"speaker": "agent", "start": 15.0, "end": 20.0, "text": "That one is paid back already."},
]
CAPTIONS = (
    "[Agent] 10:00:00\nHello, how can I help?\n\n[Customer] 10:00:03\nMy bill is wrong.\n\n[Agent] 10:00:09\nI see.\n"
)


def measured(http: Http, transcript: Any, **fields: Any) -> dict[str, Any]:
    answer = http.send("POST", "/calls", json={"transcript": transcript, **fields})
    assert answer.status_code == 202, answer.text
    by_id: dict[str, Any] = http.get(f"/calls/{answer.json()['id']}").json()["metrics"]
    assert answer.json()["metrics"] == by_id == http.get("/calls").json()["data"][0]["metrics"]
    return by_id


def test_of_a_talk_with_both_sides_are_all_there(http: Http) -> None:
    assert measured(http, TALK) == {
        "speakRatio": 0.542,
        "questions": 2,
        "patience": 0.2,
        "wordsPerMinute": 98.182,
        "longestMonologue": 5.0,
        "interruptions": 1,
        "silenceRatio": 0.055,
        "talkToListen": 1.183,
    }


def test_times_of_words_count_before_those_of_segments(http: Http) -> None:
    talk = [
        TALK[0],
        {**TALK[1], "words": [{"text": "My", "start": 2.5, "end": 5.0}, {"text": "bill", "start": 5.0, "end": 7.5}]},
        TALK[3],
    ]

    assert measured(http, talk)["patience"] == 0.9


def test_the_sides_may_be_known_by_the_participants(http: Http) -> None:
    names = {"agent": "Dana", "customer": "Sam"}
    people = [{"name": "Dana", "isInternal": True}, {"name": "Sam", "isInternal": False}]

    metrics = measured(http, [{**one, "speaker": names[one["speaker"]]} for one in TALK], participants=people)

    assert (metrics["patience"], metrics["interruptions"]) == (0.2, 1)


@pytest.mark.parametrize(
    "transcript",
    [
        [{**one, "speaker": "Speaker"} for one in TALK],
        [one for one in TALK if one["speaker"] == "agent"],
        [{**one, "start": 0, "end": 0} for one in TALK],
        CAPTIONS,
    ],
    ids=["no sides", "one side alone", "no times", "times that are estimated"],
)
def test_of_how_turns_are_taken_are_null_where_it_cannot_be_known(http: Http, transcript: Any) -> None:
    metrics = measured(http, transcript)

    assert (metrics["patience"], metrics["interruptions"]) == (None, None)
