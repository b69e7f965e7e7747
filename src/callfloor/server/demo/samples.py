"""The sample calls that come with the source: their recordings and who speaks in them."""

from __future__ import annotations

from pathlib import Path

import msgspec

FOLDER = Path(__file__).parents[4] / "samples"


class SamplesMissing(Exception):
    """The sample calls are part of the source tree, not of the installed package."""


class _Person(msgspec.Struct):
    name: str
    email: str


class Sample(msgspec.Struct):
    """One recorded call and what the telephone system would say of it."""

    file: str
    title: str
    direction: str
    caller: str
    callee: str
    agent: _Person
    customer: _Person
    language: str
    duration_s: float

    @property
    def path(self) -> Path:
        """Return the recording's file."""
        return FOLDER / self.file

    @property
    def external_id(self) -> str:
        """Return the id under which the demo uploads it: a second upload is the same call."""
        return f"demo-{Path(self.file).stem}"

    @property
    def agent_name(self) -> str:
        """Return the agent's full name."""
        return self.agent.name

    @property
    def agent_email(self) -> str:
        """Return the agent's address."""
        return self.agent.email

    @property
    def agent_domain(self) -> str:
        """Return the domain of the agent's address: one of the team's own."""
        return self.agent.email.rpartition("@")[2]


class _Manifest(msgspec.Struct):
    files: list[Sample]


def samples() -> list[Sample]:
    """Return the sample calls, the shortest first, so that the first results come soon.

    Raises:
        SamplesMissing: this is no source tree.
    """
    manifest = FOLDER / "manifest.json"
    if not manifest.exists():
        raise SamplesMissing("the demo needs the sample calls of the source tree (folder samples/)")
    found = msgspec.json.decode(manifest.read_bytes(), type=_Manifest).files
    return sorted(found, key=lambda sample: sample.duration_s)
