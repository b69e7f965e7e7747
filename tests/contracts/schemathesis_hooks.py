"""What the contract tester is told beyond the documents; loaded by Schemathesis itself, in its own process."""

from __future__ import annotations

import json
import os
import re
from http import HTTPStatus
from typing import Any

import schemathesis
from schemathesis import Case, CheckContext, Response
from schemathesis.generation.meta import CoveragePhaseData, CoverageScenario

from callfloor.conversations_api.spelling import underscored
from callfloor.conversations_api.wire import Upload
from callfloor.foundation import clock
from callfloor.foundation.fields import ID_LIMIT

OWN_KEYS = set(os.environ["OWN_KEYS"].split(","))
KEY = os.environ["KEY"]
DEVICES = {"log_out_device": os.environ["LEAVING_DEVICE"]}
DEVICE = os.environ["DEVICE"]
"""What the tester signs in by, and what the devices do whose parts it plays: one stays when another logs out."""
KNOWN: dict[str, dict[str, Any]] = {
    "log_in_device": {"team_secret": os.environ["TEAM_SECRET"]},
    "sign_in": {"email": os.environ["EMAIL"], "password": os.environ["PASSWORD"], "team_id": None},
}
"""What nobody guesses, by operation."""

REFUSED_THOUGH_WELL_FORMED = {
    *("body_too_large", "idempotency_key_reused", "search_query_invalid"),
    *("unsupported_media_type", "upload_too_large", "checksum_mismatch"),
    *("import_location_unknown", "table_unreadable"),
    *("invalid_grant", "authorization_pending", "slow_down", "expired_token", "access_denied"),  # RFC 8628
}
"""What is said of a request that is as its schema wants it, with 400, 413 or 422."""
BEYOND_A_SCHEMA = {
    "after": ("must be the next of an earlier answer, unchanged",),
    "channels": (r"['\"].*['\"] must be agent, customer, or the name or email of a participant$",),
    "conversation_id": ("give one of", "there is no such conversation"),
    "conversation_ids": ("give one of", "there is no conversation"),
    "cursor": (
        "must be a next_cursor of an earlier answer, unchanged",
        "is not one of this list",
        "belongs to another",
    ),
    "page": ("cannot be combined with cursor",),
    "from": ("must not be", "must be at most", "must be in a year from"),
    "group_id": ("must be a whole number: it is the id of a",),
    "networks": ("must be addresses or networks such as",),
    "number": ("give one of", "must be a telephone number"),
    "participants": ("there is no participant",),
    "encoding": ("must be an encoding such as",),
    "date": ("must be an ISO 8601 date",),  # of a day that the calendar has
    "mapping": (  # JSON in a text, and what it says is another matter with each format
        *("must be JSON$", "Expected [a-z| ]+, got ", "Object contains unknown field", "goes with the format mapped"),
        *("must say which column is (date|recording)$", "must be text, without halves", "delimiter: must be one"),
        "'.*' is no field of a call; there are date,",
    ),
    "muted_intervals": (r"number \d+: must end after it starts",),
    "q": (r".+ \(at character \d+\)$",),
    "table": ("goes with the formats", "Expected UploadFile"),
    "timezone": ("must be a name of the time zone database",),
    "tells_person": ("must be false: the seats of a device team are machines",),
    "time_zone": ("goes with totals of the whole team", "must be a name of the time zone database"),
    "to": ("must not be before", "must be in a year from"),
    "transcript": (
        *(r"line \d+: ", r"number \d+: ends before it starts"),
        *(r"must be JSON \(", "expected `[a-z]+`", "object missing required field"),  # in text that begins as a list
    ),
    **dict.fromkeys(("url", "recording_url"), ("leads to ", "must be an address such as https://host/path")),
    **dict.fromkeys(("start_date", "end_date", "updated_since"), ("must be an ISO 8601 date",)),
    "Upload-Metadata": (  # Base64: no schema looks into it
        *("[A-Za-z_]+: must be UTF-8 text in Base64$", "[A-Za-z_]+: may be given once$"),
        "kind: must be call or meeting$",
    ),
    "Upload-Length": ("is required",),  # without it in the document: clients without it are told which version this is
    "Upload-Offset": ("is required",),
    "Idempotency-Key": ("this Idempotency-Key was used with another request",),
}
"""Rules that no schema can tell, by field: what each message begins with, as a regular expression."""
JSON_IN_A_FORM = frozenset(("channels", "muted_intervals", "participants"))
"""Fields that are JSON in the text of a form: no schema looks into it."""
FIELDS_OF_AN_UPLOAD = frozenset(map(underscored, Upload))
OF_JSON = (r"must be JSON \(", "expected `[a-z]+`", "object (missing required|contains unknown) field")


schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")


@schemathesis.hook
def before_call(_context: Any, case: Case[Any], _kwargs: dict[str, Any]) -> None:
    """Let the tester sign in as a device where only devices may, keep its own keys, and wait for nothing."""
    if "device" in str(case.operation.definition.raw.get("security")) and case.headers.get("Authorization") == KEY:
        case.headers["Authorization"] = DEVICES.get(operation_of(case), DEVICE)
    if is_well_formed(case) and isinstance(case.body, dict):
        case.body.update(KNOWN.get(operation_of(case), {}))
    for name, value in case.path_parameters.items():
        is_own_key = case.method != "GET" and name == "key_id" and str(value) in OWN_KEYS
        if is_own_key or value is None:  # None: an answer that the tester follows had no id
            case.path_parameters[name] = ID_LIMIT
    if isinstance(case.query.get("wait"), int):
        case.query["wait"] = 0
    if operation_of(case) == "list_usage" and is_well_formed(case):
        case.query.update(dict.fromkeys(("from", "to"), clock.iso(clock.now())[:10]))  # it looks back four months
    if isinstance(case.body, dict | list):
        case.body = with_whole_numbers(case.body)


