"""The assembler: the thread that owns all conversations, and turns those that are finished into calls in the spool."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from typing_extensions import assert_never

from roark_otel.guard import guarded, logger, say
from roark_otel.inbox import Request
from roark_otel.naming import named
from roark_otel.outputs import Finished, Forgotten, Noticed, Output, Reopened
from roark_otel.redaction import Redaction
from roark_otel.sound import sound
from roark_otel.spool import NoRoom, Replaced, Saved, TooLate
from roark_otel.spoolfile import Header, Stage, call_name
from roark_otel.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable

    from roark_otel.conversations import Conversations
    from roark_otel.courier import Courier
    from roark_otel.defaults import Defaults
    from roark_otel.finished import FinishedConversation
    from roark_otel.hiding import Hiding
    from roark_otel.inbox import Inbox
    from roark_otel.records import Entry
    from roark_otel.spool import Spool
    from roark_otel.stats import Tally

POLL_SECONDS = 0.05
"""How often the inbox is looked into while a conversation is open."""

IDLE_SECONDS = 5.0
"""The same while none is; then the first entry ends the wait."""

YIELD_EVERY = 64
"""After so many entries the thread lets others run."""

MAX_UNSENT = 1_024
"""So many conversations that make no call are remembered, to count each of them once."""

NOTICES: dict[str, str] = {
    "no_id": "a voice conversation ended without an id and makes no call: set the attribute roark.external_id on its "
    "root span, or start it inside roark_otel.call_attributes(external_id=…)",
    "second_roots": "a second conversation under the resource's roark.external_id makes no call: one process has many "
    "conversations, so set the id on each one's root span and not on the resource",
    "unattributed": "words in a trace that shows several ids or none, below no span that has one, make no call: set "
    "roark.external_id on the root span of the conversation",
    "fragments": "spans whose id only baggage tells make no call here: the process that set the id makes it, without "
    "them. A gateway that joins the spans of several processes is planned",
    "late_spans": "a span came after its call was finished and is not part of it; ROARK_LINGER_SECONDS is how long a "
    "call waits for late spans",
    "bad_ids": "an external id is not text of 1 to 255 characters and is ignored",
}
"""What a person is told, once an interval, of the notices that something can be done about."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where an assembler takes from and gives to."""

    inbox: Inbox
    spool: Spool
    courier: Courier
    tally: Tally
    forget_trace: Callable[[int], None]


class Assembler:
    """Assembles calls on a thread of its own.

    Args:
        conversations: The state machine.
        defaults: What holds where spans do not say.
        places: Where it takes from and gives to.
        hold_seconds: How long a call that goes on is held back in the spool, should this process die meanwhile.
        redaction: What of a call may be sent.
        hiding: Hides all words as they are taken in; None where content is captured.
    """

    def __init__(
        self,
        conversations: Conversations,
        defaults: Defaults,
        places: Places,
        hold_seconds: float,
        redaction: Redaction | None = None,
        hiding: Hiding | None = None,
    ) -> None:
        self._conversations = conversations
        self._defaults = defaults
        self._redaction = redaction or Redaction()
        self._hiding = hiding
        self._unsent: OrderedDict[str, None] = OrderedDict()
        self._to = places
        self._hold_seconds = hold_seconds
        self._worker = Worker("roark-otel-assembler", self._work, self._is_busy)

    @property
    def open_conversations(self) -> int:
        """How many conversations are not closed."""
        return len(self._conversations)

    def start(self) -> None:
        """Starts the thread unless it runs."""
        self._worker.start()

    def retire(self) -> None:
        """Lets the thread end when nothing is open; `start` brings it back."""
        self._worker.retire()
        self._to.inbox.hurry()

    def ask(self, deadline: float, close_idle: float | None = None) -> bool:
        """Has every conversation whose root has ended finished, and its call put into the spool.

        Args:
            deadline: Until when to wait, monotonic.
            close_idle: Also close, as incomplete, those idle for so many seconds.

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
        if len(self._conversations):
            self._to.inbox.pause(POLL_SECONDS)
        else:
            self._to.inbox.wait(IDLE_SECONDS)

    def _is_busy(self) -> bool:
        return bool(len(self._conversations) or len(self._to.inbox))

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
        told = sound(entry, time.time_ns())
        if self._hiding is not None:
            told = self._hiding.entry(told)
        self._conversations.take(told, time.monotonic())

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
        for output in self._conversations.outputs():
            self._deal_with(output)

    @guarded(None)
    def _deal_with(self, output: Output) -> None:
        match output:
            case Finished(conversation, rest):
                self._spool_call(conversation, rest)
            case Reopened(conversation):
                self._spool_call(conversation, self._hold_seconds)
            case Forgotten(trace_id):
                self._to.forget_trace(trace_id)
            case Noticed(kind, external_id, detail):
                self._to.tally.add(kind)
                if kind in NOTICES:
                    say(
                        logging.WARNING,
                        (kind,),
                        f"roark_otel: {NOTICES[kind]} (external_id=%s, span=%s)",
                        named(external_id),
                        detail,
                    )
            case _:
                assert_never(output)

    def _spool_call(self, conversation: FinishedConversation, rest: float) -> None:
        from roark_otel.linking import NotLinkable, Recorded, Unrecorded, link

        linked = link(conversation, self._defaults, self._redaction)
        match linked:
            case NotLinkable(reason):
                self._leave_out(call_name(conversation.external_id, conversation.file_span_id), reason)
                return
            case Recorded(call, problems):
                stage = Stage.READY
            case Unrecorded(call, problems):
                stage = Stage.WAITING
            case _:
                assert_never(linked)
        for field in problems:
            say(
                logging.WARNING,
                (field,),
                "roark_otel: %s of call %s is not valid and is left out",
                field,
                named(call.external_id),
            )
        now = time.time()
        header = Header(
            external_id=call.external_id,
            trace_id=f"{conversation.trace_id:032x}",
            finished_at=now,
            not_before=now + rest if rest else 0.0,
            turns=len(call.transcript or ()),
            tools=len(call.tool_invocations or ()),
        )
        self._put(call_name(call.external_id, conversation.file_span_id), header, call.to_json(), stage, rest)

    def _leave_out(self, name: str, reason: str) -> None:
        """No call is sent: one that rests in the spool is taken back, and the conversation is counted once."""
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
                    logger.info(
                        "roark_otel: call external_id=%s waits in the spool for its recording: set the attribute "
                        "roark.recording_url on a span of it, or ROARK_RECORDING_URL_TEMPLATE",
                        named(header.external_id),
                    )
            case Replaced():
                pass
            case TooLate():
                self._to.tally.add("late_spans")
                tell("late_spans", header.external_id, "")
                return
            case NoRoom():
                self._to.tally.add("lost")
                return
            case _:
                assert_never(put)
        if stage is Stage.READY:
            self._to.courier.offer(name, rest)


def tell(kind: str, external_id: str | None, span_name: str) -> None:
    """Warns of something that can be cured, once an interval for each kind."""
    say(
        logging.WARNING,
        (kind,),
        f"roark_otel: {NOTICES[kind]} (external_id=%s, span=%s)",
        named(external_id),
        span_name,
    )
