"""Sound without a microphone: how loud it is says which words it is made of."""

from __future__ import annotations

import struct
from statistics import median

MICROPHONE_RATE, LOUDSPEAKER_RATE = 16_000, 24_000
SECONDS_A_CHARACTER = 0.03
"""How slowly the agent speaks."""

_AGENT = 500
_CUSTOMER = 1000
_STEP = 10
"""How much louder each text is than the one before: a service may change the rate, and so the sound, of it."""

_words: list[str] = []


def loudness_of(text: str) -> int:
    """How loudly the customer says this, and nothing else."""
    _words.append(text)
    return _CUSTOMER + _STEP * (len(_words) - 1)


def tone(seconds: float, rate: int, loudness: int = _AGENT) -> bytes:
    """So much sound, without pauses."""
    return struct.pack("<h", loudness) * int(rate * seconds)


def loudness(audio: bytes) -> int:
    """How loud sound is at its beginning; 0 is silence."""
    return int(struct.unpack_from("<h", audio)[0]) if len(audio) > 1 else 0


def is_customers(audio: bytes) -> bool:
    """Whether the customer can be heard there."""
    return any(_loud(audio))


def words_in(audio: bytes) -> str:
    """What the customer says there, nothing if there is only silence."""
    loud = _loud(audio)
    return _words[round((median(loud) - _CUSTOMER) / _STEP)] if loud else ""


def _loud(audio: bytes) -> list[int]:
    samples = struct.unpack(f"<{len(audio) // 2}h", audio[: len(audio) // 2 * 2])
    return [sample for sample in samples if sample > _CUSTOMER - _STEP]


def spoken_seconds(text: str) -> float:
    """How long the agent takes to say this."""
    return max(0.3, len(text) * SECONDS_A_CHARACTER)
