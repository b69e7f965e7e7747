"""A client of the Portal API written from its contract alone: it checks every answer as it takes it."""

from __future__ import annotations

import base64
import dataclasses
import json
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx

_NO_PERMISSION = "Not enough permissions."
_SIGN_IN = "Problem during authentication."
_WRONG = "Something went wrong."
_IN_USE = "Seat is in use. Remove the assigned user from the seat before deleting it."

HTTP_OF_CODE = {0: 200, 1: 401, 1015: 400, 1016: 400, 1023: 400, 1026: 429, 10000: 500}
ERRORS = {
    "AUTH_HEADER_MISSING": (1, _SIGN_IN),
    "AUTH_HEADER_WRONG_FORMAT": (1, _SIGN_IN),
    "AUTH_BASIC_ONLY": (1, _SIGN_IN),
    "AUTH_BASIC_INVALID_TOKEN": (1, _SIGN_IN),
    "VALIDATION_ERROR": (1016, _WRONG),
    "NOT_PERMITTED_ADD_SEATS": (1023, _NO_PERMISSION),
    "SEAT_NOT_FOUND": (1015, "Seat not found."),
    "SEAT_IS_NOT_EMPTY": (1023, _IN_USE),
    "NOT_PERMITTED_CHANGE_SEAT_STATUS": (1023, _NO_PERMISSION),
    "SEAT_IS_EMPTY": (1023, "Seat is empty."),
    "NOT_PERMITTED_DELETE_SEAT": (1023, _NO_PERMISSION),
    "NOT_PERMITTED_INVITE_USER": (1023, _NO_PERMISSION),
    "NOT_EMPTY_SEAT": (1023, "You don't have empty seats."),
    "ALREADY_MEMBER": (1023, "User is already a team member."),
    "NOT_PERMITTED_UNASSIGN_LAST_ADMINISTRATOR_SEAT": (1023, _NO_PERMISSION),
    "NOT_FOUND": (1015, "Not found."),
    "TOO_MANY_REQUESTS": (1026, "Too many requests."),
    "INTERNAL_SERVER_ERROR": (10000, _WRONG),
}
STATUSES = ("unassigned", "invited", "assigned")
ROLES = ("admin", "configurator", "analyst", "user")

STATES = ("online", "in_call", "offline", "unhealthy", "unavailable")
BOTH, DEVICE, EMAIL = ("device", "email"), ("device",), ("email",)
ENDPOINTS = {
    ("GET", "/api/v1/seats"): BOTH,
    ("POST", "/api/v1/seats"): BOTH,
    ("DELETE", "/api/v1/seats/:id"): BOTH,
    ("POST", "/api/v1/team/invite"): EMAIL,
    ("DELETE", "/api/v1/seats/unassign/:id"): EMAIL,
    ("PUT", "/api/v1/seats/block/:id"): DEVICE,
    ("GET", "/api/v1/team/block/list"): DEVICE,
    ("PUT", "/api/v1/team/device/unblock/:id"): DEVICE,
    ("GET", "/api/v1/analytics/monitoring"): BOTH,
    ("GET", "/api/v1/analytics/usage"): BOTH,
}
"""Method and path → the types of team that have it."""
FEATURES = (
    *("mic_noise_cancellation", "speaker_noise_cancellation", "background_voice_cancellation"),
    *("mic_accent_conversion", "speaker_accent_conversion", "voice_translation", "transcription"),
)

_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@dataclasses.dataclass(frozen=True)
class Answer:
    """One checked answer; `error` is its error_code, None on success."""

    status: int
    code: int
    error: str | None
    data: Any
    errors: list[dict[str, str]]
    headers: httpx.Headers

    @property
    def fields(self) -> set[str]:
        """Return the fields that a validation failure names."""
        return {one["field"] for one in self.errors}


