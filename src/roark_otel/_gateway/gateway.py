"""A gateway: its parts, wired to each other."""

from __future__ import annotations

import sqlite3
import time
from functools import partial
from typing import TYPE_CHECKING, Final

from roark_otel._engine.pace import Pace
from roark_otel._engine.parts import build, make_calls, make_client, make_rules
from roark_otel._engine.plan import Plan
from roark_otel._gateway.clock import AcceptingClock, passing_time
from roark_otel._gateway.closed_calls import ClosedCalls
from roark_otel._gateway.closer import Closer
from roark_otel._gateway.door import Door, Room
from roark_otel._gateway.keeper import Keeper
from roark_otel._gateway.open_groups import OpenGroups
from roark_otel._gateway.reading_groups import GroupReader
from roark_otel._gateway.recordings_in import RecordingsIn
from roark_otel._gateway.relevance import RequestRelevance
from roark_otel._gateway.state import GatewayState
from roark_otel._gateway.store import SpanStore
from roark_otel._gateway.trace_group import GroupWaits
from roark_otel._gateway.traffic import Traffic
from roark_otel._model.hooks import Hooks
from roark_otel._model.vocabulary import Vocabulary
from roark_otel._open.rows_in import RowsIn
from roark_otel._privacy.redaction import Redaction
from roark_otel._safety.guard import logger
from roark_otel._safety.log_ids import hash_ids
from roark_otel._spool.id_hash import ids_of
from roark_otel.dialects import DIALECTS

if TYPE_CHECKING:
    from pydantic import SecretStr

    from roark_otel._engine.calls import Calls
    from roark_otel._gateway.plan import GatewayOptions
    from roark_otel._settings.settings import Settings

ROOM_SHARE: Final = 2
"""HTTP and gRPC each have their part of the room for requests."""


class Gateway:
    """Everything behind the servers.

    Args:
        options: How it is set up.
        settings: The settings of the package.
        key: The key for Roark.

    Raises:
        OSError: if the store cannot be made.
        sqlite3.Error: if it cannot be opened.
        NewerStoreError: if a newer version has written it.
    """

    def __init__(self, options: GatewayOptions, settings: Settings, key: SecretStr) -> None:
        if settings.log_external_id == "hash":
            hash_ids(ids_of(settings.spool_dir).of)
        plan = Plan.of(settings, key, DIALECTS, Hooks())
        self._parts = parts = build(plan, partial(make_client, plan))
        self._stores = SpanStore(options.store), SpanStore(options.store)
        store = self._stores[0]
        vocabulary = Vocabulary(DIALECTS, settings.external_id_keys, auto_ids=settings.auto_external_id)
        relevance = RequestRelevance(vocabulary)
        closed = ClosedCalls(settings.max_conversations)
        waits = GroupWaits(
            options.settle_seconds,
            max(settings.quiet_seconds, options.settle_seconds),
            settings.idle_timeout_seconds,
            settings.max_conversations,
            options.max_store_bytes,
        )
        groups = OpenGroups(waits, auto_ids=settings.auto_external_id, was_closed=closed.__contains__)
        self._clock = AcceptingClock(options.retry_seconds, store.accepted(), passing_time())
        redaction = Redaction(plan.patterns)
        pace = Pace()
        rules = make_rules(plan, redaction, vocabulary, parts.tally, pace)
        calls = make_calls(plan, redaction, parts.spool, parts.courier, parts.tally, pace)
        self._keeper = keeper = Keeper(
            store, groups, closed, self._clock, vocabulary, relevance, lambda due: self._closer.read(due)
        )
        reader = GroupReader(rules, RowsIn(vocabulary), calls, self._stores[1].call, closed.ids_of)
        self._closer = Closer(self._stores[1], reader, calls, parts.spool, parts.tally, keeper.put)
        self.rooms = Room(), Room()
        """How much HTTP, and gRPC, may receive at once."""
        traffics = Traffic(), Traffic()
        self.doors = Door(keeper, relevance, traffics[0]), Door(keeper, relevance, traffics[1])
        """Where requests come in by HTTP, and by gRPC."""
        self.traffic = traffics[0]
        """Counts what comes by HTTP."""
        self.recordings = RecordingsIn(settings.spool_dir, parts.courier)
        self.state = GatewayState(
            keeper, groups, self._clock, parts.spool, parts.courier, parts.tally, self.doors[0], traffics
        )
        self._load(store, groups, closed, calls)

    def _load(self, store: SpanStore, groups: OpenGroups, closed: ClosedCalls, calls: Calls) -> None:
        """Goes on where an earlier process was."""
        now = store.accepted()
        for one in store.calls():
            if one.closed is not None:
                closed.add(one, one.closed)
                if one.name:
                    calls.remember(one.external_id, one.name)
        for arrival, arrived in store.arrivals():
            groups.take((arrival,), min(arrived, now))
        if len(groups):
            logger.info("%d conversations, or what may become one, go on from an earlier gateway", len(groups))

    def start(self) -> None:
        """Starts the threads, and delivers what earlier processes left in the spool."""
        self._parts.courier.start_with_backlog()
        self._keeper.worker.start()
        self._closer.worker.start()

    def shut(self) -> None:
        """Refuses what comes from now on: senders send to whatever comes after this process."""
        for door in self.doors:
            door.is_shut = True

    def stop(self, seconds: float) -> None:
        """Stores what was received, and sends what is finished, at most for these seconds. The rest stays on disk."""
        deadline = time.monotonic() + seconds
        self.shut()
        self._closer.stop(seconds / 2)
        self._keeper.stop(max(1.0, deadline - time.monotonic()))
        self._parts.courier.flush(deadline)
        self._parts.courier.retire()
        for store in self._stores:
            try:
                store.close()
            except sqlite3.Error as fault:
                logger.warning("the store of the gateway cannot be closed (%s); nothing of it is lost", fault)
