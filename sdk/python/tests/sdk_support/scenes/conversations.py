"""Calls and meetings by the Callfloor API: sent, corrected, commented on, found, followed, fetched."""

from __future__ import annotations

from typing import Any

import pytest

from callfloor_sdk import Changed, NotFound, UploadFields
from callfloor_sdk.types import ParticipantChange, UploadParticipants, UploadTranscript
from sdk_support.stage import Stage
from tests.factories.audio import make_wav

SAID = [UploadTranscript(speaker="Ada", start=0.5, end=2.0, text="A refund, next week?")]


def upload_and_correct(stage: Stage) -> None:
    """Each method of a call, and the same of a meeting."""
    team = stage.installation.team()
    with stage.client(team) as client:
        sent = [_corrected(kind) for kind in (client.calls, client.meetings)]
        hits = [hit.id for hit in client.search.conversations("refund")]
        followed, told = client.changes.follow(), list[str]()
        while set(told) != set(sent):
            told += [change.conversation_id for change in next(followed).data]
        followed.close()
        page = client.changes.list(limit=1)
        rest = list(client.changes.catch_up(page.next, limit=1))

    assert set(hits) == set(sent)
    assert page.has_more
    again = [change.conversation_id for one in [page, *rest] for change in one.data]
    assert again[: len(told)] == told


def _corrected(kind: Any) -> str:
    """Send one and call what there is to call on it; `kind` is `client.calls` or `client.meetings`."""
    ada = UploadParticipants(name="Ada", email="ada@customer.example")
    sent = kind.upload(transcript=SAID, external_call_id="one", participants=[ada])
    shown = kind.get(sent.id)
    renamed = [ParticipantChange(id=shown.participants[0].id, name="Ada Byron")]
    changed = kind.change(sent.id, outcome="won", rating=5, participants=renamed, if_match=shown.etag)
    with pytest.raises(Changed):
        kind.change(sent.id, outcome="lost", if_match=shown.etag)
    commented = kind.add_comment(sent.id, text="Well led.", start=0.5, if_match=changed.etag)
    comment = commented.comments[0].id
    edited = kind.change_comment(sent.id, comment, text="Very well led.")
    bare = kind.remove_comment(sent.id, comment, if_match=edited.etag)
    emptied = kind.change(sent.id, outcome=None)
    history = [edit.field for edit in kind.list_history(sent.id, limit=1)]
    listed = [one.id for one in kind.list(customer_domain="customer.example")]

    assert (sent.http_status, shown.transcript[0].text) == (202, SAID[0].text)
    assert (changed.outcome, changed.rating, changed.participants[0].name) == ("won", 5, "Ada Byron")
    assert (edited.comments[0].text, bare.comments, emptied.outcome, emptied.rating) == ("Very well led.", [], None, 5)
    assert {"outcome", "rating", "participants", "comments"} <= set(history)
    assert listed == [sent.id]
    found: str = sent.id
    return found


def upload_in_pieces(stage: Stage) -> None:
    """A recording by tus, what became of it, and the recording again."""
    wav, ids = make_wav(seconds=3), list[str]()
    with stage.client(stage.installation.team()) as client:
        done = client.uploads.send(wav, UploadFields(external_call_id="two"), on_begun=ids.append, piece_bytes=30_000)
        shown = client.uploads.get(done.id)
        client.uploads.delete(done.id)
        with pytest.raises(NotFound):
            client.uploads.get(done.id)
        address = client.calls.get(done.conversation_id).recording_url
        again = client.recording(address).read()
        path = client.recording(address).save(stage.folder / "again.wav")

    assert (ids, shown.offset, shown.conversation_id) == ([done.id], len(wav), done.conversation_id)
    assert again == path.read_bytes() == wav
