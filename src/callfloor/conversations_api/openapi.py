"""The OpenAPI 3.1 document of this API, from the wire's structs."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any

import msgspec

from callfloor.conversations.search_words import MAX_QUERY_LENGTH
from callfloor.conversations_api import examples, wire
from callfloor.conversations_api.multipart import FIELD_BYTES
from callfloor.conversations_api.parameters import DEFAULT_PAGE_SIZE, MAX_PAGE, MAX_PAGE_SIZE, MAX_REPEATS
from callfloor.conversations_api.upload_schemas import (
    ADDRESS,
    DATE,
    DOMAIN_PATTERN,
    EMAIL,
    INSTANT_PATTERN,
    LANGUAGE,
    NAMED,
    NO_NUL,
    something,
    text,
)
from callfloor.conversations_api.wire import Expand, Order, Query, Scope, Upload
from callfloor.foundation.settings import Upload as UploadLimits

_REF = "#/components/schemas/{name}"
_STRUCTS = (wire.CallPage, wire.MeetingPage, wire.ErrorBody, wire.CallUpload)
_INPUTS = frozenset(("CallUpload", "MutedInterval", "ParticipantInput", "Segment"))
_OFTEN = (403, 429, 500, 503)
_FORM_TEXT = {
    Upload.EXTERNAL_CALL_ID: ("Your own id of the call; the same id again is the same call.", text(255)),
    Upload.DATE: ("When the call began, ISO 8601; left out, now.", DATE),
    Upload.CALLER: ("Number or address of who called.", text(255)),
    Upload.CALLEE: ("Number or address of who was called.", text(255)),
    Upload.NAME: ("Left out, the file's name.", text(500)),
    Upload.LANGUAGE: ("Language code such as `en`; left out, it is recognized.", LANGUAGE),
    Upload.RECORDING_URL: (
        "Instead of a file: an https address from which this server fetches the recording.",
        ADDRESS,
    ),
    Upload.USER_EMAIL: ("Whose call it is; left out or unknown, the key's maker.", EMAIL),
}


def document(limits: UploadLimits) -> dict[str, Any]:
    """Return the document; the limits of uploads stand in it."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Callfloor Conversations API",
            "version": "1",
            "description": "Meetings and calls: query by date, customer domain and id; upload calls to be analyzed.",
        },
        "servers": [{"url": "/"}],
        "security": [{"apiKey": [], "clientId": []}],
        "tags": [{"name": "Calls"}, {"name": "Meetings"}],
        "paths": {
            "/calls": {"get": _list("call", "calls"), "post": _upload(limits)},
            "/calls/{id}": {"get": _one("call")},
            "/meetings": {"get": _list("meeting", "meetings")},
            "/meetings/{id}": {"get": _one("meeting")},
        },
        "components": {
            "securitySchemes": {
                "apiKey": _header(wire.API_KEY_HEADER, "The key. It was shown once, when it was made."),
                "clientId": _header(wire.CLIENT_ID_HEADER, "The team's Client ID. It stands beside the keys."),
            },
            "schemas": _schemas(),
        },
    }


def _header(name: str, about: str) -> dict[str, Any]:
    return {"type": "apiKey", "in": "header", "name": name, "description": about}


def _schemas() -> dict[str, Any]:
    _, schemas = msgspec.json.schema_components(_STRUCTS, ref_template=_REF)
    for name, schema in schemas.items():
        if name not in _INPUTS and "properties" in schema:
            _mark_always_present(
                schema, sometimes=("firstName", "lastName", "clientId", "createdAt") if name == "User" else ()
            )
    schemas["ParticipantInput"]["anyOf"] = NAMED
    schemas["CallUpload"]["allOf"] = _something(is_form=False)
    return schemas


def _something(*, is_form: bool) -> list[dict[str, Any]]:
    return something(Upload.FILE.value, Upload.RECORDING_URL.value, Upload.TRANSCRIPT.value, is_form=is_form)


def _mark_always_present(schema: dict[str, Any], sometimes: tuple[str, ...]) -> None:
    for value in schema["properties"].values():
        value.pop("default", None)
    schema["required"] = [name for name in schema["properties"] if name not in sometimes]


