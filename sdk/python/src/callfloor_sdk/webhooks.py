"""Webhooks at their receiver: was it Callfloor, was it now, and what does it say."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from callfloor_sdk import clock
from callfloor_sdk.errors import SignatureInvalid, UnreadableAnswer
from callfloor_sdk.generated.conversations_types import CallRecord, MeetingRecord

TOLERANCE_SECONDS = 300

T = TypeVar("T")


@dataclasses.dataclass(frozen=True, slots=True)
class WebhookEvent:
    """What a webhook says.

    Args:
        id: the same on every attempt: who remembers it handles each event once.
        timestamp: of this attempt, in seconds since 1970.
        event_type: such as `call_analyzed`.
        subject: what it happened to: `call`, `meeting`, `seat`, …
        data: of the subject, as it came.
    """

    id: str
    timestamp: int
    event_type: str
    subject: str
    data: Mapping[str, Any]

    @property
    def call(self) -> CallRecord | None:
        """The call, where it is about one; of one that was erased there is none, only `data`."""
        return self._record("call", CallRecord)

    @property
    def meeting(self) -> MeetingRecord | None:
        """The meeting, where it is about one; of one that was erased there is none, only `data`."""
        return self._record("meeting", MeetingRecord)

    def _record(self, subject: str, type_: type[T]) -> T | None:
        if self.subject != subject or self.event_type == f"{subject}_erased":
            return None
        try:
            return msgspec.convert(self.data, type_)
        except msgspec.ValidationError as fault:
            raise UnreadableAnswer(f"a webhook of another form: {fault}") from fault


def verify_webhook(
    body: bytes,
    headers: Mapping[str, str],
    secret: str,
    *,
    tolerance: float = TOLERANCE_SECONDS,
    now: float | None = None,
) -> WebhookEvent:
    """Return what a webhook says, if Callfloor signed it.

    Args:
        body: exactly as it came: parsed and written anew it is signed no more.
        headers: as they came, in any case.
        secret: either form of the endpoint's: `secret` or `standard_secret`.
        tolerance: seconds between its timestamp and now, either way; older ones may be played again by somebody.
        now: seconds since 1970; left out, the clock.

    Raises:
        SignatureInvalid: it was not signed by this secret, or not now.
        UnreadableAnswer: it was, and says nothing that this version understands.
    """
    given = {name.lower(): value for name, value in headers.items()}
    key, moment = _key(secret), clock.now() if now is None else now
    signed = _standard if "webhook-signature" in given else _kickscale
    stamp = signed(given, body, key)
    if abs(moment - stamp) > tolerance:
        raise SignatureInvalid(f"signed {abs(moment - stamp):.0f} seconds away from now")
    return _read(body, given.get("webhook-id", ""), stamp)


def _key(secret: str) -> bytes:
    try:
        if secret.startswith("whsec_"):
            return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        return bytes.fromhex(secret)
    except (binascii.Error, ValueError) as fault:
        raise SignatureInvalid("the secret is neither hex nor of the form whsec_…") from fault


def _standard(given: Mapping[str, str], body: bytes, key: bytes) -> int:
    """Standard Webhooks: HMAC-SHA-256 of id, timestamp and body; while a secret is replaced there are two."""
    stamp = given.get("webhook-timestamp", "")
    message = b".".join((given.get("webhook-id", "").encode(), stamp.encode(), body))
    expected = b"v1," + base64.b64encode(hmac.digest(key, message, hashlib.sha256))
    found = [hmac.compare_digest(one.encode(), expected) for one in given["webhook-signature"].split()]
    return _checked(stamp, is_right=any(found))


def _kickscale(given: Mapping[str, str], body: bytes, key: bytes) -> int:
    """The contract's own: hex HMAC-SHA-256 of timestamp and body, nothing between them."""
    stamp = given.get("kickscale-signature-timestamp", "")
    expected = hmac.digest(key, stamp.encode() + body, hashlib.sha256).hex()
    found = given.get("kickscale-signature-hash", "")
    return _checked(stamp, is_right=hmac.compare_digest(found.encode(), expected.encode()))


def _checked(stamp: str, *, is_right: bool) -> int:
    if not is_right or not (stamp.isascii() and stamp.isdigit()):
        raise SignatureInvalid("not signed by this secret")
    return int(stamp)


def _read(body: bytes, id_: str, stamp: int) -> WebhookEvent:
    try:
        content = msgspec.json.decode(body, type=dict[str, Any])
        event_type = content.pop("eventType")
        ((subject, data),) = content.items()
    except (msgspec.DecodeError, KeyError, ValueError) as fault:
        raise UnreadableAnswer(f"a webhook of another form: {fault}") from fault
    return WebhookEvent(id_, stamp, event_type, subject, data)
