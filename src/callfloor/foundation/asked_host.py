"""The address by which a client reached this server: what links in mails begin with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from callfloor.foundation.errors import invalid
from callfloor.foundation.settings import Settings

_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")


def base_url(settings: Settings, scope: Mapping[str, Any]) -> str:
    """Return the public address of the settings, else scheme and host that were asked; without a slash at the end.

    Raises:
        InvalidInput: the Host header is none.
    """
    if settings.public_url is not None:
        return settings.public_url
    host = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")
    if not _HOST.fullmatch(host):
        raise invalid("Host", "must name this server")
    return f"{scope['scheme']}://{host}"
