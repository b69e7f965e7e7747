"""`callfloor serve`: listens, answers, keeps a worker, and stops without breaking off what is under way."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import structlog
import uvicorn
import uvloop

from callfloor.foundation import clock
from callfloor.foundation.services import Services, open_services
from callfloor.foundation.settings import Settings
from callfloor.foundation.tls import Certificate, context_of, load_into
from callfloor.server import sockets
from callfloor.server.asgi import Application
from callfloor.server.connections import Connection
from callfloor.server.later import load
from callfloor.server.sockets import AddressRefused
from callfloor.server.upkeep import Upkeep
from callfloor.server.web import create_app
from callfloor.server.worker_process import WorkerProcess

log = structlog.get_logger(__name__)

INTERRUPTED = 130
_RENEWAL_SECONDS = 3600.0
_KEEP_ALIVE_SECONDS = 30
_HANDSHAKE_SECONDS = 10.0
_OBJECTS_OF_A_BATCH = 20_000
"""How many more objects made than freed let the garbage collector look for cycles, of which there are few."""
_FAREWELL_SECONDS = 2.0
"""How long a closed connection waits for the client's end of TLS; many never send it, and a stop waits for them."""


@dataclass(frozen=True, slots=True)
class Listening:
    """Where and how a server is reached."""

    host: str = "127.0.0.1"
    port: int = 8443
    tls_cert: Path | None = None
    tls_key: Path | None = None
    is_behind_proxy: bool = False
    has_worker: bool = True


@dataclass(frozen=True, slots=True)
class Ready:
    """A server that answers; `authority` is the file to trust it by, None when that is not ours to say."""

    services: Services
    url: str
    authority: Path | None


AppOf = Callable[[Services], Application]
OnReady = Callable[[Ready], None]


def serve(
    settings: Settings, listening: Listening, *, app_of: AppOf = create_app, on_ready: OnReady | None = None
) -> None:
    """Serve until SIGTERM or SIGINT; `on_ready` is called in the loop once the first request would be answered.

    Raises:
        AddressRefused: the port is taken, or plain HTTP would be open to a network.
        CertificateRefused: the certificate cannot be used.
        SchemaTooNew, Gone, OSError: as `open_services`.
        AnotherServerRuns, StoreNotSet, Unavailable: as `Upkeep.take_place`.
    """
    bound = sockets.listening(listening.host, listening.port)
    try:
        _check_plain(settings, listening, bound)
        services = open_services(settings)
        program = _Program(services, listening, bound)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(program.run(app_of, on_ready))
    finally:
        sockets.close(bound)


def _check_plain(settings: Settings, listening: Listening, bound: list[socket.socket]) -> None:
    if listening.is_behind_proxy and not settings.trusted_proxies and not sockets.are_loopback(bound):
        raise AddressRefused(
            f"--behind-proxy serves plain HTTP, which on {listening.host} anybody on the network could read: "
            "leave --host out, or name the proxies in CALLFLOOR_TRUSTED_PROXIES."
        )


