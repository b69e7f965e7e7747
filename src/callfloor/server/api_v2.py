"""The Callfloor API `/api/v2`: the domains' routers in one application, every failure a problem (RFC 9457).

Run as a program, this module prints the OpenAPI document.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec
from fastapi import Depends, FastAPI

from callfloor.access.api import router as session_router
from callfloor.access.audit_api import router as audit_router
from callfloor.conversations.api import router as conversations_router
from callfloor.conversations.changes_api import router as changes_router
from callfloor.conversations.editing_api import router as editing_router
from callfloor.conversations.erasures_api import router as erasures_router
from callfloor.conversations.holds_api import router as holds_router
from callfloor.conversations.imports.api import router as imports_router
from callfloor.conversations.reanalysis_api import router as reanalysis_router
from callfloor.conversations.redaction_api import router as redaction_router
from callfloor.conversations.retention_api import router as retention_router
from callfloor.conversations.search_api import router as search_router
from callfloor.conversations.search_pages import PATH as SEARCH_PATH
from callfloor.conversations.search_pages import PlainSearches
from callfloor.conversations_api.multipart import FIELD_BYTES
from callfloor.conversations_api.tus_api import router as tus_router
from callfloor.conversations_api.tus_edge import spoken
from callfloor.conversations_api.tus_writing import Uploads
from callfloor.conversations_api.upload_api import router as upload_router
from callfloor.devices.agent.api import router as agent_router
from callfloor.devices.agent.authorize_api import router as agent_sign_in_router
from callfloor.devices.api import router as devices_router
from callfloor.devices.authorization_api import router as authorization_router
from callfloor.foundation.web import answer_problems
from callfloor.ingest.api import PATH as EVENTS_PATH
from callfloor.ingest.api import Events
from callfloor.live.api import router as live_router
from callfloor.live.watching import open_hub
from callfloor.server.api_bounds import BODY_LIMIT, Bounds, known_parameters_only
from callfloor.server.api_v2_document import described
from callfloor.server.webhook_catalog import router as webhook_events_router
from callfloor.teams.acceptance_api import router as acceptance_router
from callfloor.teams.billing_api import router as billing_router
from callfloor.teams.invitations_api import router as invitations_router
from callfloor.teams.key_api import router as key_router
from callfloor.teams.people_api import router as people_router
from callfloor.teams.seat_api import router as seat_router
from callfloor.teams.seat_assignments_api import router as seat_assignments_router
from callfloor.teams.team_api import router as team_router
from callfloor.usage.api import router as usage_router
from callfloor.usage.reclaim.api import router as reclaim_router
from callfloor.webhooks.api import router as webhooks_router

if TYPE_CHECKING:
    from callfloor.foundation.services import Services
    from callfloor.server.asgi import Application, Receive, Scope, Send

ROOT = "/api/v2"
ROUTERS = (
    session_router,
    agent_router,
    agent_sign_in_router,
    billing_router,
    seat_router,
    reclaim_router,
    seat_assignments_router,
    team_router,
    devices_router,
    live_router,
    authorization_router,
    people_router,
    invitations_router,
    acceptance_router,
    key_router,
    audit_router,
    usage_router,
    changes_router,
    conversations_router,
    editing_router,
    reanalysis_router,
    retention_router,
    holds_router,
    erasures_router,
    redaction_router,
    search_router,
    imports_router,
    upload_router,
    tus_router,
    webhooks_router,
    webhook_events_router,
)


class _Described(FastAPI):
    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            self.openapi_schema = described(self)
        return self.openapi_schema


def create_app(services: Services) -> Application:
    """Return the application; it sees paths with `/api/v2` in front."""
    app = routed()
    app.state.services = services
    app.state.live = open_hub(services.db, limit=services.settings.live.streams)
    services.stopping.on_announcement(app.state.live.close)
    app.state.uploads = Uploads(services)
    ahead = {SEARCH_PATH: PlainSearches(services.db, app)}
    bounded = Bounds(app, large=_large_bodies(services), ahead=ahead)
    return _beside(spoken(bounded), {EVENTS_PATH: Events(services)})


def _large_bodies(services: Services) -> dict[tuple[str, str], int]:
    """Return how many bytes a body may have where it is more than usual, by method and path."""
    upload_bytes = services.settings.upload.max_bytes + FIELD_BYTES + BODY_LIMIT
    return {
        ("POST", f"{ROOT}/imports"): services.settings.imports.max_table_bytes + BODY_LIMIT,
        ("POST", f"{ROOT}/calls"): upload_bytes,
        ("POST", f"{ROOT}/meetings"): upload_bytes,
        ("POST", f"{ROOT}/uploads"): upload_bytes,
        ("PATCH", f"{ROOT}/uploads/{{upload_id}}"): upload_bytes,
    }


def _beside(app: Application, raw: Mapping[str, Application]) -> Application:
    """Return the application with routes beside it that are too hot for a framework."""

    async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
        await raw.get(scope["path"], app)(scope, receive, send)

    return dispatch


def routed() -> FastAPI:
    """Return the routes, without services to answer from."""
    app = _Described(
        title="Callfloor API",
        version="2",
        openapi_url=f"{ROOT}/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        dependencies=[Depends(known_parameters_only)],
    )
    answer_problems(app)
    for router in ROUTERS:
        app.include_router(router, prefix=ROOT)
    return app


def as_json() -> bytes:
    """Return the OpenAPI document as it is checked in."""
    return msgspec.json.format(msgspec.json.encode(routed().openapi()), indent=2) + b"\n"


if __name__ == "__main__":
    sys.stdout.buffer.write(as_json())
