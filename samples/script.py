"""The scripts of the sample calls, read from TOML into typed records."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROLES = ("agent", "customer")


@dataclass(frozen=True)
class Party:
    """One side of a call; `speed` is the rate of speech, 1.0 as the voice was trained."""

    role: str
    name: str
    email: str
    company: str | None
    voice: str
    speed: float


@dataclass(frozen=True)
class Line:
    """What the telephone line adds; a level that is None adds nothing."""

    side_tone_db: float | None
    noise_snr_db: float | None


@dataclass(frozen=True)
class Turn:
    """One turn.

    `gap` is the pause before it in seconds (negative starts inside the turn before it, None leaves it to the seed);
    `over` makes it a back-channel that starts at that share, 0..1, of the turn before it and leaves the clock alone.
    """

    role: str
    text: str
    gap: float | None
    over: float | None


@dataclass(frozen=True)
class Script:
    """One whole call as it was written."""

    name: str
    title: str
    topic: str
    language: str
    direction: str
    caller: str
    callee: str
    agent: Party
    customer: Party
    line: Line
    spoken: dict[str, str]
    turns: tuple[Turn, ...]

    def party(self, role: str) -> Party:
        """Return who plays that role."""
        return self.agent if role == "agent" else self.customer

    def spoken_form(self, text: str) -> str:
        """Return the text with the written forms that a voice would misread replaced."""
        for written, said in self.spoken.items():
            text = text.replace(written, said)
        return text


def read_script(path: Path) -> Script:
    """Read one script.

    Raises:
        KeyError: a field is missing.
        ValueError: a turn is not said by exactly one of the two parties, or the file is not TOML.
    """
    raw = tomllib.loads(path.read_text(encoding="utf-8"))
    return Script(
        name=path.stem,
        title=raw["title"],
        topic=raw["topic"],
        language=raw["language"],
        direction=raw["direction"],
        caller=raw["caller"],
        callee=raw["callee"],
        agent=_party("agent", raw["agent"]),
        customer=_party("customer", raw["customer"]),
        line=Line(raw["line"].get("side_tone_db"), raw["line"].get("noise_snr_db")),
        spoken=raw.get("say", {}),
        turns=tuple(_turn(entry) for entry in raw["turns"]),
    )


def _party(role: str, raw: dict[str, Any]) -> Party:
    return Party(role, raw["name"], raw["email"], raw.get("company"), raw["voice"], raw.get("speed", 1.0))


def _turn(raw: dict[str, Any]) -> Turn:
    roles = [role for role in ROLES if role in raw]
    if len(roles) != 1:
        raise ValueError(f"A turn is said by one of {ROLES}, got: {raw}")
    return Turn(roles[0], raw[roles[0]], raw.get("gap"), raw.get("over"))
