"""Messages with a text and an HTML part, both made from one content; nothing in them is loaded from elsewhere."""

from __future__ import annotations

import dataclasses
import email.policy
import hashlib
import html
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr

from callfloor.foundation.clock import Millis, as_datetime

_PAGE = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width, initial-scale=1">'
    '<meta name="color-scheme" content="light dark"><title>{title}</title></head>'
    '<body style="margin:0;padding:24px;font:16px/1.5 system-ui,-apple-system,Segoe UI,Roboto,Arial,sans-serif">'
    '<div style="max-width:560px;margin:0 auto">{body}</div></body></html>'
)
_HEADING = '<h1 style="font-size:22px;line-height:1.3;margin:0 0 16px">{}</h1>'
_PARAGRAPH = '<p style="margin:0 0 16px">{}</p>'
_BUTTON = (
    '<p style="margin:24px 0"><a href="{url}" style="display:inline-block;padding:12px 20px;border-radius:8px;'
    'background:#0b6b5b;color:#ffffff;text-decoration:none;font-weight:600">{label}</a></p>'
)
_ADDRESS = '<p style="margin:0 0 16px;font-size:14px">{said}<br><span style="word-break:break-all">{url}</span></p>'
_CLOSING = '<p style="margin:24px 0 0;font-size:14px;opacity:.75">{}</p>'
_IF_NOT = "If the button does not work, copy this address into your browser:"


@dataclasses.dataclass(frozen=True, slots=True)
class Action:
    """What the reader is to do, behind one link."""

    label: str
    url: str


@dataclasses.dataclass(frozen=True, slots=True)
class Content:
    """What a mail says, in plain text without markup."""

    subject: str
    heading: str
    paragraphs: tuple[str, ...]
    action: Action | None = None
    closing: str = ""


def build_message(content: Content, *, sender: str, to: str, message_id: str, at: Millis) -> EmailMessage:
    """Return the message; the same arguments make the same bytes.

    Args:
        content: what it says; a line break in its subject becomes a space.
        sender: an address, or a name with an address in angle brackets.
        to: one address.
        message_id: unique among all mails, without brackets or domain.
        at: the date of the message.
    """
    message = EmailMessage(policy=email.policy.SMTP)
    name, address = parseaddr(sender)
    from_address = _address(address, name)
    message["Subject"] = " ".join(content.subject.split())
    message["From"] = from_address
    message["To"] = _address(to)
    message["Date"] = format_datetime(as_datetime(at))
    message["Message-ID"] = f"<{message_id}@{from_address.domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(_text(content))
    message.add_alternative(_html(content), subtype="html")
    message.set_boundary(hashlib.sha256(message_id.encode()).hexdigest()[:32])
    return message


def ascii_domain(address: str) -> str:
    """Return the address with its domain as DNS knows it."""
    local, _, domain = address.rpartition("@")
    try:
        return f"{local}@{domain.encode('idna').decode()}"
    except UnicodeError:
        return address


def _address(address: str, name: str = "") -> Address:
    local, _, domain = ascii_domain(address).rpartition("@")
    return Address(display_name=" ".join(name.split()), username=local, domain=domain)


def _text(content: Content) -> str:
    parts = [content.heading, *content.paragraphs]
    if content.action is not None:
        parts.append(f"{content.action.label}:\n{content.action.url}")
    if content.closing:
        parts.append(content.closing)
    return "\n\n".join(parts) + "\n"


def _html(content: Content) -> str:
    body = [_HEADING.format(html.escape(content.heading))]
    body += [_PARAGRAPH.format(html.escape(paragraph)) for paragraph in content.paragraphs]
    if content.action is not None:
        label, url = html.escape(content.action.label), html.escape(content.action.url)
        body += [_BUTTON.format(url=url, label=label), _ADDRESS.format(said=_IF_NOT, url=url)]
    if content.closing:
        body.append(_CLOSING.format(html.escape(content.closing)))
    return _PAGE.format(title=html.escape(content.subject), body="".join(body))
