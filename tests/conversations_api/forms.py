"""Multipart bodies written by hand."""

from __future__ import annotations

FORM = {"Content-Type": "multipart/form-data; boundary=XX"}


def form(*parts: tuple[str, bytes, str | None], end: bytes = b"--XX--\r\n") -> bytes:
    """Return a multipart body of (name, content, filename)."""
    body = b""
    for name, content, filename in parts:
        file = f'; filename="{filename}"' if filename is not None else ""
        body += f'--XX\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode() + content + b"\r\n"
    return body + end
