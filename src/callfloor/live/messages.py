"""Messages of the live stream: server-sent events, made once for all who watch, packed once too."""

from __future__ import annotations

import functools
import zlib
from typing import Any

import msgspec

from callfloor.live.queries import LiveChanges
from callfloor.live.shown import shown

RETRY_MS = 2000
"""How long a browser waits before it comes again."""
GZIP_HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
"""Begins a packed stream; RFC 1952 section 2.3."""
_encode = msgspec.json.Encoder().encode


class Message:
    """Bytes to be sent; `seq` is the team's number up to which they tell, None when they tell of nothing."""

    __slots__ = ("__dict__", "plain", "seq")

    def __init__(self, plain: bytes, seq: int | None = None) -> None:
        self.plain = plain
        self.seq = seq

    @functools.cached_property
    def packed(self) -> bytes:
        """The same for a packed stream: after a full flush what follows refers to nothing before it."""
        packing = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
        return packing.compress(self.plain) + packing.flush(zlib.Z_FULL_FLUSH)


BEAT = Message(b": still here\n\n")
"""A comment, so that nobody between takes the stream for dead."""


def ready(seq: int) -> Message:
    """Return the first message of a stream that begins at this number."""
    return _event(b"ready", seq, {"seq": seq})


def changes(found: LiveChanges) -> Message:
    """Return what changed; a reader is told to read everything anew when that is too much to tell one by one."""
    if found.devices is None:
        return _event(b"reset", found.seq, {"seq": found.seq})
    content = {"seq": found.seq, "devices": [shown(one) for one in found.devices], "removed": found.removed}
    return _event(b"changes", found.seq, content)


def _event(kind: bytes, seq: int, content: dict[str, Any]) -> Message:
    plain = b"retry: %d\nid: %d\nevent: %b\ndata: %b\n\n" % (RETRY_MS, seq, kind, _encode(content))
    return Message(plain, seq)
