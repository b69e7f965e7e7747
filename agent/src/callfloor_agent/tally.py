"""A call that goes on: who uses the sound, since when, and for how long each feature worked; all in milliseconds."""

from __future__ import annotations

import msgspec

from callfloor_agent.clock import instant
from callfloor_agent.events import CallEvent, Features, fitting, new_event_id
from callfloor_agent.sight import Sight

CALL_MAX_MS = 24 * 3_600_000
"""The server takes no longer call; one that lasts is cut into two."""
GAP_MAX_MS = 60_000
"""Time between two looks that is still counted as the earlier look saw it; a machine that slept was in no call."""


class Tally(msgspec.Struct, frozen=True):
    """One call so far; instants are by the server's clock, the rest are milliseconds within it."""

    call_id: str
    app_name: str | None
    started_at: int
    revision: int = 1
    mic: int = 0
    speaker: int = 0
    mic_noise_cancellation: int = 0
    speaker_noise_cancellation: int = 0
    mic_accent_conversion: int = 0
    speaker_accent_conversion: int = 0

    def advanced(self, sight: Sight, elapsed_ms: int) -> Tally:
        """Return it with the time since the last look, as that look saw it."""
        counted = elapsed_ms if 0 < elapsed_ms <= GAP_MAX_MS else 0
        mic = sight.mic if counted and sight.mic is not None and sight.mic.is_usable else None
        speaker = sight.speaker if counted and sight.speaker is not None and sight.speaker.is_usable else None
        if sight.has_speaker_stream is False:
            speaker = None
        return msgspec.structs.replace(
            self,
            app_name=self.app_name or (sight.app_names[0] if sight.app_names else None),
            mic=self.mic + counted * (mic is not None),
            speaker=self.speaker + counted * (speaker is not None),
            mic_noise_cancellation=self.mic_noise_cancellation + counted * (mic is not None and mic.noise_cancellation),
            speaker_noise_cancellation=self.speaker_noise_cancellation
            + counted * (speaker is not None and speaker.noise_cancellation),
            mic_accent_conversion=self.mic_accent_conversion + counted * (mic is not None and mic.accent_conversion),
            speaker_accent_conversion=self.speaker_accent_conversion
            + counted * (speaker is not None and speaker.accent_conversion),
        )

    def shifted(self, by_ms: int) -> Tally:
        """Return it after a correction of the clock."""
        return msgspec.structs.replace(self, started_at=self.started_at + by_ms)

    def record(self, ended_at: int, *, at: int, app_name: str, language: str | None) -> CallEvent:
        """Return the record of the call that ended then; seconds are whole, and none exceeds the call.

        Args:
            ended_at: by the server's clock.
            at: when it is written, by the server's clock.
            app_name: for a call whose program is not known.
            language: a BCP 47 tag, where it is known.
        """
        ended_at = max(ended_at, self.started_at)
        length = ended_at - self.started_at

        def seconds(milliseconds: int) -> int:
            return min(milliseconds, length) // 1000

        return CallEvent(
            id=new_event_id(),
            at=instant(at),
            call_id=self.call_id,
            revision=self.revision,
            app_name=fitting(self.app_name or app_name),
            started_at=instant(self.started_at),
            ended_at=instant(ended_at),
            mic_seconds=seconds(self.mic),
            speaker_seconds=seconds(self.speaker),
            features=Features(
                mic_noise_cancellation=seconds(self.mic_noise_cancellation),
                speaker_noise_cancellation=seconds(self.speaker_noise_cancellation),
                mic_accent_conversion=seconds(self.mic_accent_conversion),
                speaker_accent_conversion=seconds(self.speaker_accent_conversion),
            ),
            language=language,
        )
