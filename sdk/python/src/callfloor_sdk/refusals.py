"""An answer that is no success, read as an error: each of the three APIs has its own words."""

from __future__ import annotations

import http
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httpx2
import msgspec

from callfloor_sdk import errors
from callfloor_sdk.errors import FieldError, Refused
from callfloor_sdk.requests import Api

_BY_STATUS: Mapping[int, type[Refused]] = {
    400: errors.InvalidInput,
    401: errors.NotAuthenticated,
    403: errors.NotPermitted,
    404: errors.NotFound,
    409: errors.Conflict,
    410: errors.NotFound,
    412: errors.Changed,
    413: errors.InvalidInput,
    415: errors.InvalidInput,
    422: errors.InvalidInput,
    423: errors.Conflict,
    429: errors.TooManyRequests,
}
_BY_PORTAL_CODE: Mapping[int, type[Refused]] = {
    1: errors.NotAuthenticated,
    1015: errors.NotFound,
    1016: errors.InvalidInput,
    1023: errors.NotPermitted,
    1026: errors.TooManyRequests,
}
_CONFLICTS = frozenset({"SEAT_IS_EMPTY", "SEAT_IS_NOT_EMPTY", "NOT_EMPTY_SEAT", "ALREADY_MEMBER"})
"""What the Portal API counts to what is not permitted, though it is the state of things that forbids it."""

Body = Mapping[str, Any]


def refusal(api: Api, answer: httpx2.Response) -> Refused:
    """Return the error of an answer that is no success; its body has been read."""
    try:
        body = msgspec.json.decode(answer.content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        body = None
    kind, code, message, wrong, request_id = _READERS[api](answer.status_code, body if isinstance(body, dict) else {})
    return kind(
        answer.status_code,
        code,
        message,
        request_id=request_id or answer.headers.get("x-request-id"),
        errors=wrong,
        retry_after=seconds(answer.headers.get("retry-after")),
    )


def seconds(text: str | None) -> float | None:
    """Return a header's whole seconds, None without any: Callfloor sends no dates there."""
    return float(text) if text and text.isascii() and text.isdigit() else None


_Read = tuple[type[Refused], str, str, tuple[FieldError, ...], str | None]


def _of_status(status: int) -> type[Refused]:
    return _BY_STATUS.get(status, errors.ServerFailed if status >= 500 else Refused)


def _phrase(status: int) -> str:
    return httpx2.codes.get_reason_phrase(status) or str(status)


def _fields(entries: Sequence[Body]) -> tuple[FieldError, ...]:
    return tuple(FieldError(str(entry.get("field", "")), str(entry.get("message", ""))) for entry in entries)


def _callfloor(status: int, body: Body) -> _Read:
    code, message = str(body.get("code", f"http_{status}")), str(body.get("detail", _phrase(status)))
    return _of_status(status), code, message, _fields(body.get("errors", ())), body.get("request_id")


def _portal(status: int, body: Body) -> _Read:
    code = str(body.get("error_code", f"HTTP_{status}"))
    kind = errors.Conflict if code in _CONFLICTS else _BY_PORTAL_CODE.get(body.get("code", 0)) or _of_status(status)
    return kind, code, str(body.get("message", _phrase(status))), _fields(body.get("errors", ())), body.get("req_id")


def _conversations(status: int, body: Body) -> _Read:
    said = body.get("message", _phrase(status))
    messages = said if isinstance(said, list) else [said]
    parts = [str(message).partition(": ") for message in messages]
    wrong = tuple(FieldError(field, expected) for field, _, expected in parts if expected) if status < 429 else ()
    kind = errors.NotAuthenticated if status == http.HTTPStatus.FORBIDDEN else _of_status(status)
    code = str(body.get("error", _phrase(status))).lower().replace(" ", "_")
    return kind, code, "; ".join(map(str, messages)), wrong, None


_READERS: Mapping[Api, Callable[[int, Body], _Read]] = {
    Api.CALLFLOOR: _callfloor,
    Api.PORTAL: _portal,
    Api.CONVERSATIONS: _conversations,
    Api.NONE: _conversations,
}
