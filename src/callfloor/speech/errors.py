"""What can be wrong with a recording or with a speech model, each with a stable code or a cure."""

from __future__ import annotations

from typing import Final

REASONS: Final = {
    "unreadable": "The file is not a recording that can be read.",
    "no_audio_stream": "The file holds no sound.",
    "too_many_channels": "The recording has more than two channels.",
    "too_long": "The recording is longer than allowed.",
    "too_short": "The recording holds less than half a second of sound.",
    "silent": "The recording is silent from beginning to end.",
    "decoder_limit": "The recording takes more memory or time to read than allowed.",
}


class AudioRejected(Exception):
    """The recording itself is at fault; trying again will not help.

    Attributes:
        code: one of the keys of ``REASONS``, stable.
        reason: one plain sentence for the person who uploaded it.
    """

    def __init__(self, code: str, reason: str | None = None) -> None:
        self.code = code
        self.reason = reason or REASONS[code]
        super().__init__(f"{code}: {self.reason}")


class SpeechUnavailable(Exception):
    """The machine lacks something that speech needs; the recording is not at fault."""


class DecoderFailed(SpeechUnavailable):
    """The decoding process broke without a word on the recording."""


class ModelMissing(SpeechUnavailable):
    """A speech model is not on this machine."""

    def __init__(self, name: str, cure: str) -> None:
        self.name = name
        self.cure = cure
        super().__init__(f"The speech model '{name}' is not installed. To install it: {cure}")


class ModelDamaged(SpeechUnavailable):
    """A speech model is on this machine, but is not what it should be."""

    def __init__(self, name: str, fault: str, cure: str) -> None:
        self.name = name
        self.cure = cure
        super().__init__(f"The speech model '{name}' is damaged ({fault}). To put it right: {cure}")


class DownloadFailed(SpeechUnavailable):
    """A speech model could not be brought to this machine."""
