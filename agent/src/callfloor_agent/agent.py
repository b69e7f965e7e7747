"""The agent at work: sources are followed, what is seen is recorded, what is recorded is delivered."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Coroutine
from typing import Any

import msgspec

from callfloor_agent import VERSION
from callfloor_agent.api import AgentApi
from callfloor_agent.audio import MicrophoneWatcher
from callfloor_agent.audio.choosing import watcher_for_this_system
from callfloor_agent.clock import ServerClock, instant
from callfloor_agent.delivery import Delivery
from callfloor_agent.desktop.following import DesktopFollower
from callfloor_agent.enrolment import Enrolment
from callfloor_agent.machine import this_machine
from callfloor_agent.pauses import Pauses
from callfloor_agent.recorder import Names
from callfloor_agent.recording import Recording
from callfloor_agent.settings import Settings
from callfloor_agent.sight import Sight, combined
from callfloor_agent.spool import Spool, SpoolBroken
from callfloor_agent.status import FolderLock, SpoolStatus, Status, StatusFile

log = logging.getLogger(__name__)

LAST_WORDS_SECONDS = 5.0
"""For the last events, when the agent is stopped; what does not go in this time waits for the next start."""
UPKEEP_SECONDS = 60.0
STATUS_SECONDS = 1.0
SPOOL_FILE = "spool.db"


class Agent:
    """One agent in one folder, which it locks.

    Raises:
        AlreadyRunning: another works there.
        SpoolBroken: its events cannot be kept.
        OSError: the authority's file cannot be read.
    """

    def __init__(self, settings: Settings) -> None:
        folder = settings.state_folder
        self._settings = settings
        self._lock = FolderLock(folder)
        self.spool = Spool(folder / SPOOL_FILE, max_events=settings.spool_max_events)
        self.clock = ServerClock(self.spool.offset_ms())
        self.api = AgentApi(settings.server, self.clock, ca_file=settings.ca_file)
        self.recording = Recording(self.spool, self.clock, Names(settings.app_name, settings.language))
        self.delivery = Delivery(
            self.api,
            self.spool,
            self.recording,
            enrolment=Enrolment(self.api, this_machine(settings), settings.secret, folder),
            pauses=Pauses(longest_seconds=settings.retry_longest_seconds, slow_seconds=settings.retry_slow_seconds),
        )
        self._started_at = self.clock.now()
        self._status = StatusFile(folder)
        self._stopping = asyncio.Event()
        self._desktop = DesktopFollower(self._desktop_changed, ports=settings.desktop_ports)
        self._audio: MicrophoneWatcher | None = watcher_for_this_system(self._audio_changed) if settings.audio else None
        self._sights: dict[str, Sight | None] = {}
        self._awaited = {name for name, is_on in (("desktop", settings.desktop_ports), ("os", settings.audio)) if is_on}

    async def run(self) -> None:
        """Work until a signal says to stop; then tell so, and end."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(NotImplementedError):  # on Windows, which ends the process instead
                loop.add_signal_handler(number, self._stopping.set)
        log.info("watching; events are kept in %s", self._settings.state_folder)
        try:
            async with asyncio.TaskGroup() as tasks:
                work = [tasks.create_task(one) for one in self._works()]
                await self._stopping.wait()
                for task in work:
                    task.cancel()
            await self._say_last_words()
        finally:
            await self.api.close()

    def close(self) -> None:
        """Free the folder."""
        self.spool.close()
        self._lock.release()

    def _works(self) -> list[Coroutine[Any, Any, None]]:
        works = [self.delivery.run(), self._look_now_and_then(), self._tell_status(), self._keep_up()]
        if self._settings.desktop_ports:
            works.append(self._desktop.run())
        if self._audio is not None:
            works.append(self._audio.run())
        return works

    def _desktop_changed(self, sight: Sight | None) -> None:
        self._changed("desktop", sight)

    def _audio_changed(self, sight: Sight | None) -> None:
        self._changed("os", sight)

    def _changed(self, source: str, sight: Sight | None) -> None:
        is_news = source in self._awaited or self._sights.get(source) != sight
        self._awaited.discard(source)
        self._sights[source] = sight
        if is_news:
            self._look()

    def _look(self, *, is_stopping: bool = False) -> None:
        if not self._awaited or is_stopping:  # until each source has looked once, a call may seem to be over
            seen = combined(self._sights.get("desktop"), self._sights.get("os"))
            self.recording.look(seen, is_stopping=is_stopping)

    async def _look_now_and_then(self) -> None:
        while True:
            self._look()
            await asyncio.sleep(self._settings.look_seconds)

    async def _keep_up(self) -> None:
        while True:
            try:
                dropped = self.spool.prune(now=self.clock.now())
            except SpoolBroken as error:
                log.error("%s", error)  # noqa: TRY400  # the sentence says it all
            else:
                if dropped:
                    log.warning("gave up %d events: older than 30 days, or more than the spool may hold", dropped)
            await asyncio.sleep(UPKEEP_SECONDS)

    async def _say_last_words(self) -> None:
        self._look(is_stopping=True)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORDS_SECONDS):
                while self.delivery.contact.is_connected and self.spool.oldest(1):
                    await self.delivery.step()
        self._status.write(self.status())
        log.info("stopped")

    async def _tell_status(self) -> None:
        told: Status | None = None
        while True:
            now = self.status()
            if told is None or msgspec.structs.replace(now, written_at=told.written_at) != told:
                with contextlib.suppress(OSError):  # a full disk; the spool complains
                    self._status.write(now)
                told = now
            await asyncio.sleep(STATUS_SECONDS)

    def status(self) -> Status:
        """Return what `status` tells."""
        contact, memory, counts = self.delivery.contact, self.recording.memory, self.spool.counts()
        return Status(
            pid=os.getpid(),
            version=VERSION,
            started_at=instant(self._started_at),
            written_at=instant(self.clock.now()),
            server=self._settings.server,
            connected=contact.is_connected,
            problem=contact.problem,
            last_contact_at=None if contact.last_contact_at is None else instant(contact.last_contact_at),
            device_id=contact.device_id,
            seat_id=contact.seat_id,
            heartbeat_seconds=contact.heartbeat_seconds,
            clock_offset_ms=self.clock.offset_ms,
            clock_is_known=self.clock.is_known,
            state=memory.told.state if memory.told else None,
            reason=memory.told.reason if memory.told else None,
            in_call_since=instant(memory.call.started_at) if memory.call else None,
            desktop_port=self._desktop.port,
            audio_problem=self._audio.problem if self._audio else None,
            recording_problem=self.recording.problem,
            spool=SpoolStatus(
                waiting=counts.waiting,
                oldest_at=None if counts.oldest_at is None else instant(counts.oldest_at),
                delivered=counts.delivered,
                rejected=counts.rejected,
                dropped=counts.dropped,
            ),
        )
