"""Numbers given after the commit: a reader that follows them misses no row."""

from callfloor.foundation.sequence.numbering import (
    Numbered,
    Sequencer,
    last_number,
    number_batch,
    number_waiting,
    numbered,
    prepare,
)

__all__ = ["Numbered", "Sequencer", "last_number", "number_batch", "number_waiting", "numbered", "prepare"]
