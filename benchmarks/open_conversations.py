"""Measures what an open conversation keeps, and what many of them do to a full collection.

    python benchmarks/open_conversations.py [--json] [--quick]

The root of each of its 20 spans is open. All figures are over the bare SDK with the same roots open.
"""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

from contestants import BARE, BEFORE, NOW
from driving import Contest, contest, reasons, receiver
from report import BARE_US, Figure, Table, figure, main

if TYPE_CHECKING:
    from collections.abc import Sequence

ROUNDS = 3
CONVERSATIONS = 500
MANY = 10_000
COLLECTED = {BARE: 2, BEFORE: 1, NOW: 2}
"""How often the collection is measured: it takes a process of its own, in which all of them are opened."""

LIMITS_KB = {"plain": 9.0, "livekit": 5.0, "pipecat": 5.0}
"""The most that an open conversation may keep, in KB."""

LIMIT_OBJECTS = 2.0
"""The most objects of it that the collector may track."""

LIMIT_MS = 10.0
"""The most that a full collection with 10,000 open may take over the bare SDK."""

PEERS = {"plain": ("logfire",), "livekit": ("langsmith-livekit",), "pipecat": ("langsmith-pipecat",)}
"""The others that keep something of a trace while it is open."""

NAMES = {"plain": "plain", "livekit": "LiveKit", "pipecat": "Pipecat"}


def measure(quick: bool) -> Table:
    """Returns the figures of all shapes, and of the collection."""
    table = Table("An open conversation of 20 spans, over bare")
    conversations = 300 if quick else CONVERSATIONS
    with receiver() as port:
        for shape, limit in LIMITS_KB.items():
            names = (BARE, BEFORE, NOW, *PEERS[shape])
            rounds = [
                _fresh(table, names, port, "open", shape=shape, conversations=conversations)
                for _ in range(1 if quick else ROUNDS)
            ]
            for part, unit, most in (("kb", "KB", limit), ("objects", "objects", LIMIT_OBJECTS)):
                table.figures.extend(_over_bare(f"{unit} kept, {NAMES[shape]}", unit, part, most, rounds))
        table.figures.extend(_collection(table, port, quick))
    return table


def _collection(table: Table, port: int, quick: bool) -> list[Figure]:
    with contest((NOW,), port) as found:
        scale = BARE_US / statistics.median(found.children[NOW].ask("bare_us") for _ in range(5))
    rounds = []
    for number in range(1 if quick else max(COLLECTED.values())):
        names = [name for name, often in COLLECTED.items() if number < often and not (quick and name == BEFORE)]
        measured = _fresh(table, names, port, "collect", shape="plain", conversations=MANY, spans=20)
        rounds.append({name: {"ms": (one["after"] - one["before"]) * scale} for name, one in measured.items()})
    return _over_bare(f"a full collection with {MANY:,} open", "ms", "ms", LIMIT_MS, rounds)


def _fresh(table: Table, names: Sequence[str], port: int, task: str, **arguments: object) -> dict[str, Any]:
    """Has each contestant do this in a process of its own. Returns the results."""
    found: dict[str, Any] = {}
    for name in names:
        with contest((name,), port) as alone:
            for who, answers in alone.rounds(1, task, **arguments).items():
                found[who] = answers[0]
            _note(table, alone)
    return found


def _note(table: Table, alone: Contest) -> None:
    table.missing.update(reasons(alone))
    table.versions.update(alone.versions)


def _over_bare(what: str, unit: str, part: str, limit: float, rounds: list[dict[str, Any]]) -> list[Figure]:
    rows = []
    for name in rounds[0]:
        if name == BARE:
            continue
        one = figure(what, name, unit, [found[name][part] - found[BARE][part] for found in rounds if name in found])
        rows.append(one.at_most(limit) if name in (BEFORE, NOW) else one)
    return rows


if __name__ == "__main__":
    main(measure)
