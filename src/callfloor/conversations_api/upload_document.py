"""The body of an upload to the Callfloor API, as its OpenAPI document shows it."""

from __future__ import annotations

from typing import Any

from callfloor.conversations_api.spelling import underscored
from callfloor.conversations_api.wire import Consent, Direction, Upload

_TEXT = {"type": "string"}
_SECONDS = {"type": "number", "minimum": 0, "maximum": 604_800}
_PARTICIPANT = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "name": {"type": ["string", "null"]},
        "email": {"type": ["string", "null"]},
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
_SEGMENT = {
    "type": "object",
    "required": ["speaker", "start", "end", "text"],
    "properties": {"speaker": _TEXT, "start": _SECONDS, "end": _SECONDS, "text": _TEXT},
}
_TEXTS = {
    Upload.EXTERNAL_CALL_ID: "Your own id; the same id again is the same conversation.",
    Upload.DATE: "When it began, ISO 8601; left out, what a meeting's files tell, else now.",
    Upload.CALLER: "Who called.",
    Upload.CALLEE: "Who was called.",
    Upload.NAME: "Left out, the file's name.",
    Upload.LANGUAGE: "Language code such as `en`; left out, it is recognized.",
    Upload.USER_EMAIL: "Whose it is; left out or unknown, the caller's.",
    Upload.RECORDING_URL: "Instead of a file: an https address from which this server fetches the recording.",
}
_TRANSCRIPT = (
    "A transcript that is there already; nothing is recognized then. What it is is known by its content: WebVTT or SRT "
    "(speakers by `<v Name>` or `Name:`), the documents of Teams and Meet, or JSON segments."
)


def upload_body() -> dict[str, Any]:
    """Return what the operation of an upload takes."""
    file = {"type": "string", "contentMediaType": "application/octet-stream", "description": "The recording."}
    form = {"type": "object", "additionalProperties": False, "properties": {"file": file, **_fields()}}
    plain = {"type": "object", "additionalProperties": False, "properties": _or_null(_fields())}
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


def _fields() -> dict[str, dict[str, Any]]:
    fields: dict[str, dict[str, Any]] = {name.value: {**_TEXT, "description": about} for name, about in _TEXTS.items()}
    fields[Upload.DIRECTION] = {"type": "string", "enum": [one.value for one in Direction]}
    fields[Upload.CONSENT] = {"type": "string", "enum": [one.value for one in Consent]}
    fields[Upload.PARTICIPANTS] = {"type": "array", "items": _PARTICIPANT, "maxItems": 100}
    fields[Upload.CHANNELS] = {"type": "object", "additionalProperties": _TEXT}
    fields[Upload.MUTED] = {"type": "array", "items": _INTERVAL, "maxItems": 1000, "description": "Pauses, in seconds."}
    fields[Upload.TRANSCRIPT] = {
        "anyOf": [_TEXT, {"type": "array", "items": _SEGMENT}],
        "description": _TRANSCRIPT,
    }
    return {underscored(name): schema for name, schema in fields.items()}


def _or_null(fields: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the fields of JSON, where null says nothing, as leaving out does."""
    return {name: {"anyOf": [schema, {"type": "null"}]} for name, schema in fields.items()}
