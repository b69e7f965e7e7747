"""Finished calls as agents report them: the newest revision is kept, and the days' sums move with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Text, insert, select

from callfloor.foundation.clock import DAY, MINUTE, Millis
from callfloor.foundation.database import Tx, param, upsert
from callfloor.foundation.database.row_list import row_list
from callfloor.usage.groups import groups_of
from callfloor.usage.tables import SUMS, call_record, usage_day, usage_unfolded

QUARTER: Millis = 15 * MINUTE

_Key = tuple[int, str]
_Row = tuple[Any, ...]


class Features(msgspec.Struct, frozen=True):
    """For how many seconds of a call each feature was on."""

    mic_noise_cancellation: int = 0
    speaker_noise_cancellation: int = 0
    background_voice_cancellation: int = 0
    mic_accent_conversion: int = 0
    speaker_accent_conversion: int = 0
    voice_translation: int = 0
    transcription: int = 0


class FinishedCall(msgspec.Struct, frozen=True):
    """One revision of a call, already found believable; instants in milliseconds, durations in whole seconds."""

    device_id: int
    username: str
    account_id: int | None
    call_id: str
    revision: int
    app_name: str
    language: str | None
    started_at: Millis
    ended_at: Millis
    mic_seconds: int
    speaker_seconds: int
    features: Features = Features()

    @property
    def key(self) -> _Key:
        """Return what tells a call from the team's others."""
        return self.device_id, self.call_id

    @property
    def day(self) -> int:
        """Return the UTC day it belongs to, whole: that of its start."""
        return self.started_at // DAY

    @property
    def sums(self) -> tuple[int, ...]:
        """Return what it adds to each column of `SUMS`."""
        return 1, self.mic_seconds, self.speaker_seconds, *msgspec.structs.astuple(self.features)


_c = call_record.c
_FEATURES = Features.__struct_fields__
_asked = row_list("asked", device_id=BigInteger, call_id=Text)
CALL_COLUMNS: tuple[Any, ...] = (
    *(_c.device_id, _c.username, _c.account_id, _c.call_id, _c.revision, _c.app_name, _c.language),
    *(_c.started_at, _c.ended_at, _c.mic_seconds, _c.speaker_seconds, *(_c[name] for name in _FEATURES)),
)
"""What `call_of` makes a call of."""
_known = select(*CALL_COLUMNS).join_from(
    _asked,
    call_record,
    (_c.team_id == param("team_id")) & (_c.device_id == _asked.c.device_id) & (_c.call_id == _asked.c.call_id),
    isouter=True,
)

_recorded, _added = upsert(call_record), upsert(usage_day)
_record = _recorded.on_conflict_do_update(
    index_elements=[_c.team_id, _c.device_id, _c.call_id],
    set_={column.name: _recorded.excluded[column.name] for column in call_record.c if not column.primary_key},
)
_leave_unfolded = insert(usage_unfolded)
_add_to_days = _added.on_conflict_do_update(
    index_elements=[usage_day.c.team_id, usage_day.c.group_kind, usage_day.c.day, usage_day.c.group_id],
    set_={name: usage_day.c[name] + _added.excluded[name] for name in SUMS},
)


def record_calls(tx: Tx, team_id: int, calls: Sequence[FinishedCall], *, now: Millis) -> list[bool]:
    """Keep the calls that are new, or newer than what is known, and count them in the sums of their days.

    The caller holds the locks of the calls' devices. The number of statements does not grow with the calls.

    Returns:
        For each call whether it was counted: not when its revision is not above the known one, or came twice.
    """
    if not calls:
        return []
    before = _known_calls(tx, team_id, {call.key for call in calls})
    after, counted = dict(before), []
    for call in calls:
        known = after.get(call.key)
        counted.append(known is None or call.revision > known.revision)
        if counted[-1]:
            after[call.key] = call
    changed = sorted(key for key, call in after.items() if call is not before.get(key))
    if changed:
        _write(tx, team_id, [(before.get(key), after[key]) for key in changed], now)
    return counted


def _known_calls(tx: Tx, team_id: int, keys: Iterable[_Key]) -> dict[_Key, FinishedCall]:
    rows = tx.all(_known, {"team_id": team_id, "asked": sorted(keys)})
    return {call.key: call for call in (call_of(row) for row in rows if row[0] is not None)}


def call_of(row: tuple[Any, ...]) -> FinishedCall:
    """Return the call of a row of `CALL_COLUMNS`."""
    facts, features = row[: -len(_FEATURES)], row[-len(_FEATURES) :]
    return FinishedCall(*(*facts, Features(*features)))


def _write(tx: Tx, team_id: int, changes: Sequence[tuple[FinishedCall | None, FinishedCall]], now: Millis) -> None:
    tx.load(_record, [_record_row(team_id, new, now) for _, new in changes])
    _move(tx, team_id, [change for old, new in changes for change in _moves(old, new)])


def take_back(tx: Tx, team_id: int, calls: Sequence[FinishedCall]) -> None:
    """Take calls back from every sum; the caller has deleted them, in the order of their keys."""
    _move(tx, team_id, [(call, -1) for call in calls])


def _move(tx: Tx, team_id: int, moved: Sequence[tuple[FinishedCall, int]]) -> None:
    tx.load(_leave_unfolded, [_unfolded_row(team_id, call, sign) for call, sign in moved])
    add_to_days(tx, team_id, _day_totals(moved))


def add_to_days(tx: Tx, team_id: int, totals: Mapping[tuple[str, int, str], Sequence[int]]) -> None:
    """Add to sums of days by kind, day and key of the group, in the order in which every transaction locks them."""
    rows = [(team_id, *key, *sums, None) for key, sums in sorted(totals.items()) if any(sums)]
    tx.load(_add_to_days, rows)


def _moves(old: FinishedCall | None, new: FinishedCall) -> Iterator[tuple[FinishedCall, int]]:
    """Yield what to take back and what to add; nothing for a correction of what is not added up."""
    if old is not None:
        if _added_up(old) == _added_up(new):
            return
        yield old, -1
    yield new, 1


def _added_up(call: FinishedCall) -> tuple[Any, ...]:
    return call.started_at // QUARTER, call.username, call.account_id, call.language, call.sums


def _record_row(team_id: int, call: FinishedCall, now: Millis) -> _Row:
    return (
        *(team_id, call.device_id, call.call_id, call.revision, call.username, call.account_id, call.app_name),
        *(call.language, call.started_at, call.ended_at, call.day, *call.sums[1:], now),
    )


def _unfolded_row(team_id: int, call: FinishedCall, sign: int) -> _Row:
    return (
        *(team_id, call.started_at // QUARTER, call.device_id, call.call_id, call.revision, int(sign < 0)),
        *(call.username, call.account_id, call.language, *(sign * value for value in call.sums)),
    )


def _day_totals(moved: Iterable[tuple[FinishedCall, int]]) -> dict[tuple[str, int, str], list[int]]:
    totals: dict[tuple[str, int, str], list[int]] = {}
    for call, sign in moved:
        added = [sign * value for value in call.sums]
        for kind, group_id in groups_of(call.device_id, call.username, call.account_id, call.language):
            key = kind, call.day, group_id
            known = totals.get(key)
            totals[key] = added if known is None else [one + other for one, other in zip(known, added, strict=True)]
    return totals
