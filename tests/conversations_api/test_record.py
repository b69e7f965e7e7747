"""Every record as the contract has it: each key, and its type, whether little is known of a conversation or much."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest

from callfloor.conversations.parties import Party
from callfloor.conversations.tables import ConversationKind
from callfloor.conversations.transcripts import Segment
from callfloor.foundation.services import Services
from tests.conversations_api.conftest import Http, Member
from tests.factories.audio import make_wav
from tests.factories.conversations import COLLEAGUE, CUSTOMER, make_conversation

TEXT, NUMBER, NOTHING = (str,), (int, float), (type(None),)
Types = Mapping[str, tuple[type, ...]]
SHARED: Types = {
    **dict.fromkeys(("id", "createdAt", "updatedAt", "clientId", "name", "date", "processingStatus"), TEXT),
    **dict.fromkeys(
        ("summary", "emailDraft", "language", "outcome", "recordingRef", "recordingConsent", "processingReason"),
        TEXT + NOTHING,
    ),
    **dict.fromkeys(("duration", "rating"), NUMBER + NOTHING),
    **dict.fromkeys(("metrics", "type", "user", "crmReference"), (dict,)),
    **dict.fromkeys(
        ("actionItems", "participants", "userQuestions", "feedback", "insights", "comments", "customerDomains"), (list,)
    ),
    "businessEntities": (list,),
    "transcript": (list, *NOTHING),
}
OF_KIND: Mapping[str, Types] = {
    "calls": dict.fromkeys(("caller", "callee", "direction", "externalCallId"), TEXT + NOTHING),
    "meetings": {"participantEmails": (list,), "metadata": (dict,)},
}
PARTICIPANT: Types = {
    "id": TEXT,
    "name": TEXT + NOTHING,
    "email": TEXT + NOTHING,
    "isInternal": (bool,),
    "speakRatio": NUMBER + NOTHING,
}
METRICS: Types = dict.fromkeys(
    (
        *("speakRatio", "questions", "patience", "wordsPerMinute"),
        *("longestMonologue", "interruptions", "silenceRatio", "talkToListen"),
    ),
    NUMBER + NOTHING,
)
SAID: Types = {"speaker": TEXT, "start": NUMBER, "end": NUMBER, "text": TEXT}
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
EVERYTHING = "meeting_transcript,user_client_augmentation"


def check(found: Mapping[str, Any], types: Types) -> None:
    assert set(found) == set(types)
    for name, value in found.items():
        assert isinstance(value, types[name]), (name, value)
        assert bool in types[name] or not isinstance(value, bool), (name, value)


def check_record(record: Mapping[str, Any], path: str, client_id: str) -> None:
    check(record, {**SHARED, **OF_KIND[path]})
    for name in ("createdAt", "updatedAt", "date"):
        assert INSTANT.fullmatch(record[name]), name
    assert record["clientId"] == client_id
    check(record["metrics"], METRICS)
    for participant in record["participants"]:
        check(participant, PARTICIPANT)
    for segment in record["transcript"] or ():
        check({name: value for name, value in segment.items() if name != "words"}, SAID)


def shown(http: Http, path: str, conversation_id: str) -> list[Mapping[str, Any]]:
    """Return the record as it stands alone and in the list, plain and expanded."""
    found = []
    for expand in ({}, {"expand": EVERYTHING}):
        found.append(http.get(f"/{path}/{conversation_id}", **expand).json())
        page = http.get(f"/{path}", id=conversation_id, scopes="internal,external", **expand).json()
        assert set(page) == {"data", "meta"}
        assert page["meta"] == {"total": 1, "returned": 1, "page": 0, "pageSize": 20}
        found += page["data"]
    assert [record["transcript"] is None for record in found] == [True, True, False, False]
    return found


@pytest.mark.parametrize(("path", "kind"), [("calls", ConversationKind.CALL), ("meetings", ConversationKind.MEETING)])
def test_has_every_key_when_nothing_is_known(
    services: Services, member: Member, path: str, kind: ConversationKind
) -> None:
    made = make_conversation(services.db, member.team, kind=kind, parties=())

    for record in shown(member.http, path, made):
        check_record(record, path, member.key.client_id)
        assert record["participants"] == record["customerDomains"] == record["comments"] == []
        assert (record["recordingRef"], record["crmReference"]) == (None, {})


@pytest.mark.parametrize(("path", "kind"), [("calls", ConversationKind.CALL), ("meetings", ConversationKind.MEETING)])
def test_has_the_same_keys_when_much_is_known(
    services: Services, member: Member, path: str, kind: ConversationKind
) -> None:
    said = (Segment("Ben", 0, 1000, "Good morning."), Segment("Cleo", 1000, 2500, "Hello?"))
    parties = (COLLEAGUE, CUSTOMER, Party(name="Nobody knows"))
    made = make_conversation(services.db, member.team, kind=kind, parties=parties, transcript=said)

    for record in shown(member.http, path, made):
        check_record(record, path, member.key.client_id)
        assert [one["isInternal"] for one in record["participants"]] == [True, False, False]
        assert record["customerDomains"] == ["customer.example"]
        assert record.get("participantEmails", [COLLEAGUE.email, CUSTOMER.email]) == [COLLEAGUE.email, CUSTOMER.email]
        assert [one["start"] for one in record["transcript"] or ()] in ([], [0, 1])


def test_the_answer_to_an_upload_is_such_a_record(member: Member) -> None:
    new, again = (member.http.upload(make_wav(), externalCallId="pbx-1") for _ in range(2))

    assert (new.status_code, again.status_code) == (202, 200)
    for answer in (new, again):
        check_record(answer.json(), "calls", member.key.client_id)