def with_whole_numbers(value: Any) -> Any:
    """Return 2 for 2.0 anywhere in it: to JSON Schema both are integers, to these APIs only the first is."""
    if isinstance(value, dict):
        return {name: with_whole_numbers(one) for name, one in value.items()}
    if isinstance(value, list):
        return [with_whole_numbers(one) for one in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


@schemathesis.hook
def filter_failure(_context: Any, failure: Any, case: Case[Any], response: Response) -> bool:
    """Return whether a failure counts: not the refusal of what is well formed and against a rule beyond the schema.

    Nor is a malformed event taken with the others: the answer names it.
    """
    if failure.checks == ("negative_data_rejection",) and operation_of(case) == "send_events":
        return not response.json()["rejected"]
    if failure.checks != ("positive_data_acceptance",):
        return True
    problem = response.json()
    return not (problem["code"] in REFUSED_THOUGH_WELL_FORMED or is_beyond_a_schema(case, problem.get("errors", [])))


@schemathesis.check
def well_formed_is_no_validation_error(_context: CheckContext, response: Response, case: Case[Any]) -> None:
    """Hold both dialects to their documents, as `positive_data_acceptance` cannot where every refusal is 400."""
    if response.status_code != HTTPStatus.BAD_REQUEST or not is_well_formed(case) or is_of_no_route(case):
        return
    answer = response.json()
    errors = errors_of(case, answer)
    if errors is not None and not is_beyond_a_schema(case, errors):
        raise AssertionError(f"well formed, and refused: {json.dumps(answer)}")


@schemathesis.check
def what_is_no_route_is_not_found(_context: CheckContext, response: Response, case: Case[Any]) -> None:
    """Hold the Portal API to its contract for methods that a path does not have."""
    if is_portal(case) and is_of_no_route(case):
        answer = response.json()
        assert (response.status_code, answer["code"], answer["error_code"]) == (400, 1015, "NOT_FOUND"), answer


@schemathesis.check
class EveryOperationIsReached:
    """Fails when an operation never let the tester in, or a list never answered: then a run is nothing but refusals."""

    def __init__(self) -> None:
        self._asked: set[str] = set()
        self._reached: set[str] = set()

    def after_response(self, _context: CheckContext, response: Response, case: Case[Any]) -> None:
        """Note what was asked, and what was reached."""
        security = case.operation.definition.raw.get("security", [{"key": []}])
        if is_of_no_route(case) or "session" in security[0]:
            return  # a session is of a person, and the tester has a key
        self._asked.add(case.operation.label)
        is_list = case.method == "GET" and "{" not in case.path
        # A team of one type is refused what only the other has.
        if response.status_code == 200 or "NOT_PERMITTED" in response.text or not (is_list or is_refused(response)):
            self._reached.add(case.operation.label)

    def after_run(self, _context: CheckContext) -> None:
        """Compare both."""
        never = sorted(self._asked - self._reached)
        assert not never, f"never reached: {never}"


def is_refused(response: Response) -> bool:
    """Return whether the tester was not let in."""
    return response.status_code == HTTPStatus.UNAUTHORIZED


def operation_of(case: Case[Any]) -> str:
    """Return the operation's name."""
    return str(case.operation.definition.raw["operationId"])


def is_well_formed(case: Case[Any]) -> bool:
    """Return whether the case is as its schema wants it."""
    return case.meta is not None and case.meta.generation.mode.is_positive


def is_portal(case: Case[Any]) -> bool:
    """Return whether the case is of the Portal API."""
    return case.path.startswith("/api/v1/")


def is_conversations(case: Case[Any]) -> bool:
    """Return whether the case is of the Conversations API."""
    return case.path.startswith(("/calls", "/meetings"))


def errors_of(case: Case[Any], answer: dict[str, Any]) -> list[dict[str, str]] | None:
    """Return what a dialect says of each field, None where it says nothing of them."""
    if is_portal(case):
        return answer["errors"] if answer["code"] == 1016 else None
    if not is_conversations(case):
        return None
    parts = [message.partition(": ") for message in answer["message"]]
    return [{"field": underscored(field), "message": message} for field, _, message in parts]


def is_of_no_route(case: Case[Any]) -> bool:
    """Return whether the case tries a method that its path does not have."""
    data = None if case.meta is None else case.meta.phase.data
    return isinstance(data, CoveragePhaseData) and data.scenario is CoverageScenario.UNSPECIFIED_HTTP_METHOD


def is_beyond_a_schema(case: Case[Any], errors: list[dict[str, str]]) -> bool:
    """Return whether every error is of a rule that no schema can tell."""
    return bool(errors) and all(is_beyond(case, one["field"].partition("[")[0], one["message"]) for one in errors)


def is_beyond(case: Case[Any], field: str, message: str) -> bool:
    """Return whether no schema can tell this of the field."""
    rules = BEYOND_A_SCHEMA.get(field, ())
    if operation_of(case) == "create_upload" and field in FIELDS_OF_AN_UPLOAD:
        return True  # it came in the Base64 of a header
    if field in JSON_IN_A_FORM and str(case.media_type).startswith("multipart/"):
        rules += OF_JSON
    return any(re.match(rule, message) for rule in rules)
