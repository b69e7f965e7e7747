"""Names of fields as the Callfloor API spells them, and its words for what is refused."""

from __future__ import annotations

import dataclasses
import re
from http import HTTPStatus

from callfloor.conversations_api.refusals import Refused
from callfloor.conversations_api.wire import Upload
from callfloor.foundation.errors import DomainError, FieldError, InvalidInput

_UNDERSCORE = re.compile(r"_([a-z0-9])")
_CAPITAL = re.compile(r"(?<=[a-z0-9])[A-Z]")
_NESTED = frozenset((Upload.PARTICIPANTS, Upload.MUTED))


class UploadTooLarge(DomainError):
    """The recording or the fields have more bytes than are taken."""

    code = "upload_too_large"
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class UploadForeign(DomainError):
    """The body or the recording is of no form that is read."""

    code = "unsupported_media_type"
    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


@dataclasses.dataclass(frozen=True, slots=True)
class Spelling:
    """How the fields of an upload are spelt: `externalCallId` on the wire, and there as `external_call_id` too."""

    takes_underscores: bool = False

    def name(self, given: str) -> str:
        """Return the wire's name."""
        return camel(given) if self.takes_underscores else given

    def value(self, name: str, given: object) -> object:
        """Return the value with the wire's names in it."""
        return _camel_keys(given) if self.takes_underscores and name in _NESTED else given


WIRE = Spelling()
UNDERSCORES = Spelling(takes_underscores=True)


def camel(name: str) -> str:
    """Return `external_call_id` as `externalCallId`."""
    return _UNDERSCORE.sub(lambda found: found[1].upper(), name)


def underscored(name: str) -> str:
    """Return `externalCallId` as `external_call_id`."""
    return _CAPITAL.sub(lambda found: f"_{found[0].lower()}", name)


def domain_error(refused: Refused) -> DomainError:
    """Return the refusal as the Callfloor API knows it."""
    messages = [refused.message] if isinstance(refused.message, str) else refused.message
    texts = [_respelt(message) for message in messages]
    if refused.status is HTTPStatus.BAD_REQUEST:
        return InvalidInput([_field_error(text) for text in texts])
    kind = UploadTooLarge if refused.status is HTTPStatus.REQUEST_ENTITY_TOO_LARGE else UploadForeign
    return kind(texts[0])


def _field_error(text: str) -> FieldError:
    field, found, message = text.partition(": ")
    return FieldError(underscored(field), message) if found else FieldError("body", text)


def _respelt(text: str) -> str:
    for one in Upload:
        text = text.replace(one.value, underscored(one.value))
    return text


def _camel_keys(value: object) -> object:
    if isinstance(value, list):
        return [_camel_keys(one) for one in value]
    if isinstance(value, dict):
        return {camel(str(name)): _camel_keys(one) for name, one in value.items()}
    return value
