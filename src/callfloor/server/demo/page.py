"""What the demo prints when it is ready: addresses, keys, and curl lines that work as they stand."""

from __future__ import annotations

import dataclasses
import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from callfloor.server.demo.team import DemoTeam, FloorTeam


@dataclasses.dataclass(frozen=True, slots=True)
class Facts:
    """What the lines are about."""

    url: str
    authority: Path
    team: DemoTeam
    free_seat_id: int
    call_id: str
    customer_domain: str
    upload: Path
    upload_id: str
    still_analyzing: int
    floor: FloorTeam | None
    """None without the program beside the headset, which simulates it."""
    floor_days: tuple[str, str]
    """The first and the last day of its calls."""


def page(facts: Facts) -> str:
    """Return the page; only its commands begin with ``curl``."""
    team = facts.team
    lines = [
        "",
        f"Callfloor is ready:     {facts.url}",
        f"API documentation:      {facts.url}/swagger",
        f"Certificate authority:  {facts.authority}",
        f"Portal key:             {team.portal_key} : {team.portal_secret}",
        f"Conversations key:      {team.api_key}",
        f"Client id:              {team.client_id}",
    ]
    if facts.floor is not None:
        lines.append(f"Simulated floor's key:  {facts.floor.portal_key} : {facts.floor.portal_secret}")
    lines.append("")
    if facts.still_analyzing:
        lines += [f"{facts.still_analyzing} sample calls are still being analyzed in the background.", ""]
    for title, command in _commands(facts):
        lines += [f"# {title}", command, ""]
    lines.append("Ctrl-C stops the server; the next start finds everything again.")
    return "\n".join(lines)


def _commands(facts: Facts) -> Iterator[tuple[str, str]]:
    seats = f"{facts.url}/api/v1/seats"
    calls = f"{facts.url}/calls"
    portal = ["-u", f"{facts.team.portal_key}:{facts.team.portal_secret}"]
    conversations = ["-H", f"api-key: {facts.team.api_key}", "-H", f"client-id: {facts.team.client_id}"]
    as_json = ["-H", "content-type: application/json"]

    def curl(*words: str) -> str:
        return shlex.join(["curl", "-sS", "--cacert", str(facts.authority), *words])

    yield "The team's seats, a page of three", curl(*portal, f"{seats}?perPage=3")
    yield "Who sits where", curl(*portal, f"{seats}?status=assigned&role=user")
    yield "Two more seats; the answer says what they cost", curl(*portal, *as_json, "-d", '{"count": 2}', seats)
    yield "One free seat less", curl(*portal, "-X", "DELETE", f"{seats}/{facts.free_seat_id}")
    yield "The analyzed calls, newest first", curl(*conversations, f"{calls}?pageSize=3")
    yield "Calls with one customer", curl(*conversations, f"{calls}?customerDomain={facts.customer_domain}")
    one = f"{calls}/{facts.call_id}?expand=meeting_transcript"
    yield "One call with every word and its time", curl(*conversations, one)
    form = ["-F", f"file=@{facts.upload}", "-F", f"externalCallId={facts.upload_id}", "-F", "direction=inbound"]
    yield "Upload a recording; it is transcribed in the background", curl(*conversations, *form, calls)
    if facts.floor is not None:
        analytics, (first, last) = f"{facts.url}/api/v1/analytics", facts.floor_days
        floor = ["-u", f"{facts.floor.portal_key}:{facts.floor.portal_secret}"]
        yield "What the machines of a simulated floor do now", curl(*floor, f"{analytics}/monitoring?perPage=12")
        period = f"from={first}&to={last}&cadence=weekly"
        yield (
            "What its calls add up to, by week and language",
            curl(*floor, f"{analytics}/usage?group_by=language&{period}"),
        )
    yield "The OpenAPI document", curl(f"{facts.url}/swagger-json")