def _list(kind: str, name: str) -> dict[str, Any]:
    record = examples.call() if kind == "call" else examples.meeting()
    link = {"description": 'Address of the next page, rel="next".', "schema": {"type": "string"}}
    return {
        "operationId": f"list_{name}",
        "tags": [name.capitalize()],
        "summary": f"List {name}",
        "parameters": _list_parameters(),
        "responses": {
            "200": {**_json(f"{kind.capitalize()}Page", examples.page(record), "A page."), "headers": {"Link": link}},
            **_errors(400, *_OFTEN),
        },
    }


def _one(kind: str) -> dict[str, Any]:
    record = examples.call() if kind == "call" else examples.meeting()
    return {
        "operationId": f"get_{kind}",
        "tags": [f"{kind.capitalize()}s"],
        "summary": f"Get a {kind}",
        "parameters": [
            {
                "name": "id",
                "in": "path",
                "required": True,
                "description": f"The {kind}'s own, from a list or an upload.",
                "schema": {"type": "string"},
            },
            _expand(),
        ],
        "responses": {
            "200": _json(f"{kind.capitalize()}Record", record, f"The {kind}."),
            **_errors(
                400,
                404,
                *_OFTEN,
                told={400: examples.FOREIGN_EXPANSION, 404: f"There is no {kind} with this id."},
            ),
        },
    }


def _upload(limits: UploadLimits) -> dict[str, Any]:
    location = {"Location": {"description": "Address of the call.", "schema": {"type": "string"}}}
    return {
        "operationId": "upload_call",
        "tags": ["Calls"],
        "summary": "Upload a call",
        "description": (
            f"A recording of at most {limits.max_bytes} bytes and {limits.max_seconds} seconds, 8 to 48 kHz, mono or "
            "one speaker a channel: wav (PCM, A-law, µ-law), mp3, m4a, aac, ogg, opus, flac, webm; or its address; or "
            "the transcript that the telephony made. The other fields may have at most "
            f"{FIELD_BYTES} bytes together. The same `{Upload.EXTERNAL_CALL_ID}` again, or without one the same "
            "content, is the same call: 200 instead of 202."
        ),
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {"schema": _form_schema()},
                "application/json": {
                    "schema": {"$ref": _REF.format(name="CallUpload")},
                    "example": {"externalCallId": "pbx-20261103-0018", "transcript": examples.transcript()},
                },
            },
        },
        "responses": {
            "200": {**_json("CallRecord", examples.call(), "The call came before."), "headers": location},
            "202": {
                **_json("CallRecord", examples.queued_call(), "The call is new; its analysis follows."),
                "headers": location,
            },
            **_errors(
                400,
                413,
                415,
                *_OFTEN,
                told={400: examples.FOREIGN_DIRECTION, 413: examples.too_large(limits.max_bytes)},
            ),
        },
    }


def _form_schema() -> dict[str, Any]:
    # An empty field was not given; without the default Swagger UI would send "string" for every one.
    texts = {
        name.value: {"type": "string", "default": "", "description": about, **more}
        for name, (about, more) in _FORM_TEXT.items()
    }
    file = {"type": "string", "format": "binary", "minLength": 1, "description": "The recording."}
    return {
        "type": "object",
        "additionalProperties": False,
        "allOf": _something(is_form=True),
        "properties": {
            Upload.FILE.value: file,
            **texts,
            Upload.DIRECTION.value: _choice(wire.Direction, "Who called whom."),
            Upload.CONSENT.value: _choice(
                wire.Consent,
                "Declined: the recording is kept, and not analyzed; a transcript is not kept, and an address is not "
                "asked.",
            ),
            Upload.PARTICIPANTS.value: _json_text("Who took part, a list of `ParticipantInput`."),
            Upload.CHANNELS.value: _json_text(
                "`agent`, `customer`, or a participant's name or email by channel number, such as "
                '`{"0": "agent", "1": "customer"}`; left out, channel 0 is the agent.'
            ),
            Upload.MUTED.value: _json_text(
                "Pauses, a list of `MutedInterval`: never transcribed, and silent in the recording that is given out."
            ),
            Upload.TRANSCRIPT.value: {
                "type": "string",
                "default": "",
                "description": "A transcript that is there already, as a field or a file; nothing is recognized then. "
                "JSON (a list of `Segment`), WebVTT, SRT, or the document that Teams or Meet exports (docx, text); "
                "what it is is known by its content.",
            },
        },
    }


