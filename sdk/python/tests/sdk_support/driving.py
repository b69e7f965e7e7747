"""Either client behind one face: what is awaited is awaited here, and each method that was called is known."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

from callfloor_sdk import AsyncCallfloor, AsyncPages, Callfloor
from callfloor_sdk.downloads import AsyncDownload

ENDED = object()


class Driven:
    """A client whose methods are called by name, as `client.seats.add(2)`, whichever of the two it is."""

    def __init__(self, client: Callfloor | AsyncCallfloor, runner: asyncio.Runner, called: set[str]) -> None:
        self._client = client
        self._runner = runner
        self._called = called

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        return self._method(found, name) if inspect.ismethod(found) else _Group(self, found, name)

    def _method(self, method: Callable[..., Any], name: str) -> Callable[..., Any]:
        def call(*positional: Any, **named: Any) -> Any:
            found = self._settled(method(*positional, **named))
            self._called.add(name)
            return found

        return call

    def _settled(self, found: Any) -> Any:
        if inspect.isasyncgen(found):
            return self._walked(found)
        if inspect.isawaitable(found):
            return self._awaited(found)
        return _Awaiting(self, found) if isinstance(found, AsyncPages | AsyncDownload) else found

    def _awaited(self, found: Awaitable[Any]) -> Any:
        async def wait() -> Any:
            return await found

        return self._runner.run(wait())

    def _walked(self, found: AsyncIterator[Any]) -> Iterator[Any]:
        while (one := self._awaited(anext(found, ENDED))) is not ENDED:
            yield one


class _Group:
    """One of a client's resources."""

    def __init__(self, driven: Driven, resource: object, name: str) -> None:
        self._driven = driven
        self._resource = resource
        self._name = name

    def __getattr__(self, name: str) -> Any:
        return self._driven._method(getattr(self._resource, name), f"{self._name}.{name}")  # noqa: SLF001  # one thing


class _Awaiting:
    """A list or a file of the awaited client."""

    def __init__(self, driven: Driven, found: Any) -> None:
        self._driven = driven
        self._found = found

    def __iter__(self) -> Iterator[Any]:
        return self._driven._walked(aiter(self._found))  # noqa: SLF001  # one thing

    def __getattr__(self, name: str) -> Any:
        return self._driven._method(getattr(self._found, name), name)  # noqa: SLF001  # one thing


def methods_of(client: Callfloor | AsyncCallfloor) -> set[str]:
    """Return the name of every method there is, such as `close` and `seats.add`."""
    found = set(_public(client))
    for group, resource in vars(client).items():
        if not group.startswith("_"):
            found |= {f"{group}.{name}" for name in _public(resource)}
    return found


def _public(thing: object) -> Iterator[str]:
    return (name for name, _ in inspect.getmembers(thing, inspect.ismethod) if not name.startswith("_"))
