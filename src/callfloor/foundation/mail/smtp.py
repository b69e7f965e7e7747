"""The mail server: who it is, by settings, and how one message is handed to it."""

from __future__ import annotations

import contextlib
import dataclasses
import ipaddress
import smtplib
import socket
import ssl
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import unquote, urlsplit

from callfloor.foundation.errors import Unavailable
from callfloor.foundation.jobs import PermanentFailure
from callfloor.foundation.mail.messages import ascii_domain
from callfloor.foundation.settings import Settings

TIMEOUT_SECONDS = 30.0
"""For each step of the conversation: connecting, and every answer."""
PLAIN_PORT, SUBMISSION_PORT, TLS_PORT = 25, 587, 465


class MailNotSent(Unavailable):
    """The mail server does not take mail now, or the settings do not fit it: another try may succeed."""


@dataclasses.dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed in."""

    host: str
    port: int
    is_tls: bool
    """From the first byte; else STARTTLS is used when it is offered."""
    user: str | None = None
    password: str = dataclasses.field(default="", repr=False)
    authorities: Path | None = None

    @property
    def is_here(self) -> bool:
        """Return whether it is on this machine, where nobody stands between."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def mail_server(settings: Settings) -> MailServer | None:
    """Return the mail server that is set, or None."""
    if settings.smtp_url is None:
        return None
    url = urlsplit(settings.smtp_url.get_secret_value())
    is_tls = url.scheme == "smtps"
    default = TLS_PORT if is_tls else SUBMISSION_PORT if url.username else PLAIN_PORT
    user = unquote(url.username) if url.username else None
    password = unquote(url.password or "")
    return MailServer(url.hostname or "", url.port or default, is_tls, user, password, settings.smtp_ca)


def sender_of(settings: Settings) -> str:
    """Return the From address; left out of the settings, one of the host people know this server by."""
    if settings.mail_from is not None:
        return settings.mail_from
    host = (urlsplit(settings.public_url).hostname if settings.public_url else None) or socket.getfqdn()
    return f"Callfloor <callfloor@{host}>"


def deliver(server: MailServer, message: EmailMessage, *, sender: str, to: str) -> None:
    """Hand the message in.

    Raises:
        PermanentFailure: the server refuses this recipient or this message for good.
        MailNotSent: it does not answer, refuses for now, or refuses us.
    """
    try:
        with connected(server) as smtp:
            smtp.send_message(message, from_addr=ascii_domain(sender), to_addrs=[ascii_domain(to)])
    except smtplib.SMTPRecipientsRefused as error:
        code, said = next(iter(error.recipients.values()))
        _refused(code, f"{server.host} refuses the recipient: {code} {_text(said)}", error)
    except smtplib.SMTPDataError as error:
        _refused(error.smtp_code, f"{server.host} refuses the mail: {error.smtp_code} {_text(error.smtp_error)}", error)
    except smtplib.SMTPNotSupportedError as error:
        raise PermanentFailure(f"{server.host} cannot take this address: {error}") from error
    except (smtplib.SMTPException, OSError) as error:
        raise MailNotSent(f"{server.host}:{server.port} does not take mail now: {_said(error)}") from error


def reachable(server: MailServer) -> str | None:
    """Return None when the server greets us and lets us in, else why not."""
    try:
        with connected(server):
            return None
    except (MailNotSent, smtplib.SMTPException, OSError) as error:
        return _said(error)


def connected(server: MailServer) -> smtplib.SMTP:
    """Return a conversation with the server, greeted, private where it can be, and signed in.

    Raises:
        smtplib.SMTPException, OSError, MailNotSent: it does not answer, or refuses us.
    """
    context = _trust(server)
    smtp: smtplib.SMTP
    if server.is_tls:
        smtp = smtplib.SMTP_SSL(server.host, server.port, timeout=TIMEOUT_SECONDS, context=context)
    else:
        smtp = smtplib.SMTP(server.host, server.port, timeout=TIMEOUT_SECONDS)
    with contextlib.ExitStack() as undo:
        undo.callback(smtp.close)
        _prepare(smtp, server, context)
        undo.pop_all()
    return smtp


def _prepare(smtp: smtplib.SMTP, server: MailServer, context: ssl.SSLContext) -> None:
    smtp.ehlo_or_helo_if_needed()
    is_private = server.is_tls or server.is_here
    if not server.is_tls and smtp.has_extn("starttls"):
        smtp.starttls(context=context)
        smtp.ehlo()
        is_private = True
    if server.user is not None:
        if not is_private:
            raise MailNotSent(f"{server.host} offers no STARTTLS, and a password is not sent in the open")
        smtp.login(server.user, server.password)


def _trust(server: MailServer) -> ssl.SSLContext:
    """Return the TLS context.

    Without a password, STARTTLS is only used where it is offered: who could put a false certificate in the way could
    as well take the offer away, and a private server's own certificate is better than none. With a password, and from
    the first byte, the certificate must be right.
    """
    if server.authorities is not None:
        return ssl.create_default_context(cafile=server.authorities)
    context = ssl.create_default_context()
    if server.is_here or (not server.is_tls and server.user is None):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _refused(code: int, reason: str, error: Exception) -> None:
    if code >= 500:
        raise PermanentFailure(reason) from error
    raise MailNotSent(reason) from error


def _said(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{error.smtp_code} {_text(error.smtp_error)}"
    return str(error) or type(error).__name__


def _text(said: bytes | str) -> str:
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else said
