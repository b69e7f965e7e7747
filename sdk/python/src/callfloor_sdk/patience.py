"""How long a stream that broke is tried again: without an end, unless told otherwise."""

from __future__ import annotations

import logging
import time

from callfloor_sdk.errors import CallfloorError, NoAnswer, ServerFailed, TooManyRequests

_log = logging.getLogger("callfloor_sdk")


class Patience:
    """Of one stream.

    Args:
        give_up_after: seconds without any success, after which the fault is raised; None: never.
        first_wait: seconds.
    """

    LONGEST_WAIT = 60.0

    def __init__(self, give_up_after: float | None, first_wait: float = 1.0) -> None:
        self._give_up_after = give_up_after
        self._first_wait = first_wait
        self._wait = first_wait
        self._failing_since: float | None = None

    def note_success(self, first_wait: float | None = None) -> None:
        """Begin anew; the server may say how long the first wait is, in seconds."""
        self._first_wait = self._first_wait if first_wait is None else first_wait
        self._wait = self._first_wait
        self._failing_since = None

    def wait_after(self, fault: CallfloorError | None) -> float:
        """Return the seconds to wait; None is a stream that ended as streams do.

        Raises:
            CallfloorError: the fault, where it does not pass by itself or has lasted for too long.
        """
        if fault is None:
            return self._wait
        if not isinstance(fault, NoAnswer | ServerFailed | TooManyRequests):
            raise fault
        now = time.monotonic()
        self._failing_since = self._failing_since or now
        if self._give_up_after is not None and now - self._failing_since >= self._give_up_after:
            raise fault
        wait = max(self._wait, getattr(fault, "retry_after", None) or 0.0)
        self._wait = min(self.LONGEST_WAIT, self._wait * 2)
        _log.warning("again in %.1f s: %s", wait, fault)
        return wait
