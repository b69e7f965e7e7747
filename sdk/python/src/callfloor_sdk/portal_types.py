"""Types of the Portal API, for annotations."""

from callfloor_sdk.generated.portal_types import *  # noqa: F403  # its __all__ is written with it
