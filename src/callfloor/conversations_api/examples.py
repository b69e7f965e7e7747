"""Examples of the OpenAPI document, made of the wire's own structs."""

from __future__ import annotations

from typing import Any

import msgspec

from callfloor.conversations_api import wire

_ID = "019aa8f2-6f1c-7c3e-9a55-2b7f6f0d9c11"
_FORBIDDEN = "The headers api-key and client-id must hold a valid pair; see Settings, Integrations, API & Webhooks."


def _shared(name: str) -> dict[str, Any]:
    return {
        "id": _ID,
        "created_at": "2026-11-03T09:41:07.120Z",
        "updated_at": "2026-11-03T09:42:30.004Z",
        "client_id": "cf-4f7a2c",
        "name": name,
        "date": "2026-11-03T09:30:00.000Z",
        "participants": [
            wire.Participant(
                "019aa8f2-6f1d-7a10", "Dana Reyes", "dana@ours.example", is_internal=True, speak_ratio=0.54
            ),
            wire.Participant(
                "019aa8f2-6f1d-7b32", "Sam Okafor", "sam@customer.example", is_internal=False, speak_ratio=0.46
            ),
        ],
        "duration": 62.48,
        "metrics": wire.Metrics(
            speak_ratio=0.54,
            questions=4,
            patience=0.62,
            words_per_minute=152.3,
            longest_monologue=11.2,
            interruptions=1,
            silence_ratio=0.18,
            talk_to_listen=1.174,
        ),
        "language": "en",
        "user": wire.User("7", "Dana Reyes", "dana@ours.example"),
        "customer_domains": ["customer.example"],
        "recording_consent": None,
        "processing_status": "analyzed",
        "processing_reason": None,
    }


def call(**changes: Any) -> Any:
    """Return a call as plain JSON."""
    record = wire.CallRecord(
        **_shared("Billing question"),
        caller="+15550100",
        callee="+15550199",
        direction="inbound",
        external_call_id="pbx-20261103-0017",
    )
    return {**msgspec.to_builtins(record), **changes}


def meeting() -> Any:
    """Return a meeting as plain JSON."""
    emails = ["dana@ours.example", "sam@customer.example"]
    return msgspec.to_builtins(wire.MeetingRecord(**_shared("Quarterly review"), participant_emails=emails))


def transcript() -> list[dict[str, Any]]:
    """Return a short transcript."""
    return [
        {"speaker": "Agent", "start": 0.4, "end": 2.1, "text": "Good morning, billing. How can I help?"},
        {"speaker": "Customer", "start": 2.6, "end": 5.9, "text": "Hello, I was charged twice this month."},
    ]


def queued_call() -> Any:
    """Return a call right after its upload."""
    return call(
        processingStatus="queued",
        duration=None,
        metrics=msgspec.to_builtins(wire.Metrics()),
        language=None,
        updatedAt="2026-11-03T09:41:07.120Z",
    )


def page(record: Any) -> Any:
    """Return a list's page with one record."""
    return {"data": [record], "meta": {"total": 1, "returned": 1, "page": 0, "pageSize": 20}}


def too_large(limit_bytes: int) -> str:
    """Return what is told of a recording over the limit."""
    return f"file: a recording may have at most {limit_bytes} bytes."


FOREIGN_EXPANSION = ["expand: must be a comma-separated list of user_client_augmentation, meeting_transcript"]
FOREIGN_DIRECTION = ["direction: must be inbound or outbound"]
ERRORS: dict[int, Any] = {
    400: {"statusCode": 400, "error": "Bad Request", "message": ["pageSize: must be a whole number from 1 to 100"]},
    403: {"statusCode": 403, "error": "Forbidden", "message": _FORBIDDEN},
    404: {"statusCode": 404, "error": "Not Found", "message": "There is no call with this id."},
    405: {"statusCode": 405, "error": "Method Not Allowed", "message": "PUT is not allowed here; allowed: GET, POST."},
    413: {
        "statusCode": 413,
        "error": "Request Entity Too Large",
        "message": too_large(2_000_000_000),
    },
    415: {
        "statusCode": 415,
        "error": "Unsupported Media Type",
        "message": "file: is not a recording of a known format; send wav, mp3, m4a, aac, ogg, opus, flac or webm",
    },
    429: {
        "statusCode": 429,
        "error": "Too Many Requests",
        "message": "This key may make 6000 requests in 60 seconds.",
    },
    500: {"statusCode": 500, "error": "Internal Server Error", "message": "Something went wrong on this side."},
    503: {
        "statusCode": 503,
        "error": "Service Unavailable",
        "message": "Something this needs does not answer at the moment. Try again.",
    },
}
