"""Uploads in pieces by tus 1.0: a cut costs one piece, and a new process goes on where the old one was."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import datetime
import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Literal

import httpx2
import msgspec

from callfloor_sdk.errors import CallfloorError, Conflict, NoAnswer, Refused, ServerFailed, TooManyRequests
from callfloor_sdk.generated.async_callfloor import AsyncUploadsMethods
from callfloor_sdk.generated.callfloor import UploadsMethods
from callfloor_sdk.generated.callfloor_types import (
    UploadMutedIntervals,
    UploadParticipants,
    UploadShown,
    UploadTranscript,
)
from callfloor_sdk.records import Input
from callfloor_sdk.requests import Api, Request, path, sent_value
from callfloor_sdk.retrying import Wait
from callfloor_sdk.sending import Work
from callfloor_sdk.uploads import File, Progress, opened_file

ADDRESS = "/api/v2/uploads"
PIECE_BYTES = 8 * 1024 * 1024
FAILURES = 8
"""So many in a row without a byte arriving, and the last one is raised."""
_CHECKSUM_WRONG = 460
_VERSION = {"Tus-Resumable": "1.0.0"}

Begun = Callable[[str], object]


class UploadFields(Input, kw_only=True, frozen=True):
    """What is known of the conversation that is uploaded; what is left out is left to the server."""

    kind: Literal["call", "meeting"] = "call"
    filename: str | None = None
    external_call_id: str | None = None
    """Your own id; the same id again is the same conversation."""
    date: datetime.datetime | None = None
    """When it began."""
    direction: Literal["inbound", "outbound"] | None = None
    caller: str | None = None
    callee: str | None = None
    name: str | None = None
    language: str | None = None
    user_email: str | None = None
    """Whose it is."""
    participants: Sequence[UploadParticipants] | None = None
    channels: Mapping[str, str] | None = None
    """`agent`, `customer`, or a participant's name or e-mail address by channel number."""
    recording_consent: Literal["granted", "declined"] | None = None
    muted_intervals: Sequence[UploadMutedIntervals] | None = None
    transcript: str | Sequence[UploadTranscript] | None = None
    """One that is there already; nothing is recognized then."""


@dataclasses.dataclass
class _Way:
    """Of one upload.

    Args:
        file: open, and able to be read from any place.
        upload_id: of one that was begun before.
    """

    file: IO[bytes]
    fields: UploadFields
    upload_id: str | None
    on_begun: Begun | None
    on_progress: Progress | None
    piece_bytes: int

    def __post_init__(self) -> None:
        self.length = self.file.seek(0, os.SEEK_END)
        self._failures = 0

    def steps(self) -> Work[httpx2.Response]:
        """Tell what to send next, be told what came of it, and return what became of the upload."""
        offset = 0
        if self.upload_id is None:
            begun = _answered((yield self._creation()))
            self.upload_id = begun.headers["location"].rpartition("/")[2]
            if self.on_begun is not None:
                self.on_begun(self.upload_id)
        else:
            offset = _offset(_answered((yield self._question())))
        while offset < self.length:
            outcome = yield self._piece(offset)
            while isinstance(outcome, CallfloorError):
                yield Wait(self._wait_after(outcome))
                outcome = yield self._question()
            arrived = _offset(outcome)
            self._failures = 0 if arrived > offset else self._failures
            offset = arrived
            if self.on_progress is not None:
                self.on_progress(offset, self.length)
        return _answered((yield self._result()))

    def _wait_after(self, fault: CallfloorError) -> float:
        """Return the seconds to wait before the server is asked where it stands.

        Raises:
            CallfloorError: the fault, where it does not pass.
        """
        passes = isinstance(fault, NoAnswer | ServerFailed | TooManyRequests | Conflict)
        passes = passes or (isinstance(fault, Refused) and fault.status == _CHECKSUM_WRONG)
        self._failures += 1
        if not passes or self._failures >= FAILURES:
            raise fault
        return float(min(30.0, 0.25 * 2 ** (self._failures - 1)))

    def _creation(self) -> Request[UploadShown]:
        headers = {"Upload-Length": str(self.length), "Upload-Metadata": self._metadata()}
        return self._request("POST", ADDRESS, headers, is_repeatable=True)  # one that nobody goes on with expires

    def _question(self) -> Request[UploadShown]:
        return self._request("HEAD", self._address, {})

    def _piece(self, offset: int) -> Request[UploadShown]:
        self.file.seek(offset)
        piece = self.file.read(self.piece_bytes)
        checksum = base64.b64encode(hashlib.sha256(piece).digest()).decode()
        headers = {
            "Content-Type": "application/offset+octet-stream",
            "Upload-Offset": str(offset),
            "Upload-Checksum": f"sha256 {checksum}",
        }
        request = self._request("PATCH", self._address, headers)
        return dataclasses.replace(request, piece=piece)

    def _result(self) -> Request[UploadShown]:
        return self._request("GET", self._address, {})

    @property
    def _address(self) -> str:
        return path(f"{ADDRESS}/{{id}}", id=self.upload_id)

    def _metadata(self) -> str:
        given = msgspec.structs.asdict(self.fields)
        fields = {field: msgspec.to_builtins(sent_value(value)) for field, value in given.items() if value is not None}
        name = self.fields.filename or Path(str(getattr(self.file, "name", ""))).name
        fields |= {"kind": self.fields.kind} | ({"filename": name} if name else {})
        return ",".join(f"{field} {_base64(value)}" for field, value in fields.items())

    def _request(
        self, method: str, address: str, headers: Mapping[str, str], *, is_repeatable: bool | None = None
    ) -> Request[UploadShown]:
        return Request(
            api=Api.CALLFLOOR,
            method=method,
            path=address,
            answer=UploadShown,
            headers={**_VERSION, **headers},
            is_repeatable=is_repeatable,
        )


