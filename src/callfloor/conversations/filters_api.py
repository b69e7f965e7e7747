"""Filters that lists and the search have in common, as their document tells of them."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Query

from callfloor.foundation.fields import Moment

AskedScope = Annotated[
    Literal["external", "internal", "all"], Query(description="Whether somebody from outside the team took part.")
]
BeganFrom = Annotated[Moment | None, Query(alias="from", description="Began then or later.")]
BeganTo = Annotated[Moment | None, Query(description="Began then or earlier.")]
CustomerDomain = Annotated[
    str | None,
    Query(
        min_length=1,
        max_length=253,
        pattern=r"^[^\x00]*$",
        description="An external participant has this e-mail domain.",
    ),
]
