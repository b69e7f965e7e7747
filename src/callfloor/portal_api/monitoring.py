"""`/api/v1/analytics/monitoring`: what every device of the team does at this moment."""

from __future__ import annotations

import functools

from callfloor.foundation.clock import SECOND, Millis, iso
from callfloor.foundation.services import Services
from callfloor.live.presence import OngoingCall, Sound
from callfloor.live.queries import LiveDevice, LiveFilter, live_page
from callfloor.live.tables import State
from callfloor.portal_api import wire
from callfloor.portal_api.exchange import Request
from callfloor.portal_api.parameters import Problems, one_of, page_of, text

_UNKNOWN = wire.MonitoringSound(None, None, None, None)


async def list_live(services: Services, request: Request) -> wire.MonitoringRows:
    """Answer a page of the team's devices; it is read off the loop, since the states of all are looked at."""
    query = request.query()
    problems = Problems()
    skip, take = page_of(query, problems)
    state = one_of(query, "state", wire.STATES, problems)
    hostname, username = text(query, "hostname", problems), text(query, "username", problems)
    problems.raise_if_any()
    which = LiveFilter(State(state) if state else None, hostname, username)
    team_id, now = request.principal.team_id, request.now
    page = await services.db.report(
        functools.partial(live_page, team_id=team_id, which=which, skip=skip, take=take, now=now)
    )
    return wire.MonitoringRows([_row(one, now) for one in page.devices], page.total)


def _row(one: LiveDevice, now: Millis) -> wire.MonitoringRow:
    call = one.content.call if one.state != State.OFFLINE else None
    return wire.MonitoringRow(
        id=one.id,
        state=one.state,
        updated_at=iso(one.updated_at),
        user=wire.MonitoringUser(one.account_id, one.email, one.username),
        device=wire.MonitoringDevice(one.id, one.hostname, one.nickname, one.os, one.app_version),
        call=None if call is None else _call(call, now),
        metadata=wire.MonitoringMetadata(_sound(one.content.mic), _sound(one.content.speaker)),
    )


def _call(call: OngoingCall, now: Millis) -> wire.MonitoringCall:
    duration = max(0, now - call.started_at) // SECOND
    return wire.MonitoringCall(wire.CALL_IS_ACTIVE, call.app_name, iso(call.started_at), duration)


def _sound(sound: Sound | None) -> wire.MonitoringSound:
    if sound is None:
        return _UNKNOWN
    return wire.MonitoringSound(sound.device, sound.muted, sound.noise_cancellation, sound.accent_conversion)
