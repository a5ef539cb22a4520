"""The assembler: the thread that owns all conversations, and turns finished ones into calls in the spool."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

from typing_extensions import assert_never

from roark_otel._capture.inbox import Request
from roark_otel._conversation.cleaning import sound
from roark_otel._conversation.outputs import Finished, Forgotten, Late, Noticed, Output, Reopened
from roark_otel._engine.notices import NO_RECORDING_SOURCE, WAITS_FOR_RECORDING, notify
from roark_otel._privacy.redaction import Redaction
from roark_otel._safety.guard import guarded, log_once, logger
from roark_otel._safety.late_imports import importing
from roark_otel._safety.log_ids import log_id
from roark_otel._safety.worker import Worker
from roark_otel._spool.body import MAX_APPENDED, appendable
from roark_otel._spool.claims import NoRoom, Replaced, Saved, TooLate
from roark_otel._spool.file import Header
from roark_otel._spool.names import Stage, call_name, late_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from roark_otel._capture.inbox import Inbox
    from roark_otel._conversation.machine import Conversations
    from roark_otel._delivery.courier import Courier
    from roark_otel._linking.defaults import Defaults
    from roark_otel._linking.link import Recorded, Unrecorded
    from roark_otel._model.call import UnrecordedCall
    from roark_otel._model.finished import FinishedConversation
    from roark_otel._model.spans import Entry
    from roark_otel._model.stats import Tally
    from roark_otel._privacy.masking import Masking
    from roark_otel._spool.spool import Spool

POLL_SECONDS = 0.05
"""How often the thread looks into the inbox while a conversation is open."""

IDLE_SECONDS = 5.0
"""The same while none is open; an entry ends that wait."""

YIELD_EVERY = 64
"""The number of entries after which the thread lets others run."""

REMEMBERED_SECONDS = 3_600.0
"""How long the id of a call is remembered, so that a second one of it is a duplicate."""

MAX_UNSENT = 1_024
"""The most conversations without a call that are remembered, so that each is counted once."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where an assembler takes from and gives to."""

    inbox: Inbox
    spool: Spool
    courier: Courier
    tally: Tally
    forget_trace: Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of an assembler. Times are in seconds.

    `hold_seconds`: how long a call that goes on is held back in the spool, in case this process dies in the meantime;
    `recording_delay_seconds`: how long after its end the template's URL of a call becomes valid;
    `recording_wait_seconds`: how long after its end a call waits for a recording;
    `max_calls`: the most calls that are remembered for what comes late;
    `has_recording_source`: whether a call may get its recording other than from its spans and attachments.
    """

    hold_seconds: float
    recording_delay_seconds: float = 0.0
    recording_wait_seconds: float = 0.0
    max_calls: int = 10_000
    has_recording_source: bool = True


class Assembler:
    """Assembles calls on a thread of its own.

    Args:
        conversations: The state machine.
        defaults: What a call has where its spans do not set it.
        places: Where it takes from and gives to.
        rules: Its rules.
        redaction: What of a call may be sent.
        masking: Masks content as entries are taken in; None where content is captured.
    """

    def __init__(
        self,
        conversations: Conversations,
        defaults: Defaults,
        places: Places,
        rules: Rules,
        redaction: Redaction | None = None,
        masking: Masking | None = None,
    ) -> None:
        self._conversations = conversations
        self._defaults = defaults
        self._redaction = redaction or Redaction()
        self._masking = masking
        self._unsent: OrderedDict[str, None] = OrderedDict()
        self._to = places
        self._rules = rules
        self._has_warned_of_recordings = rules.has_recording_source
        self._calls: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._saved: list[tuple[str, Stage, float]] = []
        self._worker = Worker("roark-otel-assembler", self._work, self._is_busy)

    @property
    def open_conversations(self) -> int:
        """The number of conversations that are not closed."""
        return len(self._conversations)

    def start(self) -> None:
        """Starts the thread unless it is running."""
        self._worker.start()

    def retire(self) -> None:
        """Lets the thread end when nothing is open. `start` brings it back."""
        self._worker.retire()
        self._to.inbox.hurry()

    def stop(self) -> None:
        """Ends the thread, whatever is open."""
        self._worker.stop(self._to.inbox.hurry)

    def ask(self, deadline: float, close_idle: float | None = None) -> bool:
        """Finishes every conversation whose root has ended, and puts its call into the spool.

        Args:
            deadline: Until when to wait, in monotonic seconds.
            close_idle: Also close, as incomplete, those that have been idle for this many seconds.

        Returns:
            Whether it was done in time.
        """
        request = Request(threading.Event(), close_idle)
        self._to.inbox.append(request)
        if not self._worker.start():
            self._round()
            return True
        self._to.inbox.hurry()
        return request.done.wait(max(0.0, deadline - time.monotonic()))

    # On the assembler's thread

    def _work(self) -> None:
        self._round()
        if self._conversations.is_idle:
            self._to.inbox.wait(IDLE_SECONDS)
        else:
            self._to.inbox.pause(POLL_SECONDS)

    def _is_busy(self) -> bool:
        return bool(not self._conversations.is_idle or len(self._to.inbox))

    @guarded(None)
    def _round(self) -> None:
        taken = 0
        while (entry := self._to.inbox.pop()) is not None:
            if isinstance(entry, Request):
                self._answer(entry)
                continue
            self._take(entry)
            taken += 1
            if taken % YIELD_EVERY == 0:
                self._deal()
                time.sleep(0)
        self._conversations.expire(time.monotonic())
        self._deal()

    @guarded(None)
    def _take(self, entry: Entry) -> None:
        entry = sound(entry, time.time_ns())
        if self._masking is not None:
            entry = self._masking.entry(entry)
        self._conversations.take(entry, time.monotonic())

    def _answer(self, request: Request) -> None:
        try:
            now = time.monotonic()
            if request.close_idle is None:
                self._conversations.flush(now)
            else:
                self._conversations.close_idle(now, request.close_idle)
            self._deal()
        finally:
            request.done.set()

    def _deal(self) -> None:
        outputs = iter(self._conversations.outputs())
        while some := list(islice(outputs, YIELD_EVERY)):
            with self._to.spool.together():
                for output in some:
                    self._deal_with(output)
            self._hand_on()

    @guarded(None)
    def _deal_with(self, output: Output) -> None:
        match output:
            case Finished(conversation, rest):
                self._spool_call(conversation, rest)
            case Reopened(conversation):
                self._spool_call(conversation, self._rules.hold_seconds)
            case Late(conversation):
                self._add_late(conversation)
            case Forgotten(trace_id):
                self._to.forget_trace(trace_id)
            case Noticed(kind, external_id, detail):
                self._to.tally.add(kind)
                notify(kind, external_id, detail)
            case _:
                assert_never(output)

    def _spool_call(self, conversation: FinishedConversation, rest: float) -> None:
        with importing():
            from roark_otel._linking.link import Recorded, Unrecorded

        linked = self._linked(conversation)
        match linked:
            case None:
                return
            case Recorded(call, _, is_by_template):
                stage = Stage.READY
                if is_by_template and self._rules.recording_delay_seconds:
                    rest = max(rest, conversation.ended_ns / 1e9 + self._rules.recording_delay_seconds - time.time())
            case Unrecorded(call):
                stage = Stage.WAITING
            case _:
                assert_never(linked)
        name, header, body = _name(conversation), _header(conversation, call, rest), call.to_json()
        header = replace(header, recording_wait=self._rules.recording_wait_seconds)
        if self._is_duplicate(conversation.external_id, name):
            self._to.tally.add("duplicates")
            notify("duplicates", conversation.external_id, "")
            self._to.spool.put_aside(name, header, body, "duplicate_id")
        else:
            self._put(name, header, body, stage, rest)

    def _is_duplicate(self, external_id: str, name: str) -> bool:
        """Returns whether another root has made a call of the id: the first one makes it."""
        now = time.monotonic()
        first, at = self._calls.pop(external_id, (name, now))
        if first != name and now - at < REMEMBERED_SECONDS:
            self._calls[external_id] = first, at
            return True
        self._calls[external_id] = name, now
        if len(self._calls) > self._rules.max_calls:
            self._calls.popitem(last=False)
        return False

    def _linked(self, conversation: FinishedConversation) -> Recorded | Unrecorded | None:
        # pydantic's models take a while to build: on this thread that delays no span.
        with importing():
            from roark_otel._linking.link import NotLinkable, link

        linked = link(conversation, self._defaults, self._redaction)
        if isinstance(linked, NotLinkable):
            self._leave_out(_name(conversation), linked.reason)
            return None
        for field in linked.problems:
            message = "%s of call %s is not valid and is ignored"
            log_once(logging.WARNING, (field,), message, field, log_id(conversation.external_id))
        return linked

    def _leave_out(self, name: str, reason: str) -> None:
        """Takes back a call that rests in the spool, because none is to be sent, and counts the conversation once."""
        self._to.spool.withdraw(name)
        if name not in self._unsent:
            self._to.tally.add(reason)
        self._unsent[name] = None
        if len(self._unsent) > MAX_UNSENT:
            self._unsent.popitem(last=False)

    def _put(self, name: str, header: Header, body: bytes, stage: Stage, rest: float) -> None:
        put = self._to.spool.put(name, header, body, stage)
        match put:
            case Saved():
                self._to.tally.add("finished")
                if stage is Stage.WAITING:
                    self._report_wait(header.external_id)
            case Replaced(_, stage):
                pass  # a recording that was attached to the earlier version stays
            case TooLate():
                self._drop_late(header.external_id)
                return
            case NoRoom():
                self._to.tally.add("lost", error_type="no_room")
                return
            case _:
                assert_never(put)
        self._saved.append((name, stage, rest))

    def _report_wait(self, external_id: str) -> None:
        logger.info(WAITS_FOR_RECORDING, log_id(external_id))
        if not self._has_warned_of_recordings:
            self._has_warned_of_recordings = True
            logger.warning(NO_RECORDING_SOURCE)

    def _hand_on(self) -> None:
        """Hands the calls that are safe on disk now to the courier."""
        saved, self._saved = self._saved, []
        for name, stage, rest in saved:
            if stage is Stage.WAITING:
                self._to.courier.await_recording(name)
            else:
                self._to.courier.offer(name, rest)

    def _add_late(self, conversation: FinishedConversation) -> None:
        """Merges what came late into the call while it waits; later, tool uses are appended to the call at Roark."""
        with importing():
            from roark_otel._linking.link import late_fields

        late, name = late_fields(conversation, self._defaults, self._redaction), _name(conversation)
        if not late or self._calls.get(conversation.external_id, ("", 0.0))[0] != name:
            return
        if (merged := self._to.spool.merge(name, late)) is not None:
            self._saved.append((name, merged.stage, max(0.0, merged.header.not_before - time.time())))
            return
        if late.keys() - {"toolInvocations"}:
            self._drop_late(conversation.external_id)
        call_id = self._to.spool.call_id(name)
        for number, body in enumerate(appendable(late)):
            tools = min(MAX_APPENDED, len(late["toolInvocations"]) - number * MAX_APPENDED)
            header = replace(_header(conversation, None, 0.0), tools=tools, call_id=call_id)
            put = self._to.spool.put(late_name(name, time.time_ns()), header, body, Stage.LATE)
            if isinstance(put, Saved):
                self._saved.append((put.name, Stage.LATE, 0.0))

    def _drop_late(self, external_id: str) -> None:
        self._to.tally.add("late_dropped")
        notify("late_dropped", external_id, "")


def _name(conversation: FinishedConversation) -> str:
    return call_name(conversation.external_id, conversation.file_span_id)


def _header(conversation: FinishedConversation, call: UnrecordedCall | None, rest: float) -> Header:
    now = time.time()
    return Header(
        external_id=conversation.external_id,
        trace_id=f"{conversation.trace_id:032x}",
        finished_at=now,
        not_before=now + rest if rest > 0 else 0.0,
        turns=len(call.transcript or ()) if call else 0,
        tools=len(call.tool_invocations or ()) if call else 0,
        started_at=conversation.started_ns / 1e9,
    )
