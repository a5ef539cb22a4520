"""Plays a file: its spans become calls, each is sent, and a bookmark follows."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

from typing_extensions import assert_never

from roark_otel._replay.file import BadLine, Dump, Lines, SpanLine, Unknown, kind_of, read_dump, read_lines
from roark_otel._replay.gathering import Gathering, entries, shows_id
from roark_otel._replay.pipeline import CallWithoutRecording, FailedCall, Made, Pipeline, ReadyCall
from roark_otel._safety.printable import printable_json
from roark_otel.cli.problems import Problem
from roark_otel.cli.replay.sending import Already, Created, NotTaken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from roark_otel._model.dialect import Dialect
    from roark_otel._replay.file import Line
    from roark_otel._replay.gathering import Gathered
    from roark_otel._settings.settings import Settings
    from roark_otel.cli.replay.sending import SendResult


@dataclass(slots=True)
class Played:
    """What became of a file, in numbers, with the problems of its lines and calls."""

    counts: Counter[str] = field(default_factory=Counter["str"])
    problems: list[str] = field(default_factory=list["str"])
    resumed_at: int = 0

    def add_problem(self, problem: str) -> None:
        """Notes a problem; of very many, the first hundred."""
        if len(self.problems) < 100:
            self.problems.append(problem)


@dataclass(frozen=True, slots=True)
class Options:
    """How a file is played.

    Attributes:
        offset: Where to begin, in bytes.
        incomplete: Whether to make calls also of conversations whose root is not in the file.
        send: Sends a call that is ready.
        on_done: Called whenever a call was sent, with the place in the file before which everything is done.
        on_read: Called with the number of bytes that are read.
    """

    offset: int
    incomplete: bool
    send: Callable[[ReadyCall], SendResult]
    on_done: Callable[[int], None]
    on_read: Callable[[int], None]


class Playing:
    """Plays one file.

    Args:
        file: The file, open for reading bytes.
        settings: How calls are made.
        dialects: The dialects that are read.
        options: How it is played.
    """

    def __init__(self, file: BinaryIO, settings: Settings, dialects: Iterable[Dialect], options: Options) -> None:
        self._file = file
        self._options = options
        self._pipeline = Pipeline(settings, tuple(dialects))
        self._auto_ids = settings.auto_external_id
        self._gathering = Gathering(settings.idle_timeout_seconds)
        self._first_bytes: dict[int, int] = {}
        self._end = options.offset
        self.played: Played = Played(resumed_at=options.offset)

    def play(self) -> Played:
        """Plays the file to its end.

        Raises:
            Problem: if it is not a file of spans, or calls cannot be delivered.
        """
        kind = kind_of(self._file)
        match kind:
            case Unknown(cure):
                raise Problem(f"{self._file.name}: {cure}")
            case Dump():
                self.played.resumed_at = 0  # it is one value, and read whole
                self._take(read_dump(self._file))
                self._finish(incomplete=True)
            case Lines():
                for line in read_lines(self._file, self._options.offset):
                    self._take(line)
                    self._go_on()
                self._finish(incomplete=self._options.incomplete)
            case _:
                assert_never(kind)
        self.played.counts.update(self._pipeline.counts)
        return self.played

    def _take(self, line: Line) -> None:
        self._end = line.end
        match line:
            case BadLine(number, why, _):
                self.played.counts["unreadable_lines"] += 1
                self.played.add_problem(f"line {number}{' from there on' if self.played.resumed_at else ''}: {why}")
            case SpanLine(spans, start, _):
                self.played.counts["spans"] += len(spans)
                self._gathering.add(spans, start)
            case _:
                assert_never(line)

    def _go_on(self) -> None:
        self._options.on_read(self._end)
        sent = False
        for made in self._due():
            sent = True
            self._deal_with(made)
        if sent:
            self._options.on_done(self._done())

    def _due(self) -> Iterator[Made]:
        for trace in self._gathering.due():
            self._feed(trace)
        if self._pipeline.open_traces:
            yield from self._pipeline.pass_time(self._gathering.now)

    def _finish(self, *, incomplete: bool) -> None:
        for trace in self._gathering.rest(whole_only=not incomplete):
            self._feed(trace)
        for made in self._pipeline.end():
            self._deal_with(made)
        self.played.counts["unfinished_traces"] += len(self._gathering)
        self._options.on_done(self._done())

    def _feed(self, trace: Gathered) -> None:
        vocabulary = self._pipeline.vocabulary
        if not shows_id(trace, vocabulary, auto_ids=self._auto_ids):
            self.played.counts["traces_without_id"] += 1
            return
        taken = entries(trace, vocabulary, self._pipeline.numbers)
        self._first_bytes[next(iter(trace.spans.values())).record.trace_id] = trace.first_byte
        self._pipeline.take(taken, self._gathering.now)

    def _done(self) -> int:
        """Returns the place in the file before which no span is needed any more."""
        open_traces = self._pipeline.open_traces
        self._first_bytes = {trace: place for trace, place in self._first_bytes.items() if trace in open_traces}
        held = self._gathering.first_byte()
        return min([*self._first_bytes.values(), self._end if held is None else held])

    def _deal_with(self, made: Made) -> None:
        match made:
            case CallWithoutRecording(external_id):
                self.played.counts["without_recording"] += 1
                self.played.add_problem(f"{external_id}: no recording URL is known, which Roark requires")
            case FailedCall(external_id):
                self.played.add_problem(f"{external_id}: no call, because of a fault in roark-otel (see the log)")
            case ReadyCall():
                self._count(made, self._options.send(made))
            case _:
                assert_never(made)

    def _count(self, call: ReadyCall, result: SendResult) -> None:
        match result:
            case Created():
                self.played.counts["created"] += 1
            case Already():
                self.played.counts["already"] += 1
            case NotTaken(why):
                self.played.counts["rejected"] += 1
                self.played.add_problem(f"{call.external_id}: Roark does not accept it ({why})")
            case _:
                assert_never(result)


def print_call(call: ReadyCall) -> SendResult:
    """Prints a call as one line of JSON, which is what a dry run does with it."""
    print(printable_json(json.dumps(json.loads(call.body), ensure_ascii=False)))
    return Created()
