"""The OpenAPI document of the Portal API, made from the structs of `wire`; this module run prints it."""

from __future__ import annotations

import dataclasses
import sys
from typing import Any

import msgspec

from callfloor.access.accounts import EMAIL_MAX_LENGTH, EMAIL_PATTERN
from callfloor.portal_api import wire
from callfloor.portal_api.exchange import BODY_LIMIT
from callfloor.teams.seats import ADD_LIMIT

_REF = "#/components/schemas/{name}"
_ENVELOPES = (wire.Failure, wire.ValidationFailure)
_REFUSALS = {
    "400": "What was asked cannot be; `error_code` says why, and `errors` names the fields that were wrong.",
    "401": "The key was not sent, not sent as it must be, or is none.",
    "429": "Too many requests of this address; `Retry-After` says for how many seconds.",
    "500": "The server failed; with `Retry-After` the same request may work then.",
}
_WHOLE: dict[str, Any] = {"type": "integer", "minimum": 1}


@dataclasses.dataclass(frozen=True, slots=True)
class Operation:
    """What the document says of one route; `data` is the struct that its success carries."""

    id: str
    summary: str
    data: type[msgspec.Struct]
    parameters: tuple[dict[str, Any], ...] = ()
    body: dict[str, Any] | None = None


def _query(name: str, about: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": about, "schema": schema}


def _required(name: str, about: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {**_query(name, about, schema), "required": True}


def _search(name: str) -> dict[str, Any]:
    return _query(
        name,
        "Part of it, in any case.",
        {"type": "string", "maxLength": wire.MAX_SEARCH_LENGTH, "pattern": r"^[^\x00]*$"},
    )


_PAGING = (
    _query(wire.PAGE, "Which page; one past the end has no rows.", {**_WHOLE, "default": 1}),
    _query(
        wire.PER_PAGE,
        "How many rows a page has.",
        {**_WHOLE, "maximum": wire.MAX_PER_PAGE, "default": wire.DEFAULT_PER_PAGE},
    ),
)
_DATE = {"type": "string", "format": "date"}
_ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "integer", "minimum": 0}}
_REPEAT_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "The same key within 24 hours gets the first answer again, and nothing is added twice.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[\x20-\x7e\xa1-\xac\xae-\xff]*$"},
}
_COUNT = {
    "type": "object",
    "required": ["count"],
    "properties": {"count": {**_WHOLE, "maximum": ADD_LIMIT, "description": "How many seats to add."}},
}

_EMAIL = {
    "type": "object",
    "required": ["email"],
    "properties": {
        "email": {
            "type": "string",
            "maxLength": EMAIL_MAX_LENGTH,
            "pattern": EMAIL_PATTERN,
            "description": "Whom to invite.",
        }
    },
}

