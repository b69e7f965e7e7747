"""What an event may say: when, for how long, in which words. The first rule that it breaks is told."""

from __future__ import annotations

import datetime
import functools
import re
from typing import NamedTuple, NoReturn

import msgspec

from callfloor.foundation.clock import DAY, MINUTE, SECOND, Millis, as_datetime
from callfloor.ingest.language_tags import canonical_tag
from callfloor.ingest.schemas import CallEvent, Event, Heartbeat, ReportedSound, StateEvent
from callfloor.usage.calendar import day_of, oldest_day

AHEAD: Millis = 5 * MINUTE
"""How far an agent's clock may be ahead; it is set by the `Date` of the answers."""
SLACK_SECONDS = 60
"""By how much a duration may be longer than its call: agents count streams that begin before it and end after."""
CALL_MAX: Millis = DAY

_EPOCH = as_datetime(0)
_MILLI = datetime.timedelta(milliseconds=1)
_IN_NO_TEXT = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_PLACE = re.compile(r" - at `\$\.?([^`]*)`$")
_UNKNOWN_FIELD = re.compile(r"unknown field `([^`]*)`")
_MISSING_FIELD = re.compile(r"required field `([^`]*)`")
_MESSAGES = {
    "too_far_ahead": "is more than 5 minutes ahead of the server's clock; set the clock by the answers' Date header",
    "too_old": "is more than four calendar months ago",
}


class Window(NamedTuple):
    """From when to when something may have been."""

    oldest: datetime.datetime
    newest: datetime.datetime


class Refusal(Exception):
    """An event breaks a rule."""

    def __init__(self, code: str, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.code = code
        self.field = field
        self.message = message


def window_at(now: Millis) -> Window:
    """Return from when to when something may have been that is reported now, to the second."""
    return _window(now // SECOND * SECOND)


@functools.lru_cache(maxsize=8)
def _window(now: Millis) -> Window:
    oldest = oldest_day(day_of(now)) * DAY + now % DAY
    return Window(as_datetime(oldest), as_datetime(now + AHEAD + SECOND))


def millis(moment: datetime.datetime) -> Millis:
    """Return the instant of an aware datetime."""
    return (moment - _EPOCH) // _MILLI


def check_event(event: Event, window: Window, *, has_odd_characters: bool) -> None:
    """Check what the JSON's form does not say.

    Args:
        event: as it was read.
        window: when it may have been.
        has_odd_characters: whether its texts may have characters that no name has.

    Raises:
        Refusal: it breaks a rule.
    """
    if not window.oldest <= event.at <= window.newest:
        _check_instant("at", event.at, window)
    if isinstance(event, Heartbeat):
        return
    if has_odd_characters:
        _check_texts(event)
    if isinstance(event, CallEvent):
        _check_call(event, window)
    elif event.call is not None:
        _check_instant("call.started_at", event.call.started_at, window)


def language_of(event: CallEvent) -> str | None:
    """Return the language of a checked call as it is written."""
    return None if event.language is None else canonical_tag(event.language)


def refusal_of(error: msgspec.ValidationError) -> Refusal:
    """Return what is wrong with the form of an event."""
    text = str(error)
    place = _PLACE.search(text)
    field = place[1] if place else ""
    said = text if place is None else text[: place.start()]
    named = _UNKNOWN_FIELD.search(said) or _MISSING_FIELD.search(said)
    if named:
        field = f"{field}.{named[1]}" if field else named[1]
    code = "validation_error"
    if field.startswith("features.") and "unknown field" in said:
        code, said = "unknown_feature", "is not a feature"
    elif field == "kind" and said.startswith("Invalid value"):
        code, said = "unknown_kind", "must be heartbeat, state or call"
    return Refusal(code, field or "event", said)


def _check_instant(field: str, moment: datetime.datetime, window: Window) -> None:
    if moment > window.newest:
        _refuse("too_far_ahead", field, _MESSAGES["too_far_ahead"])
    if moment < window.oldest:
        _refuse("too_old", field, _MESSAGES["too_old"])


def _check_call(event: CallEvent, window: Window) -> None:
    if not window.oldest <= event.started_at <= window.newest:
        _check_instant("started_at", event.started_at, window)
    length = millis(event.ended_at) - millis(event.started_at)
    if length < 0:
        _refuse("ends_before_start", "ended_at", "is before started_at")
    if length > CALL_MAX:
        _refuse("call_too_long", "ended_at", "is more than 24 hours after started_at")
    _check_durations(event, length // SECOND + SLACK_SECONDS)
    if event.language is not None and canonical_tag(event.language) is None:
        _refuse("invalid_language", "language", "is not a language tag (BCP 47) such as en-US")


def _check_durations(event: CallEvent, longest: int) -> None:
    features = msgspec.structs.astuple(event.features)
    durations = (event.mic_seconds, event.speaker_seconds, *features)
    if min(durations) >= 0 and max(durations) <= longest:
        return
    names = ("mic_seconds", "speaker_seconds", *(f"features.{name}" for name in event.features.__struct_fields__))
    for name, seconds in zip(names, durations, strict=True):
        if seconds < 0:
            _refuse("negative_duration", name, "is negative")
        if seconds > longest:
            _refuse("duration_too_long", name, f"is more than {SLACK_SECONDS} seconds longer than the call")


def _check_texts(event: StateEvent | CallEvent) -> None:
    texts = {"app_name": event.app_name} if isinstance(event, CallEvent) else _texts_of_state(event)
    for field, text in texts.items():
        if text is not None and _IN_NO_TEXT.search(text):
            _refuse("validation_error", field, "has control characters, or breaks of lines")


def _texts_of_state(event: StateEvent) -> dict[str, str | None]:
    return {
        "reason": event.reason,
        "call.app_name": event.call.app_name if event.call else None,
        "mic.device": _device(event.mic),
        "speaker.device": _device(event.speaker),
    }


def _device(sound: ReportedSound | None) -> str | None:
    return sound.device if sound else None


def _refuse(code: str, field: str, message: str) -> NoReturn:
    raise Refusal(code, field, message)
