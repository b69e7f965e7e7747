"""Work in a loop of its own, as another process does it: held, if need be, where it is about to touch a file."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Generic, TypeVar

from tests.support.server import DEADLINE_SECONDS

T = TypeVar("T")


class _HeldThreads(ThreadPoolExecutor):
    """A loop's threads, which do nothing until they may."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.may_go_on = threading.Event(), threading.Event()

    def submit(self, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        def work_later() -> Any:
            self.may_go_on.wait(DEADLINE_SECONDS)
            return work(*args, **kwargs)

        self.asked.set()
        return super().submit(work_later)


class Other(Generic[T]):
    """The work that is under way."""

    def __init__(self, threads: _HeldThreads, answer: Future[T]) -> None:
        self._threads = threads
        self._answer = answer

    def wait_until_held(self) -> None:
        """Return once it is about to touch a file in a folder."""
        assert self._threads.asked.wait(DEADLINE_SECONDS), "it came to no file"

    def result(self) -> T:
        """Let it go on; return what it returns, or raise what it raises."""
        self._threads.may_go_on.set()
        return self._answer.result(DEADLINE_SECONDS)


@contextlib.contextmanager
def beside(work: Callable[[], Coroutine[Any, Any, T]]) -> Iterator[Other[T]]:
    """Begin the work; what it does with threads waits until its result is asked for."""
    threads = _HeldThreads()

    async def run() -> T:
        asyncio.get_running_loop().set_default_executor(threads)
        return await work()

    with ThreadPoolExecutor(1) as pool:
        try:
            yield Other(threads, pool.submit(lambda: asyncio.run(run())))
        finally:
            threads.may_go_on.set()
