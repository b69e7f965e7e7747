"""Make the sample calls again from their scripts: `python samples/make.py [--only NAME]`."""

import argparse
import json
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import telephone
from opus import write_opus
from script import Line, Party, Script, read_script
from telephone import RATE_HZ, Samples
from timeline import Placed, clean_channels, place_turns, speech_of
from voices import SAMPLE_RATE_HZ, STYLES_PACKAGE, Speaker, VoicesMissing

HERE = Path(__file__).resolve().parent
KEPT = HERE / ".voices"
CHANNELS = {"agent": 0, "customer": 1}
# What Opus decodes to; the signal itself is the telephone's 8 kHz.
DECODED_RATE_HZ = 48_000
LICENCE = "Apache-2.0: script and recording are of this project; the voices are synthetic, see samples/README.md"
CROWD_VOICES = ("am_adam", "af_kore", "bm_lewis", "af_river", "am_eric", "bf_lily")
CROWD_WORDS = (
    "We could walk down to the market, if the rain stops before noon. Nobody told me that the train leaves from the "
    "other side. I bought two of them last week, and the blue one is already broken. Wait for me at the corner."
)


def main() -> int:
    """Make the calls that were asked for and bring the manifest up to date."""
    asked = _arguments()
    try:
        speaker = Speaker(asked.styles, KEPT / "sentences")
        for path in _scripts(asked.only):
            entry = make_call(read_script(path), speaker)
            update_manifest(entry)
            sys.stdout.write(f"{entry['file']}: {entry['duration_s']:.1f} s\n")
    except VoicesMissing as missing:
        sys.stderr.write(f"{missing}\n")
        return 1
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Make the sample calls again from their scripts.")
    parser.add_argument("--only", action="append", metavar="NAME", help="name of a script, no ending; repeatable")
    parser.add_argument("--styles", type=Path, default=KEPT / STYLES_PACKAGE, help="the packed package of the voices")
    return parser.parse_args()


def _scripts(only: list[str] | None) -> list[Path]:
    if only:
        return [HERE / "scripts" / f"{name}.toml" for name in only]
    return sorted((HERE / "scripts").glob("*.toml"))


def make_call(script: Script, speaker: Speaker) -> dict[str, Any]:
    """Write one call's recording and return its entry of the manifest."""
    # Seeded by the name: a new script does not change the other calls.
    chance = np.random.default_rng(zlib.crc32(script.name.encode()))
    placed = place_turns(script, speaker, chance)
    clean = clean_channels(placed, chance)
    heard = _through_the_line(script.line, clean, speaker, chance)
    write_opus(HERE / f"{script.name}.opus", heard)
    return _entry(script, placed, clean)


def _through_the_line(
    line: Line, clean: dict[str, Samples], speaker: Speaker, chance: np.random.Generator
) -> tuple[Samples, Samples]:
    agent, customer = clean["agent"].copy(), clean["customer"].copy()
    if line.noise_snr_db is not None:
        customer += _street(customer, line.noise_snr_db, speaker, chance)
    heard = (agent.copy(), customer.copy())
    if line.side_tone_db is not None:
        heard[0][:] += telephone.leak(customer, level_db=line.side_tone_db)
        heard[1][:] += telephone.leak(agent, level_db=line.side_tone_db)
    hiss = [telephone.hiss(len(agent), level_dbfs=telephone.HISS_DBFS, chance=chance) for _ in heard]
    return telephone.companded(heard[0] + hiss[0]), telephone.companded(heard[1] + hiss[1])


def _street(customer: Samples, snr_db: float, speaker: Speaker, chance: np.random.Generator) -> Samples:
    """Return street noise so far under the customer's active speech."""
    crowd = [
        telephone.narrow(clip, rate_hz=SAMPLE_RATE_HZ)
        for voice in CROWD_VOICES
        for clip in speaker.sentences(CROWD_WORDS, voice=voice, speed=1.0)
    ]
    active_dbfs = telephone.active_level_dbfs(customer)
    return telephone.street(crowd * 3, len(customer), level_dbfs=active_dbfs - snr_db, chance=chance)


def _entry(script: Script, placed: list[Placed], clean: dict[str, Samples]) -> dict[str, Any]:
    return {
        "file": f"{script.name}.opus",
        "title": script.title,
        "topic": script.topic,
        "direction": script.direction,
        "caller": script.caller,
        "callee": script.callee,
        "agent": _person(script.agent),
        "customer": _person(script.customer),
        "language": script.language,
        "duration_s": round(len(clean["agent"]) / RATE_HZ, 3),
        "rate": DECODED_RATE_HZ,
        "channels": 2,
        "codec": "opus",
        "kind": "scripted call, synthetic voices",
        "speakers": 2,
        "channel_roles": {str(channel): role for role, channel in CHANNELS.items()},
        "side_tone_db": script.line.side_tone_db,
        "noise_snr_db": script.line.noise_snr_db,
        "licence": LICENCE,
        "segments": [_segment(one, clean[one.turn.role]) for one in placed],
    }


def _person(party: Party) -> dict[str, str | None]:
    return {"name": party.name, "email": party.email, "company": party.company, "voice": party.voice}


def _segment(one: Placed, channel: Samples) -> dict[str, Any]:
    return {
        "speaker": one.turn.role,
        "channel": CHANNELS[one.turn.role],
        "start": round(one.start / RATE_HZ, 3),
        "end": round(one.end / RATE_HZ, 3),
        "text": one.turn.text,
        "speech": speech_of(one, channel),
    }


def update_manifest(entry: dict[str, Any]) -> None:
    """Put one call's entry into the manifest, in place of the one of the same file; calls without a script leave it."""
    path = HERE / "manifest.json"
    known = json.loads(path.read_text(encoding="utf-8"))["files"] if path.exists() else []
    scripted = {f"{script.stem}.opus" for script in _scripts(None)}
    kept = [other for other in known if other["file"] in scripted - {entry["file"]}]
    files = sorted([*kept, entry], key=lambda one: str(one["file"]))
    path.write_text(json.dumps({"licence_note": LICENCE, "files": files}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
