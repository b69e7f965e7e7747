"""How one request is attempted: when again, after how long, when to hold back; sends nothing itself."""

from __future__ import annotations

import dataclasses
import random
import re
import time
from collections.abc import Generator
from typing import Any

import httpx2

from callfloor_sdk.errors import NoAnswer, TimedOut
from callfloor_sdk.refusals import refusal, seconds
from callfloor_sdk.requests import Api, Request

_NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.ProxyError)
"""Faults before the first byte: whatever was asked, it was not done."""
_PASSING = frozenset({500, 502, 503, 504})
_LEFT = re.compile(r";\s*r=(\d+)")
_UNTIL = re.compile(r";\s*t=(\d+)")


@dataclasses.dataclass(frozen=True, slots=True)
class Retries:
    """How often and how patiently.

    Args:
        attempts: at most, the first included; 1 tries nothing again.
        first_wait: seconds before the second attempt; doubled for each one after it, and made uneven.
        longest_wait: seconds; where the server asks for a longer one, the refusal is raised instead.
        hold_back: whether a client that has used up its limit waits for the next window, instead of being refused.
    """

    attempts: int = 4
    first_wait: float = 0.5
    longest_wait: float = 60.0
    hold_back: bool = True


@dataclasses.dataclass(frozen=True, slots=True)
class Wait:
    """Let so many seconds pass."""

    seconds: float


@dataclasses.dataclass(frozen=True, slots=True)
class Attempt:
    """Send the request."""


Step = Wait | Attempt
Outcome = httpx2.Response | httpx2.TransportError | None
"""What became of an attempt; of a wait, None."""


class Limits:
    """What each API said last of the client's limit: after which moment of the monotonic clock there is room again."""

    def __init__(self) -> None:
        self._free_at: dict[Api, float] = {}

    def note(self, api: Api, answer: httpx2.Response) -> None:
        """Remember what the answer says of the limit."""
        said = answer.headers.get("ratelimit", "")
        left, until = _LEFT.search(said), _UNTIL.search(said)
        if left and until:
            self._free_at[api] = time.monotonic() + int(until[1]) if left[1] == "0" else 0.0

    def wait_of(self, api: Api) -> float:
        """Return for how many seconds there is no room."""
        return max(0.0, self._free_at.get(api, 0.0) - time.monotonic())


def attempts(request: Request[Any], policy: Retries, limits: Limits) -> Generator[Step, Outcome, httpx2.Response]:
    """Tell what to do next, be told what became of it, and return the answer that is a success.

    Raises:
        Refused: the server's last refusal.
        NoAnswer: the last attempt got none.
    """
    for number in range(1, policy.attempts + 1):
        held = limits.wait_of(request.api) if policy.hold_back else 0.0
        if 0.0 < held <= policy.longest_wait:
            yield Wait(held)
        outcome = yield Attempt()
        if isinstance(outcome, httpx2.Response):
            limits.note(request.api, outcome)
            if outcome.is_success:
                return outcome
        wait = _wait_before_next(request, outcome, number, policy)
        if wait is None or number == policy.attempts:
            raise _error(request, outcome) from (outcome if isinstance(outcome, Exception) else None)
        yield Wait(wait)
    raise ValueError("a request needs at least one attempt")


def _wait_before_next(request: Request[Any], outcome: Outcome, number: int, policy: Retries) -> float | None:
    """Return the seconds to wait, None where it is not to be tried again."""
    backoff = min(policy.longest_wait, policy.first_wait * 2 ** (number - 1)) * random.uniform(0.5, 1.0)  # noqa: S311
    if isinstance(outcome, httpx2.Response):
        asked = seconds(outcome.headers.get("retry-after"))
        if outcome.status_code == httpx2.codes.TOO_MANY_REQUESTS:  # nothing was done, whatever was asked
            return _within(asked if asked is not None else backoff, policy)
        if outcome.status_code not in _PASSING or not request.may_repeat:
            return None
        return _within(backoff if asked is None else max(asked, backoff), policy)
    return backoff if request.may_repeat or isinstance(outcome, _NOT_SENT) else None


def _within(wait: float, policy: Retries) -> float | None:
    return wait if wait <= policy.longest_wait else None


def _error(request: Request[Any], outcome: Outcome) -> Exception:
    if isinstance(outcome, httpx2.Response):
        return refusal(request.api, outcome)
    kind = TimedOut if isinstance(outcome, httpx2.TimeoutException) else NoAnswer
    return kind(f"{request.method} {request.path}: {outcome or type(outcome).__name__}")
