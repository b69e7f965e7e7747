"""Ids: well-formed, and in the order they were made even within a millisecond."""

from __future__ import annotations

import threading
import uuid

import pytest

from callfloor.foundation.ids import new_id, new_request_id


class TestNewId:
    def test_is_a_uuid_of_version_7(self) -> None:
        made = uuid.UUID(new_id())

        assert (made.version, made.variant) == (7, uuid.RFC_4122)

    def test_ids_of_one_process_sort_in_the_order_they_were_made(self) -> None:
        """Audit rows of one request once came back in random order: they share a millisecond."""
        ids = [new_id() for _ in range(20_000)]

        assert ids == sorted(ids)
        assert len(set(ids)) == len(ids)

    def test_threads_never_make_the_same(self) -> None:
        made: list[str] = []

        def make() -> None:
            made.extend([new_id() for _ in range(5_000)])

        threads = [threading.Thread(target=make) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert len(set(made)) == 20_000

    @pytest.mark.parametrize("counter", ["7000", "77ff", "7fff"])
    def test_sorts_behind_one_of_another_process_whose_clock_is_ahead(self, counter: str) -> None:
        ahead = f"7fffffff-ffff-{counter}-bfff-ffffffffffff"
        behind = f"00000000-0000-{counter}-bfff-ffffffffffff"

        made = [ahead, new_id(after=ahead)]
        made.append(new_id(after=made[-1]))

        assert made == sorted(made)
        assert len(set(made)) == 3
        assert {(uuid.UUID(one).version, uuid.UUID(one).variant) for one in made} == {(7, uuid.RFC_4122)}
        earlier = new_id()
        assert earlier < new_id(after=behind) < ahead


class TestNewRequestId:
    def test_is_a_random_uuid(self) -> None:
        made = {new_request_id() for _ in range(1_000)}

        assert len(made) == 1_000
        assert {uuid.UUID(one).version for one in made} == {4}
        assert {uuid.UUID(one).variant for one in made} == {uuid.RFC_4122}
