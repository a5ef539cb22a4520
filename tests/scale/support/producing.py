"""One producer's process: `python -m scale.support.producing ADDRESS TOPIC NUMBER SECONDS SEED NAME START PRODUCER`."""

from __future__ import annotations

import sys

from scale.support.fleet import produce
from scale.support.load import load

address, topic, number, seconds, seed, name, start, producer = sys.argv[1:]
begins = float(start)
found = load(int(number), float(seconds), seed=int(seed), name=name, start_ns=int(begins * 1e9))
produce(address, topic, [one for one in found.messages if one.producer == int(producer)], begins)