class PortalClient:
    """Speaks for one API key.

    Args:
        http: knows the server's address.
        name: of the key.
        secret: of the key.
    """

    def __init__(self, http: httpx.Client, name: str, secret: str) -> None:
        self._http = http
        self._basic = basic(name, secret)

    def call(self, method: str, path: str, **request: Any) -> Answer:
        """Send any request with the key; the arguments are those of httpx."""
        headers = {"Authorization": self._basic, **request.pop("headers", {})}
        return send(self._http, method, path, headers=headers, **request)

    def seats(self, **query: object) -> Answer:
        """Ask for a page of seats."""
        answer = self.call("GET", "/api/v1/seats", params=query)
        if answer.error is None:
            check_page(answer.data, check_seat)
        return answer

    def every_seat(self, *, per_page: int = 20, **filters: object) -> Iterator[dict[str, Any]]:
        """Yield all matching seats, page after page."""
        page, seen, count = 1, 0, 1
        while seen < count:
            answer = self.seats(page=page, perPage=per_page, **filters)
            assert answer.error is None, answer
            rows, count = answer.data["rows"], answer.data["count"]
            assert rows, f"page {page} is empty after {seen} of {count} seats"
            yield from rows
            page, seen = page + 1, seen + len(rows)

    def add_seats(self, count: object, *, form: bool = False, repeat_key: str | None = None) -> Answer:
        """Add seats."""
        headers = {} if repeat_key is None else {"Idempotency-Key": repeat_key}
        body = {"data": {"count": str(count)}} if form else {"json": {"count": count}}
        answer = self.call("POST", "/api/v1/seats", headers=headers, **body)
        if answer.error is None:
            check_added(answer.data)
        return answer

    def delete_seat(self, seat_id: object) -> Answer:
        """Delete a seat."""
        return self.call("DELETE", f"/api/v1/seats/{seat_id}")

    def invite(self, email: object, *, form: bool = False) -> Answer:
        """Invite a person."""
        body = {"data": {"email": str(email)}} if form else {"json": {"email": email}}
        answer = self.call("POST", "/api/v1/team/invite", **body)
        if answer.error is None:
            check(answer.data, {"id": _id, "email": _text, "status": _one_of("invited"), "expires_at": _instant})
        return answer

    def unassign(self, seat_id: object) -> Answer:
        """Free the seat of a person."""
        return self.call("DELETE", f"/api/v1/seats/unassign/{seat_id}")

    def block(self, seat_id: object) -> Answer:
        """Block the device of a seat."""
        return self.call("PUT", f"/api/v1/seats/block/{seat_id}")

    def blocked(self, **query: object) -> Answer:
        """Ask for a page of the block list."""
        answer = self.call("GET", "/api/v1/team/block/list", params=query)
        if answer.error is None:
            check_page(answer.data, check_block)
        return answer

    def unblock(self, entry_id: object) -> Answer:
        """Unblock the device of an entry of the block list."""
        return self.call("PUT", f"/api/v1/team/device/unblock/{entry_id}")

    def monitoring(self, **query: object) -> Answer:
        """Ask for a page of live devices."""
        answer = self.call("GET", "/api/v1/analytics/monitoring", params=query)
        if answer.error is None:
            check_page(answer.data, check_live)
        return answer

    def usage(self, **query: object) -> Answer:
        """Ask for a page of the usage report."""
        answer = self.call("GET", "/api/v1/analytics/usage", params=query)
        if answer.error is None:
            check(answer.data, {"rows": _list, "count": _count})
            assert answer.data["count"] >= len(answer.data["rows"])
            for row in answer.data["rows"]:
                check_usage(row)
        return answer


def basic(name: str, secret: str) -> str:
    """Return the value of the Authorization header."""
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()


def send(http: httpx.Client, method: str, path: str, **request: Any) -> Answer:
    """Send a request as it is, and check the envelope of its answer."""
    response = http.request(method, path, **request)
    if method == "HEAD":
        assert response.content == b""
        return Answer(response.status_code, -1, None, None, [], response.headers)
    return checked(response)


def checked(response: httpx.Response) -> Answer:
    """Return the answer after checking all that the contract says of every envelope."""
    assert response.headers["content-type"].partition(";")[0] == "application/json", response
    body = json.loads(response.content, parse_constant=_refuse, object_pairs_hook=_once)
    assert type(body["code"]) is int
    assert response.status_code == HTTP_OF_CODE[body["code"]]
    assert str(uuid.UUID(body["req_id"])) == body["req_id"] == response.headers["x-request-id"]
    if body["code"] == 0:
        assert set(body) == {"code", "message", "data", "req_id"}
        assert body["message"] == "Success"
        return Answer(response.status_code, 0, None, body["data"], [], response.headers)
    return _failure(response, body)


def _failure(response: httpx.Response, body: dict[str, Any]) -> Answer:
    error = body["error_code"]
    assert (body["code"], body["message"]) == ERRORS[error]
    assert body["data"] is None
    expected = {"code", "error_code", "message", "data", "req_id"}
    if error == "VALIDATION_ERROR":
        expected.add("errors")
        assert body["errors"]
        check_all(body["errors"], {"field": _text, "message": _text})
    assert set(body) == expected
    return Answer(response.status_code, body["code"], error, None, body.get("errors", []), response.headers)


def check_page(data: object, check_row: Callable[[Any], None]) -> None:
    """Check a list: its rows and its count."""
    check(data, {"rows": _list, "count": _count})
    assert isinstance(data, dict)
    assert data["count"] >= len(data["rows"])
    for row in data["rows"]:
        check_row(row)
    ids = [row["id"] for row in data["rows"]]
    assert ids == sorted(set(ids)), "lists are ordered by id"


def check_seat(row: object) -> None:
    """Check a seat row: exactly these attributes, of these types."""
    check(
        row,
        {
            "id": _id,
            "type": _one_of("device", "email"),
            "status": _one_of(*STATUSES),
            "role": _one_of(*ROLES),
            "hostname": _text_or_none,
            "nickname": _text_or_none,
            "user": _user_or_none,
            "created_at": _instant,
            "assigned_at": _instant_or_none,
            "last_active_at": _instant_or_none,
        },
    )


