"""`doctor`: what stands between this machine and its state in the portal, each with what to do about it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from callfloor_agent.agent import SPOOL_FILE
from callfloor_agent.api import Refused, ServerUnreachable, trust
from callfloor_agent.audio import MicrophoneWatcher
from callfloor_agent.audio.choosing import watcher_for_this_system
from callfloor_agent.clock import instant
from callfloor_agent.desktop.following import DesktopFollower
from callfloor_agent.enrolment import Enrolment, enrolment_of
from callfloor_agent.settings import Settings
from callfloor_agent.sight import Sight
from callfloor_agent.spool import Spool, SpoolBroken
from callfloor_agent.states import state_of
from callfloor_agent.status import StatusFile, is_running

CONNECT_SECONDS = 10.0
LOOK_SECONDS = 12.0
OFFSET_MAX_MS = 300_000
"""The agent corrects any offset; beyond this other programs of the machine fail."""
REMEDIES = {
    "team_secret_invalid": "place the team's present secret: callfloor team secret TEAM --rotate makes one",
    "team_secret_missing": (
        "set team_secret_file to the file with the team's secret; a person's machine: callfloor-agent login --person"
    ),
    "token_invalid": "callfloor-agent login --person, or --code with a code of an administrator",
    "device_blocked": "an administrator unblocks the device in the portal",
    "no_empty_seat": "an administrator adds seats, or frees one",
    "device_conflict": "give this machine an id of its own: machine_id in the settings; it was cloned",
}


class Finding(msgspec.Struct, frozen=True):
    """One check: `ok`, `warning` or `failed`, what is the case, and what to do."""

    name: str
    result: str
    detail: str
    remedy: str | None = None


async def examine(settings: Settings) -> list[Finding]:
    """Return the findings, in the order in which to mend them."""
    findings = [await _connection(settings)]
    if findings[0].result == "ok":
        findings += await _log_in(settings)
    findings += [_agent(settings), await _desktop(settings), await _audio(settings), _spool(settings)]
    return findings


async def _connection(settings: Settings) -> Finding:
    address = urlsplit(settings.server)
    host, is_tls = str(address.hostname), address.scheme == "https"
    port = address.port or (443 if is_tls else 80)
    try:
        context = trust(settings.ca_file) if is_tls else None
        async with asyncio.timeout(CONNECT_SECONDS):
            _, writer = await asyncio.open_connection(host, port, ssl=context)
        writer.close()
    except ssl.SSLCertVerificationError as error:
        remedy = "set ca_file to the server's authority (tls/ca.pem in its data folder), and check the host's name"
        return Finding("server", "failed", f"{host} is not trusted: {error.verify_message}", remedy)
    except (OSError, TimeoutError) as error:
        remedy = "check server and ca_file in the settings, the network, and that the server runs"
        return Finding("server", "failed", f"{host}:{port}: {str(error) or type(error).__name__}", remedy)
    return Finding("server", "ok", f"{host}:{port} answers{', and is trusted' if is_tls else ''}")


async def _log_in(settings: Settings) -> list[Finding]:
    async with enrolment_of(settings) as enrolment:
        findings, clock = [await _tried(enrolment)], enrolment.clock
    if clock.is_known:
        away = abs(clock.offset_ms) > OFFSET_MAX_MS
        remedy = "set this machine's clock; the agent corrects for it meanwhile" if away else None
        detail = f"the server's is {clock.offset_ms / 1000:+.1f} s from this machine's"
        findings.append(Finding("clock", "warning" if away else "ok", detail, remedy))
    return findings


async def _tried(enrolment: Enrolment) -> Finding:
    """Log in by the secret, which ends nothing and takes no second seat; without one, use the token that is there."""
    try:
        logged_in = await (enrolment.log_in() if enrolment.team_secret() else enrolment.check())
    except Refused as refusal:
        return Finding("log-in", "failed", str(refusal), REMEDIES.get(refusal.code, "see docs/use/devices.md"))
    except (ServerUnreachable, OSError) as error:
        return Finding("log-in", "failed", str(error), "check that the files in the settings can be read")
    return Finding("log-in", "ok", f"device {logged_in.device_id} on seat {logged_in.seat_id}")


def _agent(settings: Settings) -> Finding:
    try:
        runs, status = is_running(settings.state_folder), StatusFile(settings.state_folder).read()
    except OSError as error:
        return Finding("agent", "failed", str(error), "run the doctor, and the agent, as the person at the machine")
    if not runs:
        return Finding("agent", "warning", "it does not run", "callfloor-agent run, or callfloor-agent service install")
    if status is None:
        return Finding("agent", "warning", "it runs, and has not told its status yet", "ask again in a moment")
    told = f"process {status.pid} runs since {status.started_at}, state {status.state or 'unknown'}"
    if status.problem:
        return Finding("agent", "warning", f"{told}; not delivered: {status.problem}", "see the findings above")
    return Finding("agent", "ok", told)


async def _desktop(settings: Settings) -> Finding:
    if not settings.desktop_ports:
        return Finding("desktop app", "ok", "switched off by desktop_ports")
    seen: asyncio.Queue[Sight | None] = asyncio.Queue()
    follower = DesktopFollower(seen.put_nowait, ports=settings.desktop_ports)
    sight = await _first(follower.run, seen)
    if sight is None:
        remedy = "start the desktop app; without it the system's own microphone use is watched"
        return Finding("desktop app", "warning", "it does not answer on its ports", remedy)
    verdict = state_of(sight)
    reason = f": {verdict.reason}" if verdict.reason else ""
    return Finding("desktop app", "ok" if verdict.reason is None else "warning", f"it tells {verdict.state}{reason}")


async def _audio(settings: Settings) -> Finding:
    if not settings.audio:
        return Finding("microphone use", "ok", "switched off by audio")
    seen: asyncio.Queue[Sight | None] = asyncio.Queue()
    watcher: MicrophoneWatcher = watcher_for_this_system(seen.put_nowait)
    sight = await _first(watcher.run, seen)
    if sight is None:
        remedy = "on Linux: install pulseaudio-utils, and run the agent in the person's session"
        return Finding("microphone use", "warning", watcher.problem or "nothing is told", remedy)
    apps = ", ".join(sight.app_names) or "no program"
    return Finding("microphone use", "ok", f"{apps} uses the microphone")


async def _first(run: Callable[[], Awaitable[None]], seen: asyncio.Queue[Sight | None]) -> Sight | None:
    """Return what a source tells first."""
    task = asyncio.ensure_future(run())
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            return await seen.get()
    except TimeoutError:
        return None
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _spool(settings: Settings) -> Finding:
    path: Path = settings.state_folder / SPOOL_FILE
    remedy = f"make {settings.state_folder} writable, on a disk with room"
    try:
        spool = Spool(path)
        try:
            counts = spool.counts()
            spool.probe()
        finally:
            spool.close()
    except (SpoolBroken, OSError) as error:
        return Finding("events on disk", "failed", str(error), remedy)
    since = "" if counts.oldest_at is None else f", the oldest of {instant(counts.oldest_at)}"
    detail = f"{counts.waiting} wait{since}; {counts.delivered} delivered, {counts.rejected} rejected"
    if counts.rejected or counts.dropped:
        detail += f", {counts.dropped} given up"
        remedy = "callfloor-agent status --rejected shows what the server would not take"
        return Finding("events on disk", "warning", detail, remedy)
    return Finding("events on disk", "ok", detail)
