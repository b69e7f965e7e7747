"""Ids and secrets made outside the database, before the insert."""

from __future__ import annotations

import os
import secrets
import threading
import time
import uuid
from collections import deque

_COUNTER_MAX = 0xFFF


class _Sequence:
    """The time and counter of the newest id of this process: ids of one process sort in the order they were made."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._millis = 0
        self._counter = 0

    def next(self) -> tuple[int, int]:
        with self._lock:
            millis = time.time_ns() // 1_000_000
            if millis > self._millis:
                self._millis, self._counter = millis, secrets.randbits(11)
            else:
                self._millis, self._counter = _next_to(self._millis, self._counter)
            return self._millis, self._counter


def _next_to(millis: int, counter: int) -> tuple[int, int]:
    return (millis, counter + 1) if counter < _COUNTER_MAX else (millis + 1, secrets.randbits(11))


_sequence = _Sequence()


def new_id(*, after: str | None = None) -> str:
    """Return a UUID version 7 as text; of two made by one process, the later one sorts behind the earlier.

    Args:
        after: an id of another process, behind which this one sorts too, whatever the clocks of the two say.

    Source:
        RFC 9562, section 5.7, and section 6.2, method 1: the 12 bits after the version are a counter that begins at a
        random number of 11 bits each millisecond.
    """
    time_and_counter = _sequence.next()
    if after is not None:
        known = uuid.UUID(after).int
        time_and_counter = max(time_and_counter, _next_to(known >> 80, known >> 64 & _COUNTER_MAX))
    millis, counter = time_and_counter
    tail = int.from_bytes(os.urandom(8), "big") & ((1 << 62) - 1)
    return str(uuid.UUID(int=(millis << 80) | (0x7 << 76) | (counter << 64) | (0x2 << 62) | tail))


_sixteens: deque[bytes] = deque()
"""Random bytes for the next requests: asking the system for each costs a switch to another thread."""


def _random_sixteens() -> list[bytes]:
    random = os.urandom(16 * 256)
    return [random[start : start + 16] for start in range(0, len(random), 16)]


def new_request_id() -> str:
    """Return the id of one request: a random UUID (version 4)."""
    try:
        random = _sixteens.popleft()
    except IndexError:
        random, *others = _random_sixteens()
        _sixteens.extend(others)
    text = (random[:6] + bytes((random[6] & 0x0F | 0x40, random[7], random[8] & 0x3F | 0x80)) + random[9:]).hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def new_secret() -> str:
    """Return a secret of 256 random bits, URL-safe text of 43 characters."""
    return secrets.token_urlsafe(32)


def new_code(alphabet: str, length: int) -> str:
    """Return random letters of the alphabet, for people to read and type."""
    return "".join(secrets.choice(alphabet) for _ in range(length))
