"""Inside or outside the team, and on which channel."""

from __future__ import annotations

import pytest

from callfloor.conversations.parties import DEFAULT_CHANNELS, Party, external_domains, is_external, placed

OURS = Party(email="dana@ours.example")
THEIRS = Party(email="sam@Customer.example")


def test_a_party_is_internal_by_what_is_said_else_by_its_domain() -> None:
    said = [OURS, THEIRS, Party(name="Somebody"), Party(email="x@ours.example", is_internal=False)]

    assert [p.is_internal for p in placed(said, {}, {"ours.example"})] == [True, False, False, False]


@pytest.mark.parametrize(
    ("parties", "is_it"),
    [
        ([], True),
        ([Party(is_internal=True)], False),
        ([Party(is_internal=True), Party(is_internal=False)], True),
    ],
)
def test_a_conversation_is_external_unless_all_are_internal(parties: list[Party], is_it: bool) -> None:  # noqa: FBT001  # an expectation
    assert is_external(parties) is is_it


def test_names_each_external_domain_once() -> None:
    people = placed([THEIRS, OURS, Party(email="kim@customer.EXAMPLE")], {}, {"ours.example"})

    assert external_domains(people) == ["customer.example"]


class TestChannels:
    def test_go_to_the_only_party_of_their_side(self) -> None:
        assert [p.channel for p in placed([THEIRS, OURS], DEFAULT_CHANNELS, {"ours.example"})] == [1, 0]

    def test_go_to_nobody_where_two_could_speak(self) -> None:
        people = placed([OURS, Party(email="ben@ours.example"), THEIRS], DEFAULT_CHANNELS, {"ours.example"})

        assert [p.channel for p in people] == [None, None, 1]

    def test_that_are_taken_stay(self) -> None:
        people = placed([Party(name="Ada", is_internal=True, channel=1), OURS], DEFAULT_CHANNELS, {"ours.example"})

        assert [p.channel for p in people] == [1, 0]