def check_block(row: object) -> None:
    """Check a row of the block list."""
    name = {"hostname": _text, "nickname": _text_or_none, "username": _text}
    check(row, {"id": _id, **name, "blocked_at": _instant, "blocked_by": _text})


def check_live(row: object) -> None:
    """Check a row of the monitoring: one device."""
    nested = dict.fromkeys(("user", "device", "metadata"), _dict)
    check(row, {"id": _id, "state": _one_of(*STATES), "updated_at": _instant, "call": _dict_or_none, **nested})
    assert isinstance(row, dict)
    check(row["user"], {"id": _id_or_none, "email": _text_or_none, "username": _text})
    names = {"hostname": _text, "nickname": _text_or_none, "os": _text, "app_version": _string}
    check(row["device"], {"id": _id, **names})
    assert row["device"]["id"] == row["id"]
    if row["call"] is not None:
        check(row["call"], {"status": _text, "app_name": _text, "started_at": _instant, "duration": _count})
    check(row["metadata"], {"mic": _dict, "speaker": _dict})
    switches = dict.fromkeys(("muted", "noise_cancellation", "accent_conversion"), _switch)
    for sound in row["metadata"].values():
        check(sound, {"device": _text_or_none, **switches})


def check_usage(row: object) -> None:
    """Check a row of the usage report."""
    seconds = dict.fromkeys(("mic_call_duration", "speaker_call_duration", "calls"), _count)
    check(row, {"period_start": _date, "period_end": _date, "group": _dict, "features": _dict, **seconds})
    assert isinstance(row, dict)
    check(row["features"], dict.fromkeys(FEATURES, _count))
    kind = row["group"]["type"]
    check(row["group"], {"type": _text, **_GROUPS[kind]})


def check_added(data: object) -> None:
    """Check what adding seats answers."""
    check(data, {"added": _id, "count": _id, "charge": _charge_or_none})


def check(value: object, attributes: Mapping[str, Callable[[Any], bool]]) -> None:
    """Check that the object has exactly these attributes, each as it must be."""
    assert isinstance(value, dict), value
    assert set(value) == set(attributes)
    for name, holds in attributes.items():
        assert holds(value[name]), f"{name} is {value[name]!r}"


def check_all(values: object, attributes: Mapping[str, Callable[[Any], bool]]) -> None:
    """Check every object of a list."""
    assert isinstance(values, list)
    for value in values:
        check(value, attributes)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len({name for name, _ in pairs}) == len(pairs), f"a name stands twice: {pairs}"
    return dict(pairs)


def _refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")


def _one_of(*allowed: str) -> Callable[[Any], bool]:
    return lambda value: value in allowed


def _text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _text_or_none(value: object) -> bool:
    return value is None or _text(value)


def _date(value: object) -> bool:
    return isinstance(value, str) and _DATE.fullmatch(value) is not None


def _string(value: object) -> bool:
    return isinstance(value, str)


def _switch(value: object) -> bool:
    return value is None or isinstance(value, bool)


def _id_or_none(value: object) -> bool:
    return value is None or _id(value)


def _dict_or_none(value: object) -> bool:
    return value is None or _dict(value)


def _dict(value: object) -> bool:
    return isinstance(value, dict)


def _list(value: object) -> bool:
    return isinstance(value, list)


def _count(value: object) -> bool:
    return type(value) is int and value >= 0


def _id(value: object) -> bool:
    return type(value) is int and value >= 1


def _instant(value: object) -> bool:
    return isinstance(value, str) and _INSTANT.fullmatch(value) is not None


def _instant_or_none(value: object) -> bool:
    return value is None or _instant(value)


def _user_or_none(value: object) -> bool:
    if value is not None:
        name = {"first_name": lambda it: isinstance(it, str), "last_name": lambda it: isinstance(it, str)}
        check(value, {"id": _id, "email": _text, **name})
    return True


def _charge_or_none(value: object) -> bool:
    if value is not None:
        currency = re.compile(r"[A-Z]{3}")
        check(
            value,
            {
                "amount": _count,
                "currency": lambda it: currency.fullmatch(it) is not None,
                "period_start": _instant,
                "period_end": _instant,
                "seats": _id,
            },
        )
    return True


_NAMED: Mapping[str, Callable[[Any], bool]] = {"id": _text, "name": _text}
_GROUPS: Mapping[str, Mapping[str, Callable[[Any], bool]]] = {
    "user": {"id": _id, "email": _text_or_none, "name": lambda it: it is None or isinstance(it, str)},
    "username": _NAMED,
    "device": {"id": _id, "hostname": _text_or_none, "nickname": _text_or_none, "name": _text_or_none},
    "language": _NAMED,
}
