"""The body of an upload to the Callfloor API, as its OpenAPI document shows it."""

from __future__ import annotations

from typing import Any

from callfloor.conversations_api.spelling import underscored
from callfloor.conversations_api.upload_schemas import (
    ADDRESS,
    CHANNELS,
    DATE,
    EMAIL,
    LANGUAGE,
    NAMED,
    NO_NUL,
    Schema,
    something,
    text,
)
from callfloor.conversations_api.upload_transcripts import SEGMENTS_LIMIT
from callfloor.conversations_api.wire import Consent, Direction, Upload

_TEXT = {"type": "string"}
_SECONDS = {"type": "number", "minimum": 0, "maximum": 604_800}
_PARTICIPANT = {
    "type": "object",
    "additionalProperties": False,
    "anyOf": NAMED,
    "properties": {
        "name": {"type": ["string", "null"], **text(255)},
        "email": {"type": ["string", "null"], **EMAIL},
        "is_internal": {"type": ["boolean", "null"], "description": "Left out, by the e-mail domain."},
        "channel": {"type": ["integer", "null"], "minimum": 0, "maximum": 1},
    },
}
_INTERVAL = {
    "type": "object",
    "additionalProperties": False,
    "required": ["start", "end"],
    "properties": {"start": _SECONDS, "end": _SECONDS},
}
_WORD = {
    "type": "object",
    "required": ["text", "start", "end"],
    "properties": {"text": {**_TEXT, "pattern": NO_NUL}, "start": _SECONDS, "end": _SECONDS},
}
_SEGMENT = {
    "type": "object",
    "required": ["speaker", "start", "end", "text"],
    "properties": {
        "speaker": {**_TEXT, **text(255)},
        "start": _SECONDS,
        "end": _SECONDS,
        "text": {**_TEXT, **text(100_000)},
        "words": {"anyOf": [{"type": "array", "items": _WORD}, {"type": "null"}]},
    },
}
_TEXTS = {
    Upload.EXTERNAL_CALL_ID: ("Your own id; the same id again is the same conversation.", text(255)),
    Upload.DATE: ("When it began, ISO 8601; left out, what a meeting's files tell, else now.", DATE),
    Upload.CALLER: ("Who called.", text(255)),
    Upload.CALLEE: ("Who was called.", text(255)),
    Upload.NAME: ("Left out, the file's name.", text(500)),
    Upload.LANGUAGE: ("Language code such as `en`; left out, it is recognized.", LANGUAGE),
    Upload.USER_EMAIL: ("Whose it is; left out or unknown, the caller's.", EMAIL),
    Upload.RECORDING_URL: (
        "Instead of a file: an https address from which this server fetches the recording.",
        ADDRESS,
    ),
}
_TRANSCRIPT = (
    "A transcript that is there already; nothing is recognized then. What it is is known by its content: WebVTT or SRT "
    "(speakers by `<v Name>` or `Name:`), the documents of Teams and Meet, or JSON segments."
)


def upload_body() -> dict[str, Any]:
    """Return what the operation of an upload takes."""
    file = {
        "type": "string",
        "minLength": 1,
        "contentMediaType": "application/octet-stream",
        "description": "The recording.",
    }
    said = {Upload.TRANSCRIPT.value: {**_TEXT, "description": _TRANSCRIPT}}
    form = _object({"file": file, **_fields(), **said}, is_form=True)
    plain = _object(_or_null(_fields()), is_form=False)
    example = {"external_call_id": "pbx-1001", "transcript": "WEBVTT\n\n00:00.000 --> 00:02.000\n<v Ada>Hello.\n"}
    return {
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {"schema": form},
                "application/json": {"schema": plain, "example": example},
            },
        }
    }


def _object(fields: dict[str, Schema], *, is_form: bool) -> Schema:
    names = (underscored(name) for name in (Upload.FILE, Upload.RECORDING_URL, Upload.TRANSCRIPT))
    rules = something(*names, is_form=is_form)
    return {"type": "object", "additionalProperties": False, "allOf": rules, "properties": fields}


def _fields() -> dict[str, Schema]:
    fields: dict[str, Schema] = {
        name.value: {**_TEXT, "description": about, **more} for name, (about, more) in _TEXTS.items()
    }
    fields[Upload.DIRECTION] = {"type": "string", "enum": [one.value for one in Direction]}
    fields[Upload.CONSENT] = {"type": "string", "enum": [one.value for one in Consent]}
    fields[Upload.PARTICIPANTS] = {"type": "array", "items": _PARTICIPANT, "maxItems": 100}
    fields[Upload.CHANNELS] = {"type": "object", "additionalProperties": _TEXT, **CHANNELS}
    fields[Upload.MUTED] = {"type": "array", "items": _INTERVAL, "maxItems": 1000, "description": "Pauses, in seconds."}
    fields[Upload.TRANSCRIPT] = {
        "anyOf": [_TEXT, {"type": "array", "items": _SEGMENT, "maxItems": SEGMENTS_LIMIT}],
        "description": _TRANSCRIPT,
    }
    return {underscored(name): schema for name, schema in fields.items()}


def _or_null(fields: dict[str, Schema]) -> dict[str, Schema]:
    """Return the fields of JSON, where null says nothing, as leaving out does."""
    return {name: {"anyOf": [schema, {"type": "null"}]} for name, schema in fields.items()}
