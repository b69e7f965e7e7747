"""The Postman collection of the Portal API, made from its OpenAPI operations; this module run prints it.

The requests stand in an order that works from the first to the last, in a team of either type: what one answers, the
next ones use.
"""

from __future__ import annotations

import dataclasses
import sys
from typing import Any

import msgspec

from callfloor.portal_api import wire
from callfloor.portal_api.openapi import OPERATIONS, Operation

_SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
_SEATS = f"{wire.ROOT}/seats"
_BLOCK_LIST = f"{wire.ROOT}/team/block/list"
_DONE, _AUTH, _NOT_FOUND, _INVALID, _FORBIDDEN = 0, 1, 1015, 1016, 1023
_DESCRIPTION = """Set the variables `base_url`, `key_name` and `key_secret`, and `team_type` to `device` or `email`.

Run as a whole it adds four seats and deletes one; in an email team it invites `email` and revokes the invitation, in a
device team it blocks and unblocks the device whose hostname has `hostname` in it, if there is one.
"""


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """One request; `device` and `email` are the codes it may be answered with in a team of that type."""

    method: str
    path: str
    name: str
    device: tuple[int, ...] = (_DONE,)
    email: tuple[int, ...] = (_DONE,)
    query: tuple[tuple[str, str], ...] = ()
    body: tuple[tuple[str, str], ...] = ()
    """Names and values, a value written as JSON."""
    is_form: bool = False
    id: str = ""
    """What stands for `{id}`."""
    remember: tuple[str, str] | None = None
    """A variable, and the JavaScript expression of `answer` that it is set to."""
    has_key: bool = True


STEPS = (
    Step("POST", _SEATS, "Add seats", body=(("count", "3"),)),
    Step("POST", _SEATS, "Add a seat, by a form", body=(("count", "1"),), is_form=True),
    Step(
        "GET",
        _SEATS,
        "List seats",
        query=(("page", "1"), ("perPage", "20")),
        remember=("today", "new Date().toISOString().slice(0, 10)"),
    ),
    Step("GET", f"{wire.ROOT}/analytics/monitoring", "List what the devices do now", query=(("state", "online"),)),
    Step(
        "GET",
        f"{wire.ROOT}/analytics/usage",
        "Report usage of the week",
        query=((wire.GROUP_BY, "username"), (wire.FROM, "{{today}}"), (wire.TO, "{{today}}"), (wire.CADENCE, "weekly")),
    ),
    Step(
        "GET",
        _SEATS,
        "List free seats",
        query=(("status", "unassigned"), ("role", "user")),
        remember=("free_seat_id", "answer.data.rows[0].id"),
    ),
    Step(
        "POST",
        f"{wire.ROOT}/team/invite",
        "Invite a person",
        device=(_FORBIDDEN,),
        body=(("email", '"{{email}}"'),),
    ),
    Step(
        "GET",
        _SEATS,
        "List invited seats",
        query=(("status", "invited"),),
        remember=("invited_seat_id", "answer.data.rows.length ? answer.data.rows[0].id : 0"),
    ),
    Step(
        "DELETE",
        f"{_SEATS}/unassign/{{id}}",
        "Unassign a seat",
        device=(_FORBIDDEN,),
        id="{{invited_seat_id}}",
    ),
    Step(
        "GET",
        _SEATS,
        "Search seats by hostname",
        query=(("hostname", "{{hostname}}"),),
        remember=("device_seat_id", "answer.data.rows.length ? answer.data.rows[0].id : 0"),
    ),
    Step(
        "PUT",
        f"{_SEATS}/block/{{id}}",
        "Block the device of a seat",
        device=(_DONE, _NOT_FOUND),
        email=(_FORBIDDEN,),
        id="{{device_seat_id}}",
    ),
    Step(
        "GET",
        _BLOCK_LIST,
        "List blocked devices",
        email=(_FORBIDDEN,),
        query=((wire.DEVICE_NAME, "{{hostname}}"),),
        remember=("block_id", "answer.data && answer.data.rows.length ? answer.data.rows[0].id : 0"),
    ),
    Step(
        "PUT",
        f"{wire.ROOT}/team/device/unblock/{{id}}",
        "Unblock a device",
        device=(_DONE, _NOT_FOUND),
        email=(_FORBIDDEN,),
        id="{{block_id}}",
    ),
    Step("DELETE", f"{_SEATS}/{{id}}", "Delete a free seat", id="{{free_seat_id}}"),
    Step(
        "DELETE",
        f"{_SEATS}/{{id}}",
        "Delete it again: it is not found",
        (_NOT_FOUND,),
        (_NOT_FOUND,),
        id="{{free_seat_id}}",
    ),
    Step("GET", _SEATS, "List a page that cannot be", (_INVALID,), (_INVALID,), query=(("page", "0"),)),
    Step("GET", _SEATS, "List without a key", (_AUTH,), (_AUTH,), has_key=False),
)


