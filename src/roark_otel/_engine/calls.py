"""Puts the calls that were assembled into the spool, and hands them to the courier."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from typing_extensions import assert_never

from roark_otel._engine.earlier_parts import Parts, sendable
from roark_otel._engine.first_calls import FirstCalls
from roark_otel._engine.headers import header_of, resting
from roark_otel._engine.late_words import LateWords
from roark_otel._engine.notices import NO_RECORDING_SOURCE, WAITS_FOR_RECORDING, notify
from roark_otel._engine.written import NOTHING_SAVED, Saving, Written
from roark_otel._linking.link import NotLinkable, Recorded, Unrecorded, late_fields
from roark_otel._linking.wire_json import plain
from roark_otel._model.steps import no_pause
from roark_otel._safety.guard import log_once, logger
from roark_otel._safety.log_ids import log_id
from roark_otel._spool.body import MAX_APPENDED, appendable, divided
from roark_otel._spool.claims import NoRoom, Replaced, Saved, TooLate
from roark_otel._spool.names import Stage, late_name

if TYPE_CHECKING:
    from roark_otel._delivery.courier import Courier
    from roark_otel._linking.defaults import Defaults
    from roark_otel._linking.link import Linked
    from roark_otel._model.finished import FinishedConversation
    from roark_otel._model.stats import Tally
    from roark_otel._model.steps import Pause
    from roark_otel._open.group import Made
    from roark_otel._privacy.redaction import Redaction
    from roark_otel._spool.file import Header
    from roark_otel._spool.spool import Spool

SPARE_SECONDS = 1.0
"""How much longer a call waits than it rests: a span that came in the last moment is taken within a second."""

MAX_UNSENT = 1_024
"""The most conversations without a call that are remembered, so that each is counted once."""


@dataclass(frozen=True, slots=True)
class CallRules:
    """How calls wait in the spool. Times are in seconds.

    `hold_seconds`: how long a call that goes on is held back in the spool, in case this process dies in the meantime;
    `recording_delay_seconds`: how long after its end the template's URL of a call becomes valid;
    `recording_wait_seconds`: how long after its end a call waits for a recording;
    `max_calls`: the most calls that are remembered for what comes late;
    `has_recording_source`: whether a call may get its recording other than from its spans and attachments;
    `has_resolver`: whether a resolver of the app is asked for it.
    """

    hold_seconds: float
    recording_delay_seconds: float = 0.0
    recording_wait_seconds: float = 0.0
    max_calls: int = 10_000
    has_recording_source: bool = True
    has_resolver: bool = False


class Calls:
    """Spools calls. One thread owns it.

    Args:
        spool: Where calls wait.
        courier: What sends them.
        tally: What counts them.
        defaults: What a call has where its spans do not set it.
        redaction: What of a call may be sent.
        rules: How calls wait.
        pause: Called after every few entries, so that other threads may run.
    """

    def __init__(
        self,
        spool: Spool,
        courier: Courier,
        tally: Tally,
        defaults: Defaults,
        redaction: Redaction,
        rules: CallRules,
        pause: Pause = no_pause,
    ) -> None:
        self._spool = spool
        self._courier = courier
        self._tally = tally
        self._defaults = defaults
        self._redaction = redaction
        self._rules = rules
        self._pause = pause
        self._unsent: OrderedDict[str, None] = OrderedDict()
        self._parts = Parts(spool.open_calls)
        self._late_words = LateWords(spool, tally)
        self._lost: set[str] = set()
        self._finished: OrderedDict[str, None] = OrderedDict()
        self._saved: list[tuple[str, Stage, float]] = []
        self._first = FirstCalls(rules.max_calls)
        self._has_warned_of_recordings = rules.has_recording_source

    def written(self, conversation: FinishedConversation, linked: Linked) -> Written | NotLinkable:
        """Writes the call of a conversation, as it goes into the spool."""
        match linked:
            case NotLinkable():
                return linked
            case Recorded():
                stage, delay = Stage.READY, self._rules.recording_delay_seconds if linked.is_by_template else 0.0
            case Unrecorded():
                stage, delay = Stage.WAITING, 0.0
            case _:
                assert_never(linked)
        wait, has_resolver = self._rules.recording_wait_seconds, self._rules.has_resolver
        header = header_of(conversation, linked.turns, linked.tools, wait, has_resolver=has_resolver)
        valid_at = conversation.ended_ns / 1e9 + delay if delay else 0.0
        return Written(self._name(conversation), header, linked.to_json(self._pause), stage, valid_at, linked.problems)

    def _name(self, conversation: FinishedConversation) -> str:
        return self._spool.name_of(conversation.external_id, conversation.file_span_id)

    def put(self, call: Written, rest: float) -> bool:
        """Puts a call into the spool, to be sent after `rest` seconds.

        Returns:
            Whether it waits beyond that: for its recording, or until the template's URL is valid.
        """
        rest += SPARE_SECONDS if rest > 0 else 0.0
        external_id, until = call.header.external_id, call.valid_at - time.time()
        for field in call.problems:
            message = "%s of call %s is not valid and is ignored"
            log_once(logging.WARNING, (field,), message, field, log_id(external_id))
        rest = max(rest, until)
        header = resting(call.header, rest)
        if not self._first.take(external_id, call.name):
            self._tally.add("duplicates")
            notify("duplicates", external_id, "")
            self._spool.put_aside(call.name, header, call.body, "duplicate_id")
            return False
        body, parts = self._joined(call)
        if body is None:
            self._parts.drop(parts)
            self._leave_out(call.name, external_id, "withheld")
            return False
        self._put(call.name, header, body, call.stage, rest)
        self._parts.drop(parts)
        return call.stage is Stage.WAITING or until > 0

    def remember(self, external_id: str, name: str) -> None:
        """Notes that an id has this call, which an earlier process made."""
        self._first.take(external_id, name)

    def set_aside(self, call: Written, reason: str) -> None:
        """Keeps a call that is not to be sent, and counts it as rejected."""
        self._spool.put_aside(call.name, call.header, call.body, reason)
        self._tally.add("rejected", error_type=reason)

    def leave_out(self, made: Made, reason: str) -> None:
        """Takes back a call that rests in the spool, because none is to be sent, and counts the conversation once."""
        self._leave_out(self._spool.name_of(made.external_id, made.file_span_id), made.external_id, reason)

    def _leave_out(self, name: str, external_id: str, reason: str) -> None:
        self._spool.withdraw(name)
        if name not in self._unsent:
            self._tally.add(reason)
            notify(reason, external_id, "")
        self._unsent[name] = None
        if len(self._unsent) > MAX_UNSENT:
            self._unsent.popitem(last=False)

    # What goes on

    def save(self, call: Written) -> Saving:
        """Saves the call of a conversation that goes on."""
        if self._spool.open_calls is None or self._first.is_another(call.header.external_id, call.name):
            return NOTHING_SAVED
        body, parts = self._joined(call)
        if body is None:
            self._parts.drop(parts)
            self._spool.open_calls.drop(call.name)
            return NOTHING_SAVED
        header = resting(call.header, max(0.0, call.valid_at - time.time()))
        if not self._spool.open_calls.save(call.name, header, body):
            return Saving(is_whole=False, bytes=0)
        self._parts.drop(parts)
        return Saving(is_whole=True, bytes=len(body))

    def _joined(self, call: Written) -> tuple[bytes | None, tuple[str, ...]]:
        """Returns a call with what came before it, as far as that may be sent, and the files of what came before."""
        whole, parts = self._parts.joined(call.name, call.body)
        if whole is call.body:
            return whole, parts
        return sendable(call, whole, self._defaults, self._redaction, self._pause), parts

    def forget(self, name: str) -> None:
        """Lets go of what came before a conversation that is over: the next one of its id begins without."""
        self._parts.forget(name)

    def drop(self, name: str) -> None:
        """Removes a call that was saved while its conversation went on, unless memory too has no room for it."""
        if self._spool.open_calls is not None and name not in self._lost:
            self._spool.open_calls.drop(name)

    def hold_back(self, call: Written) -> bool:
        """Keeps a call from being sent, because its conversation goes on after it had ended.

        Returns:
            Whether it waits for its recording.
        """
        body, parts = self._joined(call)
        if body is not None and self._spool.reopen(call.name, call.header, body):
            self._parts.drop(parts)
            return call.stage is Stage.WAITING
        return self.put(call, self._rules.hold_seconds)

    def _put(self, name: str, header: Header, body: bytes, stage: Stage, rest: float) -> None:
        put = self._spool.put(name, header, body, stage)
        match put:
            case Saved():
                self._count_finished(name)
                if stage is Stage.WAITING:
                    self._report_wait(header.external_id)
            case Replaced(_, stage):
                pass  # a recording that was attached to the earlier version stays
            case TooLate():
                self._late_words.keep(name, header, body)
                return
            case NoRoom():
                self._tally.add("lost", error_type="no_room")
                self._lost.add(name)
                return
            case _:
                assert_never(put)
        self._saved.append((name, stage, rest))

    def _count_finished(self, name: str) -> None:
        """Counts a conversation once, also if it goes on after it had ended."""
        if name not in self._finished:
            self._tally.add("finished")
        self._finished[name] = None
        if len(self._finished) > self._rules.max_calls:
            self._finished.popitem(last=False)

    def _report_wait(self, external_id: str) -> None:
        logger.info(WAITS_FOR_RECORDING, log_id(external_id))
        if not self._has_warned_of_recordings:
            self._has_warned_of_recordings = True
            logger.warning(NO_RECORDING_SOURCE)

    def hand_on(self) -> None:
        """Hands the calls that are safe on disk now to the courier."""
        saved, self._saved = self._saved, []
        for name, stage, rest in saved:
            if stage is Stage.WAITING:
                self._courier.await_recording(name)
            else:
                self._courier.offer(name, rest)

    def add_late(self, conversation: FinishedConversation, again: Linked | None = None) -> bool:
        """Merges what came late into the call while it waits; later, tool uses are appended to the call at Roark.

        Args:
            conversation: What came late, alone.
            again: What the call is with it, if all of its rows could be read again.

        Returns:
            Whether the call waits, so that more may come into it.
        """
        late, name = late_fields(conversation, self._defaults, self._redaction, self._pause), self._name(conversation)
        if not self._first.is_it(conversation.external_id, name):
            return False
        if isinstance(again, NotLinkable) and self._spool.withdraw(name):
            self._leave_out(name, conversation.external_id, again.reason)
            return False
        whole = None if again is None or isinstance(again, NotLinkable) else plain(again.body, self._pause)
        if not late and whole is None:
            return True
        late = self._parts.in_its_time(name, late, conversation.started_ns)
        if (merged := self._spool.merge(name, late, whole)) is not None:
            self._saved.append((name, merged.stage, max(0.0, merged.header.not_before - time.time())))
            return True
        tools, rest = divided(late)
        self._late_words.keep_fields(name, header_of(conversation, 0, 0), rest, self._pause)
        call_id = self._spool.call_id(name)
        for number, body in enumerate(appendable(tools)):
            count = min(MAX_APPENDED, len(tools) - number * MAX_APPENDED)
            header = replace(header_of(conversation, 0, count), call_id=call_id)
            put = self._spool.put(late_name(name, time.time_ns()), header, body, Stage.LATE)
            if isinstance(put, Saved):
                self._saved.append((put.name, Stage.LATE, 0.0))
        return False