def _json_text(about: str) -> dict[str, Any]:
    # With a media type of its own Swagger UI would ask for a file.
    return {"type": "string", "default": "", "description": f"JSON text. {about}"}


def _choice(values: type[enum.StrEnum], about: str) -> dict[str, Any]:
    # Without the empty one Swagger UI would choose the first, and say of a call what nobody said.
    return {"type": "string", "enum": ["", *values], "default": "", "description": about}


def _list_parameters() -> list[dict[str, Any]]:
    instant = {"type": "string", "pattern": INSTANT_PATTERN, "examples": ["2026-11-03", "2026-11-03T09:30:00Z"]}
    return [
        _parameter(Query.PAGE, {"type": "integer", "minimum": 0, "maximum": MAX_PAGE, "default": 0}, "0 is the first."),
        _parameter(
            Query.PAGE_SIZE,
            {"type": "integer", "minimum": 1, "maximum": MAX_PAGE_SIZE, "default": DEFAULT_PAGE_SIZE},
            "Records on a page.",
        ),
        _parameter(
            Query.ORDER,
            {"type": "string", "enum": [o.value for o in Order], "default": Order.DESCENDING.value},
            "By `date`, then `id`.",
        ),
        _parameter(Query.START, instant, "`date` on or after; a bare date is its first moment, UTC."),
        _parameter(Query.END, instant, "`date` up to and including; a bare date is the whole day, UTC."),
        _parameter(
            Query.SCOPES,
            {
                "type": "array",
                "items": {"type": "string", "enum": [s.value for s in Scope]},
                "minItems": 1,
                "default": [Scope.EXTERNAL.value],
            },
            "Internal conversations are left out unless asked for.",
            explode=False,
        ),
        _expand(),
        _parameter(
            Query.DOMAIN,
            _strings(DOMAIN_PATTERN),
            "An external participant has this e-mail domain; may repeat.",
            explode=True,
        ),
        _parameter(Query.ID, _strings(r"^[^\x00]+$"), "One of these ids; may repeat.", explode=True),
        _parameter(Query.UPDATED_SINCE, instant, "`updatedAt` on or after."),
        _parameter(
            Query.WORDS,
            {
                "type": "string",
                "minLength": 1,
                "maxLength": MAX_QUERY_LENGTH,
                "pattern": NO_NUL,
                "examples": ['refund "next week"'],
            },
            'Words that are said in one breath; "a phrase"; begin*; -without.',
        ),
        _parameter(
            Query.CURSOR,
            {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,255}$"},
            "From the header `Link` of the page before; not with `page`.",
        ),
    ]


def _strings(pattern: str) -> dict[str, Any]:
    return {
        "type": "array",
        "items": {"type": "string", "maxLength": 255, "pattern": pattern},
        "maxItems": MAX_REPEATS,
    }


def _expand() -> dict[str, Any]:
    choices = {"type": "array", "items": {"type": "string", "enum": [e.value for e in Expand]}, "minItems": 1}
    return _parameter(Query.EXPAND, choices, "The owner's fuller profile; what was said.", explode=False)


def _parameter(name: Query, schema: dict[str, Any], about: str, *, explode: bool | None = None) -> dict[str, Any]:
    style = {} if explode is None else {"style": "form", "explode": explode}
    return {"name": name.value, "in": "query", "description": about, "schema": schema, **style}


def _json(schema: str, example: Any, about: str) -> dict[str, Any]:
    content = {"schema": {"$ref": _REF.format(name=schema)}, "example": example}
    return {"description": about, "content": {"application/json": content}}


def _errors(*statuses: int, told: Mapping[int, Any] | None = None) -> dict[str, Any]:
    """Return the answers that refuse; `told` are the messages that this operation gives."""
    answers, told = {}, told or {}
    for status in statuses:
        example = examples.ERRORS[status]
        example = {**example, "message": told.get(status, example["message"])}
        answer = _json("ErrorBody", example, f"{example['error']}.")
        if status in (429, 503):
            retry = {"description": "Seconds to wait.", "schema": {"type": "integer"}}
            answer["headers"] = {"Retry-After": retry}
        answers[str(status)] = answer
    return answers
