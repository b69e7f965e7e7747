"""Sends requests over httpx2: the same steps, once waiting and once awaiting."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import dataclasses
import time
from collections.abc import Generator, Mapping
from typing import Any, TypeVar

import httpx2

from callfloor_sdk.errors import CallfloorError, NoAnswer, NoCredentials
from callfloor_sdk.records import read
from callfloor_sdk.requests import Api, Request
from callfloor_sdk.retrying import Attempt, Limits, Outcome, Retries, Wait, attempts

T = TypeVar("T")
R = TypeVar("R")

Work = Generator[Request[Any] | Wait, httpx2.Response | CallfloorError | None, R]
"""Several requests, one after the other: tells what to send next, and is told its answer or the fault."""


@dataclasses.dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """Keys, each of one API; without a repr, since they would stand in logs."""

    token: str | None = None
    portal_key: tuple[str, str] | None = None
    conversations_key: tuple[str, str] | None = None

    def headers(self, api: Api) -> Mapping[str, str]:
        """Return the headers that sign a request.

        Raises:
            NoCredentials: there is no key of this API.
        """
        if api is Api.CALLFLOOR and self.token is not None:
            return {"authorization": f"Bearer {self.token}"}
        if api is Api.PORTAL and self.portal_key is not None:
            pair = base64.b64encode(":".join(self.portal_key).encode()).decode()
            return {"authorization": f"Basic {pair}"}
        if api is Api.CONVERSATIONS and self.conversations_key is not None:
            return dict(zip(("api-key", "client-id"), self.conversations_key, strict=True))
        if api is Api.NONE:
            return {}
        raise NoCredentials(f"{api.value} needs {_OPTION[api]}")


_OPTION = {
    Api.CALLFLOOR: "a key: Callfloor(url, token=…)",
    Api.PORTAL: "a key's name and its secret: Callfloor(url, portal_key=(name, secret))",
    Api.CONVERSATIONS: "a key and the client id: Callfloor(url, conversations_key=(api_key, client_id))",
}


class Sender:
    """Sends and waits."""

    def __init__(self, http: httpx2.Client, credentials: Credentials, retries: Retries) -> None:
        self.http = http
        self._credentials = credentials
        self._retries = retries
        self._limits = Limits()

    def send(self, request: Request[T]) -> T:
        """Return what the request is answered with."""
        return read(request, self.answer(request))

    def answer(self, request: Request[T], *, is_stream: bool = False) -> httpx2.Response:
        """Return the first answer that is a success; of a stream the body is not read yet, and it is to be closed."""
        signed = self._credentials.headers(request.api)
        steps = attempts(request, self._retries, self._limits)
        step = next(steps)
        while True:
            outcome: Outcome = None
            if isinstance(step, Attempt):
                outcome = self._attempt(request, signed, is_stream)
            else:
                time.sleep(step.seconds)
            try:
                step = steps.send(outcome)
            except StopIteration as end:
                found: httpx2.Response = end.value
                return found

    def work(self, steps: Work[R]) -> R:
        """Return what comes of several requests."""
        step = next(steps)
        while True:
            outcome: httpx2.Response | CallfloorError | None = None
            try:
                if isinstance(step, Wait):
                    time.sleep(step.seconds)
                else:
                    outcome = self.answer(step)
            except CallfloorError as fault:
                outcome = fault
            try:
                step = steps.send(outcome)
            except StopIteration as end:
                found: R = end.value
                return found

    def _attempt(self, request: Request[T], signed: Mapping[str, str], is_stream: bool) -> Outcome:  # noqa: FBT001
        try:
            with contextlib.ExitStack() as opened:
                built = self.http.build_request(request.method, request.path, **_signed(request, signed, opened))
                answer = self.http.send(built, stream=is_stream)
            if is_stream and not answer.is_success:
                answer.read()
        except httpx2.TransportError as fault:
            return fault
        except httpx2.DecodingError as fault:
            raise NoAnswer(f"{request.method} {request.path}: {fault}") from fault
        return answer


class AsyncSender:
    """Sends and awaits."""

    def __init__(self, http: httpx2.AsyncClient, credentials: Credentials, retries: Retries) -> None:
        self.http = http
        self._credentials = credentials
        self._retries = retries
        self._limits = Limits()

    async def send(self, request: Request[T]) -> T:
        """Return what the request is answered with."""
        return read(request, await self.answer(request))

    async def answer(self, request: Request[T], *, is_stream: bool = False) -> httpx2.Response:
        """Return the first answer that is a success; of a stream the body is not read yet, and it is to be closed."""
        signed = self._credentials.headers(request.api)
        steps = attempts(request, self._retries, self._limits)
        step = next(steps)
        while True:
            outcome: Outcome = None
            if isinstance(step, Attempt):
                outcome = await self._attempt(request, signed, is_stream)
            else:
                await asyncio.sleep(step.seconds)
            try:
                step = steps.send(outcome)
            except StopIteration as end:
                found: httpx2.Response = end.value
                return found

    async def work(self, steps: Work[R]) -> R:
        """Return what comes of several requests."""
        step = next(steps)
        while True:
            outcome: httpx2.Response | CallfloorError | None = None
            try:
                if isinstance(step, Wait):
                    await asyncio.sleep(step.seconds)
                else:
                    outcome = await self.answer(step)
            except CallfloorError as fault:
                outcome = fault
            try:
                step = steps.send(outcome)
            except StopIteration as end:
                found: R = end.value
                return found

    async def _attempt(self, request: Request[T], signed: Mapping[str, str], is_stream: bool) -> Outcome:  # noqa: FBT001
        try:
            with contextlib.ExitStack() as opened:
                built = self.http.build_request(request.method, request.path, **_signed(request, signed, opened))
                answer = await self.http.send(built, stream=is_stream)
            if is_stream and not answer.is_success:
                await answer.aread()
        except httpx2.TransportError as fault:
            return fault
        except httpx2.DecodingError as fault:
            raise NoAnswer(f"{request.method} {request.path}: {fault}") from fault
        return answer


def _signed(request: Request[Any], signed: Mapping[str, str], opened: contextlib.ExitStack) -> dict[str, Any]:
    content = request.content(opened)
    return {**content, "headers": {**signed, **content["headers"]}}
