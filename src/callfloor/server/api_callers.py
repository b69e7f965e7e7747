"""Who calls is found before anything else of a request is read: strangers learn nothing from what they send."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any

from fastapi.dependencies.models import Dependant
from fastapi.requests import Request

from callfloor.access.guard import Caller, ScopeGuard, caller_of, person_of
from callfloor.access.scopes import Scope
from callfloor.devices.agent.guard import device_of
from callfloor.foundation.web import CALLER, facts_of

Guard = Callable[[Request], Awaitable[None]]


def guard_of(dependant: Dependant) -> Guard | None:
    """Return what lets a request through to a route, or refuses it; None when everybody may call the route."""
    find = finder_of(dependant)
    if find is None:
        return None
    checks = list(_checks(dependant))

    async def guard(request: Request) -> None:
        caller = request.scope[CALLER] = await find(request, facts_of(request))
        for check in checks:
            await check(caller)

    return guard


def finder_of(dependant: Dependant) -> Callable[..., Awaitable[Any]] | None:
    """Return what finds who calls a route: a person or a key, or a device; None when nobody has to sign in."""
    calls = {one.call for one in parts_of(dependant)}
    return next((find for find in (caller_of, device_of) if find in calls), None)


def is_for_people(dependant: Dependant) -> bool:
    """Return whether only a person who is signed in may call the route, no key."""
    return any(one.call is person_of for one in parts_of(dependant))


def scope_of(dependant: Dependant) -> Scope | None:
    """Return the scope that a route's guard asks for."""
    return next((one.call.scope for one in parts_of(dependant) if isinstance(one.call, ScopeGuard)), None)


def parts_of(dependant: Dependant) -> Iterable[Dependant]:
    """Yield a route's dependant and all it depends on."""
    yield dependant
    for one in dependant.dependencies:
        yield from parts_of(one)


def _checks(dependant: Dependant) -> Iterator[Callable[[Caller], Awaitable[object]]]:
    for one in parts_of(dependant):
        if one.call is person_of:
            yield person_of
        elif isinstance(one.call, ScopeGuard):
            yield one.call
