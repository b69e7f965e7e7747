"""Types of the Callfloor API, for annotations."""

from callfloor_sdk.generated.callfloor_types import *  # noqa: F403  # its __all__ is written with it
