"""Retention, holds, redaction and erasure."""

from __future__ import annotations

import io
from typing import Any

import pytest

from callfloor_sdk import Conflict, NotFound
from callfloor_sdk.types import Interval, UploadTranscript
from sdk_support.stage import Stage
from tests.factories.audio import make_wav
from tests.factories.conversations import CUSTOMER, make_conversation


def erase_and_hold(stage: Stage) -> None:
    """Hold one call, erase the other, then all of the person."""
    team = stage.installation.team()
    kept, gone = (make_conversation(stage.db, team) for _ in range(2))
    with stage.client(team) as client:
        days = client.retention.set(call_days=365, meeting_days=None, if_match=client.retention.get().etag)
        hold = client.holds.place("Case 12/26", conversation_id=kept)
        tried = client.erasures.request(email=CUSTOMER.email, dry_run=True, skip_held=True)
        with pytest.raises(Conflict) as held:
            client.erasures.request(email=CUSTOMER.email)
        begun = client.erasures.request(email=CUSTOMER.email, skip_held=True)
        stage.wait_until(lambda: client.erasures.get(begun.id).state == "done")
        receipt = client.erasures.get(begun.id)
        became = {one.conversation_id: one.state for one in client.erasures.list_conversations(begun.id, limit=1)}
        with pytest.raises(NotFound):
            client.calls.get(gone)
        lifted = client.holds.lift(hold.id)
        shown = client.holds.get(hold.id)
        held_once = [(one.id, one.lifted_at is None) for one in client.holds.list()]
        receipts = [one.id for one in client.erasures.list()]

    assert (days.call_days, days.meeting_days) == (365, None)
    assert (tried.id, tried.waiting, tried.held, held.value.code) == (None, 1, 1, "legal_hold")
    assert (begun.waiting, begun.held, receipt.counts["conversations_erased"]) == (1, 1, 1)
    assert became == {gone: "erased", kept: "held"}
    assert (lifted.reason, lifted.placed_by.kind, held_once) == ("Case 12/26", "api_key", [(hold.id, False)])
    assert shown == lifted
    assert receipts == [begun.id]


def redact_and_analyze_anew(stage: Stage) -> None:
    """Take a part out of a call and of a meeting; then have what is left analyzed anew."""
    team = stage.installation.team()
    with stage.client(team) as client:
        for kind in (client.calls, client.meetings):
            _redacted(stage, kind)


def _redacted(stage: Stage, kind: Any) -> None:
    said = [UploadTranscript(speaker="Ada", start=0.5, end=1.0, text="It is 4111.")]
    sent = kind.upload(file=io.BytesIO(make_wav(seconds=2)), transcript=said)
    tried = kind.redact(sent.id, intervals=[Interval(start=0.5, end=0.9)], dry_run=True)
    begun = kind.redact(sent.id, intervals=[Interval(start=0.5, end=0.9)])
    stage.wait_until(lambda: [one.state for one in kind.list_redactions(sent.id, limit=1)] == ["done"])
    shown = kind.get(sent.id)
    again = kind.reanalyze(sent.id, language="de")

    assert (tried.id, tried.counts, begun.state) == (None, begun.counts, "running")
    assert (shown.transcript, [(one.start, one.end) for one in shown.muted_intervals]) == ([], [(0.5, 0.9)])
    assert shown.recording_url is not None
    assert (again.processing_status, again.transcript) == ("queued", [])
