"""The checked-in OpenAPI document: current, valid, and telling of every route."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from openapi_spec_validator import OpenAPIV31SpecValidator, validate

from callfloor.portal_api import openapi
from callfloor.portal_api.app import routes
from tests.contracts.portal_client import ERRORS

CHECKED_IN = Path(__file__).parents[2] / "docs" / "api" / "portal.json"


def test_the_checked_in_document_is_current() -> None:
    run = subprocess.run([sys.executable, "-m", "callfloor.portal_api.openapi"], capture_output=True, check=True)

    assert CHECKED_IN.read_bytes() == run.stdout, "python -m callfloor.portal_api.openapi > docs/api/portal.json"


def test_it_is_openapi() -> None:
    validate(json.loads(CHECKED_IN.read_bytes()), cls=OpenAPIV31SpecValidator)


def test_it_tells_of_every_route() -> None:
    document = json.loads(CHECKED_IN.read_bytes())
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}

    assert described == set(routes()) == set(openapi.OPERATIONS)


def test_it_names_every_error_of_the_contract() -> None:
    document = json.loads(CHECKED_IN.read_bytes())

    assert set(document["components"]["schemas"]["Failure"]["properties"]["error_code"]["enum"]) == set(ERRORS)
