"""Who took part: inside or outside the team, and on which channel."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence

AGENT = "agent"
CUSTOMER = "customer"
DEFAULT_CHANNELS: Mapping[int, str] = {0: AGENT, 1: CUSTOMER}
LABELS = {AGENT: "Agent", CUSTOMER: "Customer"}
"""Of a speaker who has no name."""


@dataclasses.dataclass(frozen=True, slots=True)
class Party:
    """A participant as the upload named it; `is_internal` and `channel` are None where it did not say."""

    name: str | None = None
    email: str | None = None
    is_internal: bool | None = None
    channel: int | None = None
    speak_share: float | None = None
    """Share of the speech, 0..1, where a transcript came with the upload."""

    @property
    def domain(self) -> str | None:
        """The e-mail address's domain, in lower case."""
        return self.email.rpartition("@")[2].lower() if self.email else None


def placed(parties: Sequence[Party], channels: Mapping[int, str], own_domains: Collection[str]) -> tuple[Party, ...]:
    """Return the parties with `is_internal` decided, and with their channel where that is certain.

    A party is internal if the upload says so, else if its e-mail domain is one of the team's own.
    The only internal party without a channel gets the agent's, the only external one the customer's.
    """
    decided = [
        dataclasses.replace(p, is_internal=p.domain in own_domains) if p.is_internal is None else p for p in parties
    ]
    taken = {p.channel for p in decided}
    for role, inside in ((AGENT, True), (CUSTOMER, False)):
        free = [number for number, party in channels.items() if party == role and number not in taken]
        waiting = [i for i, p in enumerate(decided) if p.is_internal is inside and p.channel is None]
        if len(free) == 1 and len(waiting) == 1:
            decided[waiting[0]] = dataclasses.replace(decided[waiting[0]], channel=free[0])
    return tuple(decided)


def label_of(name: str | None, email: str | None, *, is_internal: bool) -> str:
    """Return what a participant is called in the transcript."""
    return name or email or LABELS[AGENT if is_internal else CUSTOMER]


def permille(share: float | None) -> int | None:
    """Return a share of 0..1 in thousandths."""
    return None if share is None else round(share * 1000)


def is_external(parties: Sequence[Party]) -> bool:
    """Return whether somebody outside the team took part; without any known party: yes."""
    return not parties or not all(p.is_internal for p in parties)


def external_domains(parties: Sequence[Party]) -> list[str]:
    """Return the distinct e-mail domains of the external parties, in their order."""
    return list(dict.fromkeys(p.domain for p in parties if p.domain and not p.is_internal))
