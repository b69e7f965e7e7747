"""The server's certificate and the TLS context made of it."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path


class CertificateRefused(Exception):
    """A certificate or its key cannot be read, or they do not belong together."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """Where the server's certificate and key lie; `authority` is what clients need to trust it, None when not ours."""

    chain: Path
    key: Path
    authority: Path | None


def context_of(certificate: Certificate) -> ssl.SSLContext:
    """Return a server's TLS context.

    Raises:
        CertificateRefused: the files cannot be read, or key and certificate do not belong together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    load_into(context, certificate)
    return context


def load_into(context: ssl.SSLContext, certificate: Certificate) -> None:
    """Let new connections see the certificate that the files hold now; raises as `context_of`."""
    try:
        context.load_cert_chain(certificate.chain, certificate.key)
    except OSError as error:
        if error.filename is None and isinstance(error, ssl.SSLError):
            sentence = f"{certificate.chain} and {certificate.key} are not a certificate and its key, in PEM form"
        else:
            sentence = f"{certificate.chain} or {certificate.key} cannot be read: {error.strerror}"
        raise CertificateRefused(f"{sentence}.") from error