def collection() -> dict[str, Any]:
    """Return the collection, format version 2.1."""
    variables = {
        "base_url": "https://localhost:8443",
        "key_name": "",
        "key_secret": "",
        "team_type": "email",
        "email": "invited@company.example",
        "hostname": "ws-",
    }
    return {
        "info": {"name": "Callfloor Portal API", "description": _DESCRIPTION, "schema": _SCHEMA},
        "auth": {
            "type": "basic",
            "basic": [
                {"key": "username", "value": "{{key_name}}", "type": "string"},
                {"key": "password", "value": "{{key_secret}}", "type": "string"},
            ],
        },
        "variable": [{"key": key, "value": value} for key, value in variables.items()],
        "item": [_item(step, OPERATIONS[step.method, step.path]) for step in STEPS],
    }


def _item(step: Step, operation: Operation) -> dict[str, Any]:
    request: dict[str, Any] = {
        "method": step.method,
        "description": operation.summary,
        "header": [],
        "url": _url(step, operation),
    }
    if not step.has_key:
        request["auth"] = {"type": "noauth"}
    if step.body:
        kind = wire.FORM_BODY if step.is_form else wire.JSON_BODY
        request["header"] = [{"key": "Content-Type", "value": kind}]
        request["body"] = _form(step) if step.is_form else _json(step)
    script = {"listen": "test", "script": {"type": "text/javascript", "exec": _script(step)}}
    return {"name": step.name, "event": [script], "request": request, "response": []}


def _url(step: Step, operation: Operation) -> dict[str, Any]:
    path = step.path.replace("{id}", step.id)
    given = dict(step.query)
    known = {one["name"]: one.get("description", "") for one in operation.parameters if one["in"] == "query"}
    raw = f"{{{{base_url}}}}{path}"
    if given:
        raw += "?" + "&".join(f"{key}={value}" for key, value in given.items())
    query = [
        {"key": name, "value": given.get(name, ""), "description": about, "disabled": name not in given}
        for name, about in known.items()
    ]
    return {"raw": raw, "host": ["{{base_url}}"], "path": path.strip("/").split("/"), "query": query}


def _json(step: Step) -> dict[str, Any]:
    text = ", ".join(f'"{name}": {value}' for name, value in step.body)
    return {"mode": "raw", "raw": f"{{{text}}}", "options": {"raw": {"language": "json"}}}


def _form(step: Step) -> dict[str, Any]:
    return {"mode": "urlencoded", "urlencoded": [{"key": name, "value": value} for name, value in step.body]}


def _script(step: Step) -> list[str]:
    codes = f"{{device: {list(step.device)}, email: {list(step.email)}}}[pm.variables.get('team_type')]"
    statuses = "{0: 200, 1: 401, 1015: 400, 1016: 400, 1023: 400}"
    script = [
        "const answer = pm.response.json();",
        f"pm.test('code', () => pm.expect(answer.code).to.be.oneOf({codes}));",
        f"pm.test('status', () => pm.response.to.have.status({statuses}[answer.code]));",
        "pm.test('request id', () => pm.expect(answer.req_id).to.equal(pm.response.headers.get('X-Request-Id')));",
    ]
    if step.remember is not None:
        variable, expression = step.remember
        script.append(f"pm.collectionVariables.set('{variable}', {expression});")
    return script


def as_json() -> bytes:
    """Return the collection as it is checked in."""
    return msgspec.json.format(msgspec.json.encode(collection()), indent=2) + b"\n"


if __name__ == "__main__":
    sys.stdout.buffer.write(as_json())
