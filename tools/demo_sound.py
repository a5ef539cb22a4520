"""Makes the sound of the demo's two calls: `python tools/demo_sound.py`, with espeak-ng and opusenc on the path.

Each entry of a transcript is spoken at the speed at which it takes as long as the entry, and starts where the entry
starts. The customer is on the left channel, the agent on the right. The same words and the same versions of both
programs give the same files.
"""

from __future__ import annotations

import array
import json
import subprocess
import sys
import tempfile
import wave
from pathlib import Path
from typing import Any, Final

TO: Final = Path(__file__).parent.parent / "src" / "roark_otel" / "sandbox" / "sound"
VOICES: Final = {"CUSTOMER": "en-us+m3", "AGENT": "en-gb+f2"}
SLOWEST, FASTEST = 80, 450  # words a minute, as espeak-ng counts them
SILENT: Final = 400  # the largest sample of what counts as silence
FADE_MS: Final = 8
RATE: Final = 22050  # of espeak-ng

# At most 8 kHz of band (OPUS_SET_MAX_BANDWIDTH, wide): with more, the same bytes mix the channels audibly.
OPUS: Final = (
    *("--quiet", "--bitrate", "26", "--comp", "10", "--framesize", "60", "--set-ctl-int", "4004=1103"),
    *("--serial", "1", "--discard-comments"),
)


def spoken(text: str, voice: str, speed: int) -> array.array[int]:
    """Speaks a text, without the silence before and after it."""
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        command = ["espeak-ng", "-v", voice, "-s", str(speed), "-g", "1", "-w", file.name, text]
        subprocess.run(command, check=True)  # noqa: S603 - words of the demo
        with wave.open(file.name) as reader:
            samples = array.array("h", reader.readframes(reader.getnframes()))
    loud = [index for index, sample in enumerate(samples) if abs(sample) > SILENT]
    return samples[loud[0] : loud[-1] + 1]


def fitted(text: str, voice: str, length: int, *, cut: bool) -> array.array[int]:
    """Speaks a text in so many samples. Words that were cut off are spoken on, as far as they are heard."""
    low, high = SLOWEST, FASTEST
    while low < high:
        speed = (low + high) // 2
        if len(spoken(text, voice, speed)) > length:
            low = speed + 1
        else:
            high = speed
    samples = spoken(text, voice, max(SLOWEST, low - 4) if cut else low)[:length]
    fade = min(RATE * FADE_MS // 1000, len(samples))
    for index in range(fade):
        samples[-1 - index] = samples[-1 - index] * index // fade
    return samples


def mixed(call: dict[str, Any]) -> array.array[int]:
    """Speaks a call, both channels in turn."""
    entries = call["transcript"]
    frames = (max(entry["endOffsetMs"] for entry in entries) + 400) * RATE // 1000
    sound = array.array("h", bytes(4 * frames))
    for entry in entries:
        first = entry["startOffsetMs"] * RATE // 1000
        length = entry["endOffsetMs"] * RATE // 1000 - first
        cut = (entry.get("payload") or {}).get("interrupted") is True
        channel = 0 if entry["role"] == "CUSTOMER" else 1
        for index, sample in enumerate(fitted(entry["text"], VOICES[entry["role"]], length, cut=cut)):
            sound[2 * (first + index) + channel] = sample
    return sound


def write(call: dict[str, Any]) -> None:
    """Writes the sound of a call as Opus."""
    target = TO / f"{call['externalId']}.opus"
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        with wave.open(file.name, "wb") as writer:
            writer.setnchannels(2)
            writer.setsampwidth(2)
            writer.setframerate(RATE)
            writer.writeframes(mixed(call).tobytes())
        subprocess.run(["opusenc", *OPUS, file.name, str(target)], check=True)  # noqa: S603, S607
    print(f"{target.name}: {target.stat().st_size} bytes")


def main() -> None:
    """Writes the sound of the calls that the demo makes now."""
    TO.mkdir(exist_ok=True)
    demo = [sys.executable, "-m", "roark_otel.cli", "demo", "--json"]
    for call in json.loads(subprocess.run(demo, check=True, capture_output=True).stdout):  # noqa: S603
        write(call)


if __name__ == "__main__":
    main()