def _answered(outcome: httpx2.Response | CallfloorError | None) -> httpx2.Response:
    if isinstance(outcome, CallfloorError):
        raise outcome
    assert outcome is not None  # noqa: S101  # only a wait has no outcome
    return outcome


def _offset(outcome: httpx2.Response | None) -> int:
    return int(_answered(outcome).headers["upload-offset"])


def _base64(value: object) -> str:
    text = value.encode() if isinstance(value, str) else msgspec.json.encode(value)
    return base64.b64encode(text).decode()


class Uploads(UploadsMethods):
    """Uploads in pieces, which go on after a cut."""

    def send(
        self,
        file: File,
        fields: UploadFields | None = None,
        *,
        upload_id: str | None = None,
        on_begun: Begun | None = None,
        on_progress: Progress | None = None,
        piece_bytes: int = PIECE_BYTES,
    ) -> UploadShown:
        """Upload a recording in pieces; what broke off is gone on with.

        Needs the scope `conversations:write`.

        Args:
            file: the recording.
            fields: what is known of the conversation.
            upload_id: of an upload that was begun before, to go on with it.
            on_begun: told the id once there is one: who keeps it can go on in another process.
            on_progress: told how many bytes of how many have arrived.
            piece_bytes: of one request; a cut costs at most so many.
        """
        with contextlib.ExitStack() as opened:
            source = opened_file(file, opened)
            way = _Way(source, fields or UploadFields(), upload_id, on_begun, on_progress, piece_bytes)
            answer = self._sender.work(way.steps())
        return msgspec.json.decode(answer.content, type=UploadShown)


class AsyncUploads(AsyncUploadsMethods):
    """Uploads in pieces, which go on after a cut."""

    async def send(
        self,
        file: File,
        fields: UploadFields | None = None,
        *,
        upload_id: str | None = None,
        on_begun: Begun | None = None,
        on_progress: Progress | None = None,
        piece_bytes: int = PIECE_BYTES,
    ) -> UploadShown:
        """Upload a recording in pieces; what broke off is gone on with.

        Needs the scope `conversations:write`.

        Args:
            file: the recording.
            fields: what is known of the conversation.
            upload_id: of an upload that was begun before, to go on with it.
            on_begun: told the id once there is one: who keeps it can go on in another process.
            on_progress: told how many bytes of how many have arrived.
            piece_bytes: of one request; a cut costs at most so many.
        """
        with contextlib.ExitStack() as opened:
            source = opened_file(file, opened)
            way = _Way(source, fields or UploadFields(), upload_id, on_begun, on_progress, piece_bytes)
            answer = await self._sender.work(way.steps())
        return msgspec.json.decode(answer.content, type=UploadShown)
