"""A real mail server for tests, on a free port of this machine, in a thread of its own."""

from __future__ import annotations

import asyncio
import dataclasses
import email
import email.policy
import ssl
import threading
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from callfloor.foundation import clock
from callfloor.foundation.local_authority import own_certificate
from callfloor.foundation.tls import context_of

DEADLINE_SECONDS = 60.0


@dataclasses.dataclass(frozen=True)
class Received:
    """One mail as it arrived."""

    sender: str
    recipients: list[str]
    raw: bytes
    is_tls: bool

    @property
    def message(self) -> EmailMessage:
        """Return it parsed."""
        return email.message_from_bytes(self.raw, policy=email.policy.default)

    def body(self, kind: str) -> str:
        """Return the text of the part `plain` or `html`."""
        found = self.message.get_body((kind,))
        assert found is not None
        return str(found.get_content())


class MailServer:
    """Takes mail until it is stopped.

    Args:
        certificate: folder of `server.pem`.
        tls: from the first byte.
        starttls: offered.
        user: who must sign in.
        password: theirs.
        answers: what the next recipients are answered instead of being taken.
        lose: how many mails are taken, but answered as if they were not.
    """

    def __init__(
        self,
        *,
        certificate: Path | None = None,
        tls: bool = False,
        starttls: bool = False,
        user: str | None = None,
        password: str = "",
        answers: list[str] | None = None,
        lose: int = 0,
    ) -> None:
        self.mails: list[Received] = []
        self.port = 0
        self._scheme = "smtps" if tls else "smtp"
        self._answers = list(answers or ())
        self._lose = lose
        self._expected = (user, password)
        self._context = _context(certificate)
        self._is_tls = tls
        self._options: dict[str, Any] = {"hostname": "localhost", "decode_data": False, "enable_SMTPUTF8": True}
        if starttls:
            self._options["tls_context"] = self._context
        if user is not None:
            self._options |= {"authenticator": self._sign_in, "auth_required": True, "auth_require_tls": starttls}
        self._arrived = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(DEADLINE_SECONDS)

    @property
    def url(self) -> str:
        """Return its address without sign-in."""
        return f"{self._scheme}://localhost:{self.port}"

    def url_with(self, sign_in: str) -> str:
        """Return its address with `user:password`, quoted."""
        return f"{self._scheme}://{sign_in}@localhost:{self.port}"

    def wait_for_mail(self, to: str, *, after: int = 0) -> Received:
        """Return the first mail to this address among those that came after the first `after`."""

        def found() -> Received | None:
            return next((mail for mail in self.mails[after:] if mail.recipients == [to]), None)

        with self._arrived:
            self._arrived.wait_for(lambda: found() is not None, DEADLINE_SECONDS)
            mail = found()
        assert mail is not None, f"no mail came for {to}"
        return mail

    def stop(self) -> None:
        """Take no more; stopping it again changes nothing."""
        if self._loop.is_closed():
            return
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(DEADLINE_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(DEADLINE_SECONDS)
        self._loop.close()

    async def handle_RCPT(  # noqa: N802  # the name and the arguments are the library's
        self, server: SMTP, session: Session, envelope: Envelope, address: str, rcpt_options: list[str]
    ) -> str:
        """Take the recipient, or answer as told."""
        if self._answers:
            return self._answers.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  # as above
        """Keep the mail."""
        content = envelope.content
        assert isinstance(content, bytes)
        is_tls = self._is_tls or session.ssl is not None
        with self._arrived:
            self.mails.append(Received(envelope.mail_from or "", envelope.rcpt_tos, content, is_tls))
            self._arrived.notify_all()
        if self._lose:
            self._lose -= 1
            return "451 try again"
        return "250 OK"

    def _sign_in(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        user, password = self._expected
        return AuthResult(success=(data.login.decode(), data.password.decode()) == (user, password), handled=False)

    async def _listen(self) -> asyncio.Server:
        def conversation() -> SMTP:
            return SMTP(self, loop=self._loop, **self._options)

        context = self._context if self._is_tls else None
        server = await self._loop.create_server(conversation, "127.0.0.1", 0, ssl=context)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def _close(self) -> None:
        self._server.close()
        others = asyncio.all_tasks(self._loop) - {asyncio.current_task(self._loop)}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


def certificate_of_localhost(folder: Path) -> Path:
    """Make `server.pem`, with its key, and `ca.pem` in the folder, and return it."""
    folder.mkdir(exist_ok=True)
    own_certificate(folder, (), now=clock.now())
    return folder


def _context(folder: Path | None) -> ssl.SSLContext | None:
    if folder is None:
        return None
    return context_of(own_certificate(folder, (), now=clock.now()))
