"""Sights for tests: a headset that works, and hypothesis's strategies of everything else."""

from __future__ import annotations

from hypothesis import strategies as st

from callfloor_agent.sight import Device, Side, Sight

HEADSET = Side(Device("Headset"))


def seen(*, in_call: bool = False, **changes: object) -> Sight:
    """Return a desktop app with a working headset."""
    values: dict[str, object] = {"in_call": in_call, "mic": HEADSET, "speaker": HEADSET, **changes}
    return Sight("desktop", **values)  # type: ignore[arg-type]  # the names are the tests' own


devices = st.builds(Device, st.none() | st.text(max_size=300), st.booleans(), st.booleans())
sides = st.builds(Side, st.none() | devices, st.booleans(), st.booleans())
sights = st.builds(
    Sight,
    st.just("desktop"),
    st.none() | st.booleans(),
    st.none() | st.integers(-(10**6), 2 * 10**6),
    st.none() | sides,
    st.none() | sides,
    st.none() | st.text(max_size=300),
    st.tuples() | st.tuples(st.text(max_size=300)),
    st.none() | st.booleans(),
)
