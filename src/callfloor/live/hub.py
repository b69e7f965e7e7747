"""One message a second for each team that is watched: read once, made once, offered to all its watchers.

A watcher has a place, the number up to which it was told. What it is offered next tells of everything after its place,
or is passed over; so it misses nothing, and nothing it has seen is replaced by something older.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Hashable, Sequence
from typing import Any

import structlog

from callfloor.foundation import clock
from callfloor.foundation.database import Database, Tx
from callfloor.foundation.errors import DomainError, Unavailable
from callfloor.live.messages import BEAT, Message, changes, ready
from callfloor.live.presence import CHANNEL
from callfloor.live.queries import LiveChanges, changes_after, heads_of

TICK_SECONDS = 1.0
BUFFER = 4
"""Messages that wait for one watcher; who is further behind is cut off, and comes again with its place."""
RESUME_LIMIT = 2000
"""Changed devices told one by one to who comes again; above it, reading all of them anew is quicker."""
_ALL = 1_000_000
_FAREWELL_SECONDS = 1.0
_LOOK_EVERY, _BEAT_EVERY, _CHECK_EVERY = 5, 15, 3
"""In ticks: look at every team whatever was heard; say that the stream lives; ask whether the watcher still may."""

log = structlog.get_logger(__name__)

MayWatch = Callable[[Sequence[Any]], Awaitable[Collection[Any]]]
"""Returns those who still may, of watchers by their `who`."""


class TooManyStreams(DomainError):
    """The team has as many open streams as one server process allows."""

    code = "too_many_streams"
    status = 429
    retry_after_seconds = 30


class Watcher:
    """One open stream."""

    __slots__ = ("_waiting", "_wake", "is_cut_off", "is_ended", "on_cut_off", "place", "who")

    def __init__(self, who: Hashable, on_cut_off: Callable[[], None]) -> None:
        self.who = who
        self.on_cut_off = on_cut_off
        self.place: int | None = None
        """None until its first message is made."""
        self.is_ended = self.is_cut_off = False
        self._waiting: deque[Message] = deque()
        self._wake = asyncio.Event()

    def offer(self, message: Message) -> None:
        """Let the message wait to be sent, unless it tells nothing new."""
        if self.is_ended or self.place is None or (message.seq is not None and message.seq <= self.place):
            return
        if message is BEAT and self._waiting:
            return
        if len(self._waiting) >= BUFFER:
            self.is_cut_off = True
            self.end()
            self.on_cut_off()
            return
        self._put(message)

    def welcome(self, message: Message) -> None:
        """Let its first message wait."""
        self._put(message)

    def end(self) -> None:
        """Let the stream end; what waits is forgotten."""
        self.is_ended = True
        self._waiting.clear()
        self._wake.set()

    async def next(self) -> Message | None:
        """Return the next message; None when the stream is to end."""
        while not self._waiting:
            if self.is_ended:
                return None
            self._wake.clear()
            await self._wake.wait()
        return self._waiting.popleft()

    def _put(self, message: Message) -> None:
        if message.seq is not None:
            self.place = message.seq
        self._waiting.append(message)
        self._wake.set()


class _Room:
    """The watchers of one team, and the number up to which all were told."""

    __slots__ = ("seq", "watchers")

    def __init__(self) -> None:
        self.watchers: set[Watcher] = set()
        self.seq: int | None = None

    def offer(self, message: Message) -> None:
        for watcher in list(self.watchers):
            watcher.offer(message)


class Hub:
    """The streams of one server process; it works while somebody watches."""

    def __init__(
        self,
        db: Database,
        may_watch: MayWatch,
        *,
        limit: int,
        resume_limit: int = RESUME_LIMIT,
        tick_seconds: float = TICK_SECONDS,
    ) -> None:
        self._db = db
        self._may_watch = may_watch
        self._limit = limit
        self._resume_limit = resume_limit
        self._tick_seconds = tick_seconds
        self._rooms: dict[int, _Room] = {}
        self._heard: set[int] = set()
        self._heard_all = True
        self._tasks: list[asyncio.Task[None]] = []
        self._is_closed = False

    async def watch(self, team_id: int, watcher: Watcher, *, after: int | None) -> None:
        """Let the watcher be told of the team's changes.

        Args:
            team_id: whose devices.
            watcher: gets its first message at once.
            after: the number up to which it knows everything; None to be told of what happens from now on.

        Raises:
            TooManyStreams: as many are open already.
        """
        room = self._rooms.setdefault(team_id, _Room())
        if len(room.watchers) >= self._limit:
            raise TooManyStreams(f"{self._limit} live streams of this team are open; close some")
        room.watchers.add(watcher)
        self._start()
        with contextlib.ExitStack() as undo:
            undo.callback(self.leave, team_id, watcher)
            found = await self._read(team_id, after, limit=self._resume_limit)
            undo.pop_all()
        if room.seq is None or room.seq > found.seq:
            # Others were told of more meanwhile: what follows this place is told again, to who does not have it.
            room.seq = found.seq
            self._heard.add(team_id)
        is_told = after is not None and (found.devices is None or after < found.seq)
        watcher.welcome(changes(found) if is_told else ready(found.seq))
        if self._is_closed:
            watcher.end()

    def leave(self, team_id: int, watcher: Watcher) -> None:
        """Forget the watcher; with the last one the hub rests."""
        room = self._rooms.get(team_id)
        if room is None:
            return
        room.watchers.discard(watcher)
        if not room.watchers:
            del self._rooms[team_id]
        if not self._rooms:
            for task in self._tasks:
                task.cancel()
            self._tasks = []

    def close(self) -> None:
        """End every stream, and those that come yet."""
        self._is_closed = True
        for watcher in self._watchers():
            self._end(watcher)

    def _watchers(self) -> list[Watcher]:
        return [one for room in self._rooms.values() for one in room.watchers]

    def _end(self, watcher: Watcher) -> None:
        watcher.end()
        asyncio.get_running_loop().call_later(_FAREWELL_SECONDS, self._cut_off, watcher)

    def _cut_off(self, watcher: Watcher) -> None:
        # Still here: its client does not read, so that not even the end reaches it.
        if any(watcher in room.watchers for room in self._rooms.values()):
            watcher.on_cut_off()

    def _start(self) -> None:
        if not self._tasks:
            self._heard_all = True
            self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._run())]

    async def _listen(self) -> None:
        await self._db.listen(CHANNEL, self._hear)

    def _hear(self, payload: str | None) -> None:
        if payload is None:
            self._heard_all = True
        else:
            self._heard.add(int(payload))

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        tick, due = 0, loop.time()
        while True:
            due = max(due + self._tick_seconds, loop.time())
            await asyncio.sleep(due - loop.time())
            tick += 1
            try:
                await self._once(tick)
            except Unavailable as error:
                log.warning("live_stream_waits", reason=str(error))
            except Exception:  # the loop's edge: one bad round must not end the streams
                log.exception("live_stream_failed")

    async def _once(self, tick: int) -> None:
        if tick % _LOOK_EVERY == 0:
            self._heard_all = True
        for team_id in await self._changed_teams():
            await self._tell(team_id)
        if tick % _BEAT_EVERY == 0:
            for room in self._rooms.values():
                room.offer(BEAT)
        await self._check(tick)

    async def _changed_teams(self) -> list[int]:
        heard, self._heard = self._heard, set()
        if not self._heard_all:
            return [team_id for team_id in heard if team_id in self._rooms]
        self._heard_all = False
        with contextlib.ExitStack() as undo:
            undo.callback(self._hear, None)
            heads = await asyncio.to_thread(self._db.read_now, lambda tx: heads_of(tx, self._rooms))
            undo.pop_all()
        return [team_id for team_id, seq in heads.items() if self._is_behind(team_id, seq)]

    def _is_behind(self, team_id: int, seq: int) -> bool:
        room = self._rooms.get(team_id)
        return room is not None and room.seq is not None and room.seq != seq

    async def _tell(self, team_id: int) -> None:
        room = self._rooms.get(team_id)
        if room is None or room.seq is None:
            return
        with contextlib.ExitStack() as undo:
            undo.callback(self._hear, str(team_id))
            message = await asyncio.to_thread(self._message, team_id, room.seq)
            undo.pop_all()
        if message.seq is not None and message.seq != room.seq:
            room.seq = message.seq
            room.offer(message)

    def _message(self, team_id: int, seq: int) -> Message:
        now = clock.now()
        message = changes(self._db.read_now(lambda tx: changes_after(tx, team_id, seq, limit=_ALL, now=now)))
        _ = message.packed  # here, not in the loop
        return message

    async def _read(self, team_id: int, after: int | None, *, limit: int) -> LiveChanges:
        def work(tx: Tx) -> LiveChanges:
            seq = after if after is not None else heads_of(tx, [team_id]).get(team_id, 0)
            return changes_after(tx, team_id, seq, limit=limit, now=now)

        now = clock.now()
        return await asyncio.to_thread(self._db.read_now, work)

    async def _check(self, tick: int) -> None:
        """Ask of a part of the watchers at each tick, so that of each is asked every few seconds."""
        part = [one for one in self._watchers() if hash(one.who) % _CHECK_EVERY == tick % _CHECK_EVERY]
        if not part:
            return
        who = list({one.who for one in part})
        allowed = await self._may_watch(who)
        for watcher in part:
            if watcher.who not in allowed:
                self._end(watcher)