OPERATIONS: dict[tuple[str, str], Operation] = {
    ("GET", f"{wire.ROOT}/seats"): Operation(
        "list_seats",
        "List the team's seats, ordered by id.",
        wire.SeatRows,
        (
            *_PAGING,
            _query("role", "Exactly this role.", {"type": "string", "enum": list(wire.ROLE_FROM_THE_WIRE)}),
            _query("status", "Exactly this status.", {"type": "string", "enum": list(wire.STATUSES)}),
            _search("hostname"),
            _search("nickname"),
        ),
    ),
    ("POST", f"{wire.ROOT}/seats"): Operation(
        "add_seats",
        "Add seats; a team that pays by card is charged for the rest of the period at once.",
        wire.SeatsAdded,
        (_REPEAT_KEY,),
        _COUNT,
    ),
    ("DELETE", f"{wire.ROOT}/seats/{{id}}"): Operation(
        "delete_seat", "Delete an unassigned seat for good.", wire.SeatDeleted, (_ID,)
    ),
    ("POST", f"{wire.ROOT}/team/invite"): Operation(
        "invite_person",
        "Invite a person of an email team by mail; a free seat is kept for them until they accept.",
        wire.PersonInvited,
        body=_EMAIL,
    ),
    ("DELETE", f"{wire.ROOT}/seats/unassign/{{id}}"): Operation(
        "unassign_seat",
        "Free a seat of an email team: its person leaves the team, or its invitation is revoked.",
        wire.SeatUnassigned,
        (_ID,),
    ),
    ("PUT", f"{wire.ROOT}/seats/block/{{id}}"): Operation(
        "block_seat", "Shut out the device of a seat, and free the seat.", wire.SeatBlocked, (_ID,)
    ),
    ("GET", f"{wire.ROOT}/team/block/list"): Operation(
        "list_blocked_devices",
        "List the blocked devices of a device team, ordered by id.",
        wire.BlockRows,
        (*_PAGING, _search(wire.DEVICE_NAME)),
    ),
    ("PUT", f"{wire.ROOT}/team/device/unblock/{{id}}"): Operation(
        "unblock_device", "Let the device of a block-list entry log in again.", wire.DeviceUnblocked, (_ID,)
    ),
    ("GET", f"{wire.ROOT}/analytics/monitoring"): Operation(
        "list_live_devices",
        "List what the team's devices do at this moment, ordered by id; blocked ones are left out.",
        wire.MonitoringRows,
        (
            *_PAGING,
            _query("state", "Exactly this state.", {"type": "string", "enum": list(wire.STATES)}),
            _search("hostname"),
            _search("username"),
        ),
    ),
    ("GET", f"{wire.ROOT}/analytics/usage"): Operation(
        "list_usage",
        "Report usage by group and period: by start of the period, then time of the microphone, greatest first.",
        wire.UsageRows,
        (
            _required(wire.GROUP_BY, "What calls are added up by.", {"type": "string", "enum": list(wire.GROUPINGS)}),
            _required(wire.FROM, "The first day, in UTC, at most four months ago.", _DATE),
            _required(wire.TO, "The last day, in UTC.", _DATE),
            _query(
                wire.CADENCE,
                "The periods: days, weeks from Monday, or months.",
                {"type": "string", "enum": list(wire.CADENCES), "default": wire.DEFAULT_CADENCE},
            ),
            *_PAGING,
        ),
    ),
}


def document() -> dict[str, Any]:
    """Return the document."""
    answers = [operation.data for operation in OPERATIONS.values()]
    _, schemas = msgspec.json.schema_components([*answers, *_ENVELOPES], ref_template=_REF)
    schemas["Failure"]["properties"]["error_code"]["enum"] = [error.name for error in wire.errors()]
    paths: dict[str, dict[str, Any]] = {}
    for (method, path), operation in OPERATIONS.items():
        paths.setdefault(path, {})[method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Callfloor Portal API",
            "version": "1",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "securitySchemes": {
                "key": {"type": "http", "scheme": "basic", "description": "The name and the secret of an API key."}
            },
        },
    }


def _operation(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {"operationId": operation.id, "summary": operation.summary}
    if operation.parameters:
        described["parameters"] = list(operation.parameters)
    if operation.body is not None:
        content = {kind: {"schema": operation.body} for kind in wire.BODY_TYPES}
        about = f"At most {BODY_LIMIT} bytes; fields of other names are ignored."
        described["requestBody"] = {"required": True, "description": about, "content": content}
    described["responses"] = {"200": _response("Done.", _success(operation.data))} | {
        status: _response(about, _failure(status)) for status, about in _REFUSALS.items()
    }
    return described


def _response(about: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": about, "content": {"application/json": {"schema": schema}}}


def _success(data: type[msgspec.Struct]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["code", "message", "data", "req_id"],
        "properties": {
            "code": {"const": 0},
            "message": {"const": "Success"},
            "data": {"$ref": _REF.format(name=data.__name__)},
            "req_id": {"type": "string", "format": "uuid"},
        },
    }


def _failure(status: str) -> dict[str, Any]:
    failure = {"$ref": _REF.format(name="Failure")}
    return {"anyOf": [{"$ref": _REF.format(name="ValidationFailure")}, failure]} if status == "400" else failure


def as_json() -> bytes:
    """Return the document as it is checked in."""
    return msgspec.json.format(msgspec.json.encode(document()), indent=2) + b"\n"


if __name__ == "__main__":
    sys.stdout.buffer.write(as_json())