class _Program:
    """One run of a server, from the first socket to the last."""

    def __init__(self, services: Services, listening: Listening, bound: list[socket.socket]) -> None:
        self._services = services
        self._listening = listening
        self._sockets = bound
        self._context: ssl.SSLContext | None = None
        self._worker = WorkerProcess(services.settings) if listening.has_worker else None
        self._upkeep = Upkeep(services)

    async def run(self, app_of: AppOf, on_ready: OnReady | None) -> None:
        try:
            self._services = await self._upkeep.take_place()
            certificate = None if self._listening.is_behind_proxy else self._certificate()
            self._context = None if certificate is None else context_of(certificate)
            app = app_of(self._services)
            server = _Uvicorn(self._config(app))
            stop = asyncio.Event()
            with _signals(stop.set, self._end_at_once):
                if self._worker is not None:
                    self._worker.start()
                renewal = asyncio.create_task(self._renew_certificate())
                await server.start(self._sockets)
                ready = self._ready(certificate)
                log.info(
                    "listening", url=ready.url, authority=None if ready.authority is None else str(ready.authority)
                )
                if on_ready is not None:
                    on_ready(ready)
                loading = asyncio.create_task(_load_whole(app))
                # A server of which a part cannot be loaded does not go on without it.
                loading.add_done_callback(lambda task: stop.set() if _has_failed(task) else None)
                await server.run_until(stop)
                renewal.cancel()
                log.info("stopping", grace_seconds=self._services.settings.shutdown_grace_seconds)
                self._services.stopping.announce()
                await asyncio.gather(server.finish(self._sockets), self._stop_worker())
                await loading
        finally:
            await self._upkeep.end()
            await self._services.close()
        log.info("stopped")

    def _config(self, app: Application) -> uvicorn.Config:
        context = self._context
        return uvicorn.Config(
            app,
            http=Connection,
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=self._services.settings.shutdown_grace_seconds,
            ssl_context_factory=None if context is None else lambda _config, _default: context,
        )

    def _certificate(self) -> Certificate:
        listening, settings = self._listening, self._services.settings
        if listening.tls_cert is not None and listening.tls_key is not None:
            return Certificate(listening.tls_cert, listening.tls_key, None)
        # Slow to import, and not needed behind a proxy or with a certificate of the operator's.
        from callfloor.foundation.local_authority import own_certificate  # noqa: PLC0415

        return own_certificate(settings.data / "tls", (listening.host, *settings.tls.names), now=clock.now())

    async def _renew_certificate(self) -> None:
        """Show new connections the certificate on disk, renewed when it is ours and near its end."""
        while self._context is not None:
            await asyncio.sleep(_RENEWAL_SECONDS)
            try:
                load_into(self._context, await asyncio.to_thread(self._certificate))
            except Exception:  # a certificate that is half replaced is read again in an hour
                log.exception("certificate_not_renewed")

    def _ready(self, certificate: Certificate | None) -> Ready:
        scheme = "http" if certificate is None else "https"
        authority = certificate.authority if certificate else None
        url = sockets.url_of(self._sockets, self._listening.host, scheme=scheme)
        return Ready(self._services, url, None if authority is None else authority.absolute())

    async def _stop_worker(self) -> None:
        if self._worker is not None:
            await self._worker.stop()

    def _end_at_once(self) -> None:
        if self._worker is not None:
            self._worker.kill()
        os._exit(INTERRUPTED)


async def _load_whole(app: Application) -> None:
    """Load what is not whole yet, then let the garbage collector look only at what requests make.

    All that is loaded stays until the end. To look through it again and again, whenever requests had made some thousand
    objects, took a seventh of the CPU time of events.
    """
    await load(app)
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS_OF_A_BATCH)


def _has_failed(task: asyncio.Task[None]) -> bool:
    return not task.cancelled() and task.exception() is not None


class _Uvicorn(uvicorn.Server):
    """uvicorn's server, started and stopped by us: it takes no signals, and exits with our code."""

    async def start(self, bound: list[socket.socket]) -> None:
        self.config.load()
        self.lifespan = self.config.lifespan_class(self.config)
        has_tls = self.config.ssl is not None
        loop = asyncio.get_running_loop()
        self.servers = [
            await loop.create_server(
                self._connection,
                sock=sock,
                ssl=self.config.ssl,
                ssl_handshake_timeout=_HANDSHAKE_SECONDS if has_tls else None,
                ssl_shutdown_timeout=_FAREWELL_SECONDS if has_tls else None,
            )
            for sock in bound
        ]
        self.started = True

    def _connection(self) -> Connection:
        return Connection(self.config, self.server_state, {})

    async def run_until(self, stop: asyncio.Event) -> None:
        ticking = asyncio.create_task(self.main_loop())
        await stop.wait()
        self.should_exit = True
        await ticking

    async def finish(self, bound: list[socket.socket]) -> None:
        await self.shutdown(sockets=bound)


@contextlib.contextmanager
def _signals(stop: Callable[[], None], end_at_once: Callable[[], None]) -> Iterator[None]:
    """Stop at the first SIGTERM or SIGINT; a second SIGINT does not wait."""
    loop = asyncio.get_running_loop()

    def interrupted() -> None:
        stop()
        loop.add_signal_handler(signal.SIGINT, end_at_once)

    loop.add_signal_handler(signal.SIGINT, interrupted)
    loop.add_signal_handler(signal.SIGTERM, interrupted)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        loop.remove_signal_handler(signal.SIGTERM)
