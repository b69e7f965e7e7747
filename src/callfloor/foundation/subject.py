"""What a group of settings is made of."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


def setting(default: object, about: str, expects: str, **limits: Any) -> Any:
    """Return a field with its line in the reference (`about`) and what a wrong value is told (`expects`)."""
    return Field(default, description=about, json_schema_extra={"expects": expects}, validate_default=False, **limits)


class Subject(BaseModel):
    """A group of settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")
