"""Writing of a call as Opus in Ogg."""

from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from telephone import RATE_HZ, Samples

# In its speech mode Opus keeps the channels over 60 dB apart at this rate; its music mode mixes them below 32 kbit/s.
BIT_RATE = 28_000


def write_opus(path: Path, channels: tuple[Samples, Samples]) -> None:
    """Write two channels of 8 kHz, range -1..1, as one stereo file; the same channels give the same bytes."""
    pcm = np.clip(np.stack(channels), -1.0, 1.0) * 32_767
    # Without the flag the container takes a random serial number and names the encoder's version.
    with av.open(str(path), "w", format="ogg", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("libopus", rate=RATE_HZ, options={"application": "voip", "vbr": "on"})
        stream.layout = "stereo"
        stream.bit_rate = BIT_RATE
        frame = av.AudioFrame.from_ndarray(_interleaved(pcm), format="s16", layout="stereo")
        frame.sample_rate = RATE_HZ
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)


def _interleaved(pcm: npt.NDArray[np.float32]) -> npt.NDArray[np.int16]:
    return np.ascontiguousarray(pcm.round().astype(np.int16).T.reshape(1, -1))
