"""What the documents of both dialects say of an upload's fields: as much of the checks as a schema can tell."""

from __future__ import annotations

from typing import Any

from callfloor.access.accounts import EMAIL_MAX_LENGTH, EMAIL_PATTERN
from callfloor.foundation.fields import LANGUAGE_PATTERN
from callfloor.foundation.outgoing import ADDRESS_PATTERN, MAX_URL_LENGTH

Schema = dict[str, Any]

_AROUND = r"[\s\x1c-\x1f]*"
_SAID = r"[^\s\x1c-\x1f]"
_BLANK = rf"^{_AROUND}$"
NO_NUL = r"^[^\x00]*$"
_TIME = r"[Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?([Zz]|[+-][0-9]{2}:?[0-9]{2})?"
INSTANT_PATTERN = rf"^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}({_TIME})?$"
DOMAIN_PATTERN = rf"^{_AROUND}@?[^\s\x00-\x1f\x85@/]+{_AROUND}$"
BASE64_PATTERN = r"([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?"

DATE: Schema = {"maxLength": 255, "pattern": f"{INSTANT_PATTERN}|{_BLANK}"}
LANGUAGE: Schema = {"maxLength": 255, "pattern": f"^{LANGUAGE_PATTERN}$|{_BLANK}"}
EMAIL: Schema = {"maxLength": EMAIL_MAX_LENGTH, "pattern": f"{EMAIL_PATTERN}|{_BLANK}"}
ADDRESS: Schema = {"maxLength": MAX_URL_LENGTH, "pattern": f"{ADDRESS_PATTERN}|{_BLANK}"}
CHANNELS: Schema = {"propertyNames": {"enum": ["0", "1"]}}


def text(limit: int) -> Schema:
    """Return what is said of a text of so many characters."""
    return {"maxLength": limit, "pattern": NO_NUL}


NAMED: list[Schema] = [
    {"required": [name], "properties": {name: {"type": "string", "pattern": _SAID}}} for name in ("name", "email")
]
"""One of which holds of a participant: there is a name, or an address."""


def something(file: str, address: str, transcript: str, *, is_form: bool) -> list[Schema]:
    """Return what holds of every upload: one recording, or the transcript; what is blank is not there.

    Args:
        file: name of the field; left out of what is no form.
        address: likewise.
        transcript: likewise.
        is_form: whether it is; then the transcript is text.
    """
    said = {"type": "string", "pattern": _SAID}
    blank: Schema = {"pattern": _BLANK}
    listed: list[Schema] = [] if is_form else [{"type": "array", "minItems": 1}]
    given = [
        {"required": [address], "properties": {address: said}},
        {"required": [transcript], "properties": {transcript: {"anyOf": [said, *listed]}}},
    ]
    if not is_form:
        return [{"anyOf": given}]
    return [
        {"anyOf": [{"required": [file]}, *given]},
        {"anyOf": [{"properties": {file: False}}, {"properties": {address: blank}}]},
    ]
