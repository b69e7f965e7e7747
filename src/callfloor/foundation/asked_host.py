"""The address of this server: the one by which a client reached it, and the one by which people do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from callfloor.foundation.errors import invalid
from callfloor.foundation.settings import Settings

# An underscore is in no name of the internet, but in those of containers.
_HOST = re.compile(r"(?:[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")


def base_url(settings: Settings, scope: Mapping[str, Any]) -> str:
    """Return what links for people begin with: the public address of the settings, else as `asked_url`."""
    return settings.public_url or asked_url(scope)


def asked_url(scope: Mapping[str, Any]) -> str:
    """Return scheme and host that were asked, without a slash at the end: who asks there can be answered there.

    Raises:
        InvalidInput: the Host header is none.
    """
    host = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")
    if not _HOST.fullmatch(host):
        raise invalid("Host", "must name this server")
    return f"{scope['scheme']}://{host}"
