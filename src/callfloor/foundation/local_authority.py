"""HTTPS at once: an authority of this installation made on first start, and the server's certificate signed by it."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import socket
from collections.abc import Iterable
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from callfloor.foundation.clock import DAY, Millis, as_datetime, from_datetime
from callfloor.foundation.small_files import PUBLIC, make_private, make_public, replace
from callfloor.foundation.tls import Certificate, CertificateRefused

AUTHORITY_LIFE: Millis = 3650 * DAY
CERTIFICATE_LIFE: Millis = 397 * DAY
"""The longest that browsers take."""
RENEW_BEFORE: Millis = 30 * DAY
_BACKDATE: Millis = DAY
"""A client's clock may be behind ours."""
_ALWAYS_NAMED = ("127.0.0.1", "::1", "localhost")
_WILDCARDS = ("0.0.0.0", "::", "")  # noqa: S104  # names that are no names


def own_certificate(folder: Path, names: Iterable[str], *, now: Millis) -> Certificate:
    """Return the certificate for these host names and addresses, made or renewed when needed.

    Args:
        folder: keeps `ca.pem`, `ca.key`, and `server.pem`, which holds the certificate and its key.
        names: beside those of this machine.
        now: the certificate is renewed 30 days before its end.
    """
    wanted = _all_names(names)
    server = folder / "server.pem"
    authority = _authority(folder, now=now)
    if not _still_good(server, wanted, authority, now=now):
        replace(server, _signed(folder, wanted, authority, now=now))
    return Certificate(server, server, folder / "ca.pem")


def ends_at(chain: Path) -> Millis:
    """Return the instant at which the first certificate of the file ends."""
    return from_datetime(_read_certificate(chain).not_valid_after_utc)


def _all_names(names: Iterable[str]) -> tuple[str, ...]:
    every = [*_ALWAYS_NAMED, socket.gethostname().lower(), *names]
    return tuple(dict.fromkeys(name for name in every if name not in _WILDCARDS))


def _general_names(names: Iterable[str]) -> list[x509.GeneralName]:
    found: list[x509.GeneralName] = []
    for name in names:
        try:
            found.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            # A host name that no certificate can carry is left out: clients cannot ask for it by TLS either.
            with contextlib.suppress(UnicodeError, ValueError):
                found.append(x509.DNSName(name.encode("idna").decode("ascii")))
    return found


def _authority(folder: Path, *, now: Millis) -> x509.Certificate:
    path = folder / "ca.pem"
    if path.exists():
        found = _read_certificate(path)
        if from_datetime(found.not_valid_after_utc) > now + RENEW_BEFORE:
            return found
        replace(path, _self_signed(folder, now=now), mode=PUBLIC)
    else:
        make_public(path, _self_signed(folder, now=now))
    return _read_certificate(path)


def _read_certificate(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as error:
        raise CertificateRefused(f"{path} is not a certificate in PEM form.") from error


def _still_good(server: Path, names: tuple[str, ...], authority: x509.Certificate, *, now: Millis) -> bool:
    try:
        found = _read_certificate(server)
        found.verify_directly_issued_by(authority)
        held = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (CertificateRefused, InvalidSignature, ValueError, x509.ExtensionNotFound):
        return False
    lasts = from_datetime(found.not_valid_after_utc) > now + RENEW_BEFORE
    return lasts and set(_general_names(names)) <= set(held)


def _self_signed(folder: Path, *, now: Millis) -> bytes:
    key = _authority_key(folder)
    name = _name(f"Callfloor local authority, {socket.gethostname()[:30]}")
    usage = x509.KeyUsage(
        digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    builder = _builder(name, name, key, now=now, life=AUTHORITY_LIFE)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(usage, critical=True)
    return _sign(builder, key).public_bytes(serialization.Encoding.PEM)


def _signed(folder: Path, names: tuple[str, ...], authority: x509.Certificate, *, now: Millis) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    signer = _authority_key(folder)
    builder = _builder(_name("Callfloor"), authority.subject, key, now=now, life=CERTIFICATE_LIFE)
    builder = builder.add_extension(x509.SubjectAlternativeName(_general_names(names)), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    builder = builder.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
    )
    certificate = _sign(builder, signer).public_bytes(serialization.Encoding.PEM)
    return certificate + _pem(key)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, *, now: Millis, life: Millis
) -> x509.CertificateBuilder:
    start = as_datetime(now - _BACKDATE).replace(microsecond=0)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(milliseconds=life))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _sign(builder: x509.CertificateBuilder, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    return builder.sign(key, hashes.SHA256())


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _authority_key(folder: Path) -> ec.EllipticCurvePrivateKey:
    path = folder / "ca.key"
    held = path.read_bytes() if path.exists() else make_private(path, _pem(ec.generate_private_key(ec.SECP256R1())))
    try:
        key = serialization.load_pem_private_key(held, password=None)
    except ValueError as error:
        raise CertificateRefused(f"{path} is not a key in PEM form.") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise CertificateRefused(f"{path} is not the key of Callfloor's own authority.")
    return key


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
