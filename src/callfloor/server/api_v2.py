"""The Callfloor API `/api/v2`: the domains' routers in one application, every failure a problem (RFC 9457)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI

from callfloor.access.api import router as session_router
from callfloor.devices.agent.api import router as agent_router
from callfloor.devices.api import router as devices_router
from callfloor.foundation.web import answer_problems

if TYPE_CHECKING:
    from callfloor.foundation.services import Services

ROOT = "/api/v2"
ROUTERS = (session_router, agent_router, devices_router)


def create_app(services: Services) -> FastAPI:
    """Return the application; it sees paths with `/api/v2` in front."""
    app = FastAPI(
        title="Callfloor API",
        version="2",
        openapi_url=f"{ROOT}/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.services = services
    answer_problems(app)
    for router in ROUTERS:
        app.include_router(router, prefix=ROOT)
    return app
