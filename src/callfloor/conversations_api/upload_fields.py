"""Fields of an uploaded call, checked all at once, each problem naming its field."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

import msgspec

from callfloor.access.accounts import checked_email
from callfloor.conversations.given_transcripts import GivenTranscript
from callfloor.conversations.muting import MutedInterval, merged
from callfloor.conversations.parties import AGENT, CUSTOMER, Party
from callfloor.conversations_api import wire
from callfloor.conversations_api.instants import instant
from callfloor.conversations_api.refusals import bad_request
from callfloor.conversations_api.upload_transcripts import transcript_of_file, transcript_of_value
from callfloor.conversations_api.wire import Upload
from callfloor.foundation.clock import Millis
from callfloor.foundation.errors import InvalidInput
from callfloor.foundation.fields import LANGUAGE_PATTERN
from callfloor.foundation.outgoing.addresses import MAX_URL_LENGTH

CHANNEL_COUNT = 2
PARTICIPANTS_LIMIT = 100
MUTED_LIMIT = 1000
_TEXT_LENGTH, _NAME_LENGTH = 255, 500
_LANGUAGE = re.compile(LANGUAGE_PATTERN)
_AS_JSON = frozenset((Upload.PARTICIPANTS, Upload.CHANNELS, Upload.MUTED))


@dataclasses.dataclass(frozen=True, slots=True)
class UploadFields:
    """What the fields say; None where nothing was said."""

    external_call_id: str | None
    date: Millis | None
    direction: str | None
    caller: str | None
    callee: str | None
    name: str | None
    language: str | None
    user_email: str | None
    parties: tuple[Party, ...]
    channels: Mapping[int, str]
    """`agent` or `customer` by channel; empty where nothing was said."""
    transcript: GivenTranscript | None
    recording_url: str | None
    """As it was given; whether it may be asked is not checked yet."""
    recording_consent: str | None
    muted: tuple[MutedInterval, ...]


def form_value(name: str, content: bytes) -> object:
    """Return a form field's value: the text, or what its JSON or its transcript says; an empty field was not given.

    Raises:
        Refused: 400, the field does not hold what it must.
    """
    if name == Upload.TRANSCRIPT:
        return _read(name, transcript_of_file, content)
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise bad_request(f"{_shown(name)}: must be UTF-8 text") from None
    if not text.strip():
        return None
    return _read(name, msgspec.json.decode, content) if name in _AS_JSON else text


def _read(name: str, read: Callable[[bytes], object], content: bytes) -> object:
    try:
        return read(content)
    except msgspec.ValidationError as error:
        raise bad_request(_located(name, str(error))) from None
    except msgspec.DecodeError as error:
        raise bad_request(f"{name}: must be JSON ({error})") from None
    except ValueError as error:
        raise bad_request(f"{name}: {error}") from None


def check_each(raw: Mapping[str, object]) -> None:
    """Check every field by itself, while others may still come.

    Raises:
        Refused: 400 with every wrong field named.
    """
    _values(raw)


def upload_fields(raw: Mapping[str, object]) -> UploadFields:
    """Return what the fields say.

    Raises:
        Refused: 400 with every wrong field named.
    """
    values = _values(raw)
    parties: Sequence[Party] = values.get(Upload.PARTICIPANTS) or ()
    channels, parties = _assigned(values.get(Upload.CHANNELS) or {}, parties)
    return UploadFields(
        external_call_id=values.get(Upload.EXTERNAL_CALL_ID),
        date=values.get(Upload.DATE),
        direction=values.get(Upload.DIRECTION),
        caller=values.get(Upload.CALLER),
        callee=values.get(Upload.CALLEE),
        name=values.get(Upload.NAME),
        language=values.get(Upload.LANGUAGE),
        user_email=values.get(Upload.USER_EMAIL),
        parties=tuple(parties),
        channels=channels,
        transcript=values.get(Upload.TRANSCRIPT),
        recording_url=values.get(Upload.RECORDING_URL),
        recording_consent=values.get(Upload.CONSENT),
        muted=values.get(Upload.MUTED) or (),
    )


def _values(raw: Mapping[str, object]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    problems: list[str] = []
    for name, value in raw.items():
        parse = _PARSERS.get(name)
        if parse is None:
            problems.append(f"{_shown(name)}: is not a field of an upload")
        elif value is not None:
            try:
                values[name] = parse(value)
            except InvalidInput as error:
                problems += [f"{name}: {e.message}" for e in error.errors]
            except msgspec.ValidationError as error:  # a ValueError, too
                problems.append(_located(name, str(error)))
            except ValueError as error:
                problems.append(f"{name}: {error}")
    if problems:
        raise bad_request(*problems)
    return values


def _shown(name: str) -> str:
    return name[:64] if name.isprintable() and name else "(a field without a name)"


def _located(name: str, message: str) -> str:
    what, _, where = message.partition(" - at `$")
    return f"{name}{where.rstrip('`')}: {what[:1].lower()}{what[1:]}"


def _text(limit: int) -> Callable[[object], str | None]:
    def parse(value: object) -> str | None:
        if not isinstance(value, str):
            raise ValueError("must be text")  # noqa: TRY004  # a wrong field, not a wrong call
        if len(value) > limit or "\x00" in value:
            raise ValueError(f"must have at most {limit} characters, none of them NUL")
        return value.strip() or None

    return parse


def _short(value: object) -> str | None:
    return _text(_TEXT_LENGTH)(value)


def _date(value: object) -> Millis | None:
    text = _short(value)
    return None if text is None else instant(text)


def _direction(value: object) -> str | None:
    text = _short(value)
    if text is not None and text not in list(wire.Direction):
        raise ValueError(f"must be {' or '.join(wire.Direction)}")
    return text


def _consent(value: object) -> str | None:
    text = _short(value)
    if text is not None and text not in list(wire.Consent):
        raise ValueError(f"must be {' or '.join(wire.Consent)}")
    return text


def _language(value: object) -> str | None:
    text = _short(value)
    if text is not None and not _LANGUAGE.fullmatch(text):
        raise ValueError("must be a language code such as en or pt-BR")
    return text


def _email(value: object) -> str | None:
    text = _short(value)
    return None if text is None else checked_email(text)


def _participants(value: object) -> tuple[Party, ...]:
    given = msgspec.convert(value, list[wire.ParticipantInput])
    if len(given) > PARTICIPANTS_LIMIT:
        raise ValueError(f"may hold at most {PARTICIPANTS_LIMIT}")
    return tuple(_party(at, party) for at, party in enumerate(given))


def _party(at: int, given: wire.ParticipantInput) -> Party:
    try:
        name, email = _short(given.name or ""), _email(given.email or "")
    except (ValueError, InvalidInput) as error:
        raise ValueError(f"number {at}: {error}") from None
    if name is None and email is None:
        raise ValueError(f"number {at}: must have a name or an email")
    return Party(name, email, given.is_internal, given.channel)


def _channels(value: object) -> dict[int, str]:
    if isinstance(value, list):
        value = {str(at): who for at, who in enumerate(value)}
    given = msgspec.convert(value, dict[str, str])
    numbers = [str(n) for n in range(CHANNEL_COUNT)]
    if not all(number in numbers for number in given):
        raise ValueError(f"must say for {' and '.join(numbers)} who speaks there")
    return {int(number): who.strip() for number, who in given.items()}


def _muted(value: object) -> tuple[MutedInterval, ...]:
    given = msgspec.convert(value, list[wire.MutedInterval])
    if len(given) > MUTED_LIMIT:
        raise ValueError(f"may hold at most {MUTED_LIMIT}")
    for at, one in enumerate(given):
        if one.end <= one.start:
            raise ValueError(f"number {at}: must end after it starts")
    return merged([MutedInterval(math.floor(one.start * 1000), math.ceil(one.end * 1000)) for one in given])


def _a_file(_: object) -> NoReturn:
    raise ValueError("must be a file part, with a filename")


_PARSERS: dict[str, Callable[[object], object]] = {
    Upload.FILE: _a_file,
    Upload.RECORDING_URL: _text(MAX_URL_LENGTH),
    Upload.EXTERNAL_CALL_ID: _short,
    Upload.DATE: _date,
    Upload.DIRECTION: _direction,
    Upload.CALLER: _short,
    Upload.CALLEE: _short,
    Upload.NAME: _text(_NAME_LENGTH),
    Upload.LANGUAGE: _language,
    Upload.USER_EMAIL: _email,
    Upload.PARTICIPANTS: _participants,
    Upload.CHANNELS: _channels,
    Upload.TRANSCRIPT: transcript_of_value,
    Upload.CONSENT: _consent,
    Upload.MUTED: _muted,
}


def _assigned(given: Mapping[int, str], parties: Sequence[Party]) -> tuple[dict[int, str], list[Party]]:
    """Turn names of participants into the participants' channels, and the channel's side with them."""
    channels, placed, problems = dict[int, str](), list(parties), list[str]()
    for number, who in given.items():
        if who.lower() in (AGENT, CUSTOMER):
            channels[number] = who.lower()
            continue
        at = next((i for i, p in enumerate(placed) if who and who.lower() in _names(p)), None)
        if at is None:
            problems.append(
                f"{Upload.CHANNELS}: {who!r} must be {AGENT}, {CUSTOMER}, or the name or email of a participant"
            )
        else:
            placed[at] = dataclasses.replace(placed[at], channel=number)
    if problems:
        raise bad_request(*problems)
    return channels, placed


def _names(party: Party) -> set[str]:
    return {name.lower() for name in (party.name, party.email) if name}
