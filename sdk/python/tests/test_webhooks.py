"""Webhooks at a receiver that uses the package: what Callfloor sends is taken, anything else is not."""

from __future__ import annotations

import base64
import datetime
import hashlib
import hmac
from collections.abc import Iterator
from pathlib import Path

import pytest
import standardwebhooks

from callfloor_sdk import SignatureInvalid, UnreadableAnswer, verify_webhook
from sdk_support.installation import Installation
from tests.factories.conversations import make_conversation
from tests.webhooks.receiver import Receiver

ALLOWED = {
    "CALLFLOOR_OUTGOING_ALLOWED_NETWORKS": "127.0.0.0/8",
    "CALLFLOOR_OUTGOING_PLAIN_HTTP": "true",
    "CALLFLOOR_PUBLIC_URL": "https://floor.example",
}
KEY = bytes(range(32))
WHSEC = "whsec_" + base64.b64encode(KEY).decode()
BODY = b'{"eventType":"seat_added","seat":{"id":"4"}}'
NOW = 1795327279


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver that listens."""
    one = Receiver()
    yield one
    one.close()


def standard(body: bytes = BODY, *, at: int = NOW, key: str = WHSEC) -> dict[str, str]:
    """Return the headers that the reference library of Standard Webhooks makes."""
    moment = datetime.datetime.fromtimestamp(at, tz=datetime.UTC)
    signature = standardwebhooks.Webhook(key).sign("msg-1", moment, body.decode())
    return {"Webhook-Id": "msg-1", "Webhook-Timestamp": str(at), "Webhook-Signature": signature}


def contracted(body: bytes = BODY, *, at: int = NOW, key: bytes = KEY) -> dict[str, str]:
    """Return the headers as the contract describes them."""
    signature = hmac.new(key, str(at).encode() + body, hashlib.sha256).hexdigest()
    return {"Kickscale-Signature-Hash": signature, "Kickscale-Signature-Timestamp": str(at)}


@pytest.mark.parametrize("secret", [WHSEC, KEY.hex()])
@pytest.mark.parametrize("headers", [standard(), contracted(), {**standard(), **contracted()}])
def test_takes_both_signatures_by_either_form_of_the_secret(secret: str, headers: dict[str, str]) -> None:
    event = verify_webhook(BODY, headers, secret, now=NOW + 10)

    assert (event.event_type, event.subject, event.data, event.timestamp) == ("seat_added", "seat", {"id": "4"}, NOW)
    assert event.id == headers.get("Webhook-Id", "")
    assert (event.call, event.meeting) == (None, None)


def test_takes_one_that_is_signed_by_two_secrets_while_one_is_replaced() -> None:
    old = "whsec_" + base64.b64encode(b"o" * 32).decode()
    headers = standard()
    headers["Webhook-Signature"] = f"{standard(key=old)['Webhook-Signature']} {headers['Webhook-Signature']}"

    assert verify_webhook(BODY, headers, WHSEC, now=NOW).event_type == "seat_added"


@pytest.mark.parametrize(
    ("body", "headers", "secret", "now"),
    [
        pytest.param(BODY + b" ", standard(), WHSEC, NOW, id="another body"),
        pytest.param(BODY + b" ", contracted(), WHSEC, NOW, id="another body, by the contract"),
        pytest.param(BODY, standard(), "00" * 32, NOW, id="another secret"),
        pytest.param(BODY, {**standard(), "Webhook-Id": "msg-2"}, WHSEC, NOW, id="another id"),
        pytest.param(BODY, {**standard(), "Webhook-Timestamp": str(NOW + 1)}, WHSEC, NOW, id="another time"),
        pytest.param(BODY, standard(), WHSEC, NOW + 301, id="too old"),
        pytest.param(BODY, standard(), WHSEC, NOW - 301, id="of the future"),
        pytest.param(BODY, {**contracted(), "Webhook-Signature": ""}, WHSEC, NOW, id="an empty one beside"),
        pytest.param(BODY, contracted(key=b"x"), WHSEC, NOW, id="another key, by the contract"),
        pytest.param(BODY, {}, WHSEC, NOW, id="none"),
        pytest.param(BODY, standard(), "no secret", NOW, id="no secret"),
    ],
)
def test_refuses_what_is_not_signed_or_not_now(body: bytes, headers: dict[str, str], secret: str, now: int) -> None:
    with pytest.raises(SignatureInvalid):
        verify_webhook(body, headers, secret, now=now)


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"eventType":"x"}', b'{"eventType":"x","a":{},"b":{}}', b"\xff"])
def test_a_signed_one_of_another_form_is_unreadable(body: bytes) -> None:
    with pytest.raises(UnreadableAnswer):
        verify_webhook(body, contracted(body), KEY.hex(), now=NOW)


def test_of_what_was_erased_there_is_no_record() -> None:
    body = b'{"eventType":"call_erased","call":{"id":"7","occurred_at":"2026-11-22T06:00:00.000Z","erasure_id":"9"}}'
    event = verify_webhook(body, contracted(body), KEY.hex(), now=NOW)

    assert (event.subject, event.call, event.meeting) == ("call", None, None)
    assert (event.data["id"], event.data["erasure_id"]) == ("7", "9")


def test_a_record_of_another_form_is_unreadable() -> None:
    body = b'{"eventType":"call_analyzed","call":{"id":"7"}}'
    event = verify_webhook(body, contracted(body), KEY.hex(), now=NOW)

    with pytest.raises(UnreadableAnswer):
        assert event.call


def test_takes_what_a_real_server_sends(receiver: Receiver, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'callfloor.db'}"
    with Installation.running(tmp_path, url, options=(), **ALLOWED) as one:
        team = one.team()
        with one.client(team) as client:
            made = client.webhooks.create(url=receiver.url, events=["call_analyzed", "seat_added"])
            call_id = make_conversation(one.db, team)
            client.seats.add(1)
            came = receiver.wait_for(2)

    events = [verify_webhook(one.body, one.headers, made.secret) for one in came]
    again = [verify_webhook(one.body, one.headers, made.standard_secret) for one in came]
    calls = [event.call.id for event in events if event.call is not None]
    assert sorted(event.event_type for event in events) == ["call_analyzed", "seat_added"]
    assert events == again
    assert calls == [call_id]
