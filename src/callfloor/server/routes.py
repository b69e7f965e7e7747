"""The whole URL map on one screen."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from callfloor import portal_api
from callfloor.server.asgi import Application
from callfloor.server.health import live, ready
from callfloor.server.later import Later
from callfloor.server.pages import read_only
from callfloor.server.static_pages import authorize_page, invitation_page
from callfloor.server.welcome import welcome

if TYPE_CHECKING:
    from callfloor.foundation.services import Services


def url_map(services: Services) -> dict[str, Application]:
    """Return which application answers what begins with a path of one or two segments."""
    conversations = Later(partial(_conversations_api, services))
    return {
        "/api/v1": portal_api.create_app(services),
        "/api/v2": Later(partial(_callfloor_api, services)),
        "/calls": conversations,
        "/meetings": conversations,
        "/recordings": conversations,
        "/swagger": conversations,
        "/swagger-json": conversations,
        "/invitations": invitation_page(),
        "/authorize": authorize_page(),
        "/": read_only("/", welcome(services.settings)),
        "/healthz": read_only("/healthz", live),
        "/readyz": read_only("/readyz", ready(services)),
    }


# Most of a start is FastAPI's: both are loaded beside the first requests.


def _conversations_api(services: Services) -> Application:
    from callfloor import conversations_api  # noqa: PLC0415  # as above

    return conversations_api.create_app(services)


def _callfloor_api(services: Services) -> Application:
    from callfloor.server import api_v2  # noqa: PLC0415  # as above

    return api_v2.create_app(services)
