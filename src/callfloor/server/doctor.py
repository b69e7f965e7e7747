"""`callfloor doctor`: what a server needs, looked at one by one."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from callfloor.foundation import clock
from callfloor.foundation.clock import DAY
from callfloor.foundation.database.migrate import SchemaTooNew, revisions
from callfloor.foundation.errors import Unavailable
from callfloor.foundation.settings import Settings
from callfloor.foundation.tls import CertificateRefused
from callfloor.server import sockets

if TYPE_CHECKING:
    from callfloor.foundation.mail import WaitingMail

OLDEST_PYTHON = (3, 11)
LEAST_FREE_BYTES = 1_000_000_000
LITTLE_FREE_BYTES = 10_000_000_000


@dataclass(frozen=True, slots=True)
class Finding:
    """What one look found."""

    mark: str
    subject: str
    sentence: str

    @property
    def is_bad(self) -> bool:
        """Return whether a server would not do its work."""
        return self.mark == "BAD"

    @property
    def line(self) -> str:
        """Return the line to print."""
        return f"{self.mark:<4}  {self.subject:<12}  {self.sentence}"


good = partial(Finding, "ok")
note = partial(Finding, "note")
bad = partial(Finding, "BAD")


def diagnose(settings: Settings, *, host: str, port: int) -> list[Finding]:
    """Look at everything; nothing is changed or made."""
    looks: tuple[Callable[[], Iterator[Finding]], ...] = (
        _python,
        lambda: _disk(settings),
        lambda: _database(settings),
        lambda: _limit_store(settings),
        lambda: _mail(settings),
        lambda: _models(settings),
        lambda: _port(host, port),
        lambda: _certificate(settings.data / "tls"),
    )
    return [finding for look in looks for finding in look()]


def _python() -> Iterator[Finding]:
    found = platform.python_version()
    if sys.version_info < OLDEST_PYTHON:
        yield bad("python", f"Python {found} is too old: 3.11 is the oldest that works.")
    else:
        yield good("python", f"Python {found}.")


def _disk(settings: Settings) -> Iterator[Finding]:
    folder = settings.data.absolute()
    there = next(place for place in (folder, *folder.parents) if place.exists())
    if not os.access(there, os.W_OK):
        yield bad("data folder", f"{there} cannot be written by this user.")
    free = shutil.disk_usage(there).free
    said = f"{free / 1e9:.1f} GB free for {folder}."
    if free < LEAST_FREE_BYTES:
        yield bad("disk", said)
    elif free < LITTLE_FREE_BYTES:
        yield note("disk", f"{said} An hour of stereo takes up to 0.7 GB.")
    else:
        yield good("disk", said)


def _database(settings: Settings) -> Iterator[Finding]:
    try:
        held, newest = revisions(settings.database_url)
    except (Unavailable, SchemaTooNew) as error:
        yield bad("database", str(error))
        return
    if held is None:
        yield note("database", "There is none yet; the first command makes it.")
    elif held != newest:
        yield note("database", f"It has schema {held}; serve or migrate brings it to {newest}.")
    else:
        yield good("database", f"It answers, with schema {held}.")


def _limit_store(settings: Settings) -> Iterator[Finding]:
    store, url = settings.rate_limit.store, settings.rate_limit.url
    if store == "memory":
        yield good("limits", "Counted in memory: one server process at a time on this database.")
    elif store == "database":
        yield good("limits", "Counted in the database, by any number of server processes.")
    elif url is None:
        yield bad("limits", "CALLFLOOR_RATE_LIMIT_STORE is valkey: CALLFLOOR_RATE_LIMIT_URL must say where it is.")
    else:
        from callfloor.foundation.limits.in_valkey import ping  # noqa: PLC0415  # only with that store

        try:
            asyncio.run(ping(url.get_secret_value()))
        except Unavailable as error:
            yield bad("limits", f"{error}; serve does not start without it.")
        else:
            yield good("limits", "Counted in Valkey, which answers, by any number of server processes.")


def _mail(settings: Settings) -> Iterator[Finding]:
    from callfloor.foundation.mail import mail_server  # noqa: PLC0415  # slow to import, and a late look
    from callfloor.foundation.mail.smtp import reachable  # noqa: PLC0415  # as above

    server = mail_server(settings)
    if server is None:
        yield note("mail", "CALLFLOOR_SMTP_URL is not set: mail waits; `callfloor invitation link` prints a link.")
    else:
        fault = reachable(server)
        said = f"{server.host}:{server.port}"
        yield good("mail", f"{said} takes mail.") if fault is None else note("mail", f"{said}: {fault}")
    waiting = _waiting(settings)
    if waiting is not None:
        yield note("mail", f"{waiting.count} mails wait for another try; the newest: {waiting.reason}.")


def _waiting(settings: Settings) -> WaitingMail | None:
    """Return what waits in the database, if there is one of this release."""
    from callfloor.foundation.database import open_database  # noqa: PLC0415  # only with a database
    from callfloor.foundation.mail import waiting_mail  # noqa: PLC0415  # as above

    try:
        held, newest = revisions(settings.database_url)
        if held != newest:
            return None
        db = open_database(settings.database_url)
    except (Unavailable, SchemaTooNew):
        return None  # said by the look at the database
    try:
        return db.read_now(waiting_mail)
    finally:
        db.close_now()


def _models(settings: Settings) -> Iterator[Finding]:
    name = settings.speech.model
    folder = Path(name) if "/" in name else settings.models_folder / name
    if (folder / "model.bin").is_file():
        yield good("speech model", f"{name} is in {folder}.")
    else:
        yield bad("speech model", f"{name} is not in {folder}: run `callfloor models install`.")


def _port(host: str, port: int) -> Iterator[Finding]:
    try:
        bound = sockets.listening(host, port)
    except sockets.AddressRefused as error:
        yield note("port", f"{error} It may be this installation's own server.")
        return
    sockets.close(bound)
    yield good("port", f"{port} on {host} is free.")


def _certificate(folder: Path) -> Iterator[Finding]:
    from callfloor.foundation.local_authority import ends_at  # noqa: PLC0415  # slow to import, and the last look

    if not (folder / "ca.pem").exists():
        yield note("certificate", "There is none yet; the first start of serve makes it.")
        return
    now = clock.now()
    for what, path in (("authority", folder / "ca.pem"), ("certificate", folder / "server.pem")):
        try:
            days = (ends_at(path) - now) // DAY
        except CertificateRefused as error:
            yield bad(what, f"{error} Remove {folder}, and the next start of serve makes new ones.")
            continue
        yield (good if days > 0 else note)(what, f"{path} lasts {days} days more; serve renews it in time.")
