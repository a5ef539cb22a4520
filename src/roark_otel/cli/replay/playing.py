"""Plays a file: its spans become calls, each is sent, and a bookmark follows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, Final

from typing_extensions import assert_never

from roark_otel._replay.file import BadPart, Dump, RequestFile, SpanPart, Unknown, kind_of, read_dump, read_parts
from roark_otel._replay.gathering import Gathering, entries, shows_id
from roark_otel._replay.pipeline import Made, Pipeline
from roark_otel._sources.made import CallWithoutRecording, FailedCall, ReadyCall
from roark_otel.cli.problems import Problem
from roark_otel.cli.replay.sending import Already, Created, NotTaken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from roark_otel._model.dialect import Dialect
    from roark_otel._replay.file import Part
    from roark_otel._replay.gathering import Gathered
    from roark_otel._settings.settings import Settings
    from roark_otel.cli.replay.sending import SendResult


_NOTED_BYTES: Final = 16 * 1024 * 1024
"""After this many bytes without a call, the place up to which everything is done is noted all the same."""


@dataclass(slots=True)
class Played:
    """What became of a file, in numbers, with the problems of its lines and calls."""

    counts: Counter[str] = field(default_factory=Counter["str"])
    problems: list[str] = field(default_factory=list["str"])
    unnamed: int = 0
    resumed_at: int = 0

    def add_problem(self, problem: str, most: int = 100) -> None:
        """Notes a problem, unless there are already this many: then that there is another one."""
        if len(self.problems) < most:
            self.problems.append(problem)
        else:
            self.unnamed += 1


@dataclass(frozen=True, slots=True)
class Options:
    """How a file is played.

    Attributes:
        offset: Where to begin, in bytes.
        incomplete: Whether to make calls also of conversations whose root is not in the file.
        send: Sends a call that is ready.
        on_done: Called when calls were sent, and from time to time, with the place in the file before which everything
            is done.
        on_read: Called whenever a part was read, or a call was sent, with the number of calls so far.
        on_unsendable: Called with each call that lacks a recording.
        on_trace: Called with each trace before calls are made of it.
    """

    offset: int
    incomplete: bool
    send: Callable[[ReadyCall], SendResult]
    on_done: Callable[[int], None]
    on_read: Callable[[int], None]
    on_unsendable: Callable[[CallWithoutRecording], None] = lambda _: None
    on_trace: Callable[[Gathered], None] | None = None


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
        self._end = self._noted = options.offset
        self._sent = 0
        self.played: Played = Played(resumed_at=options.offset)
        """What became of the file so far."""

    def play(self) -> Played:
        """Plays the file to its end.

        Raises:
            Problem: if it is not a file of spans, or calls cannot be delivered.
        """
        try:
            self._play()
        finally:  # what is done is said of a replay that was stopped, too
            self.played.counts.update(self._pipeline.counts)
        return self.played

    def _play(self) -> None:
        kind = kind_of(self._file)
        match kind:
            case Unknown(cure):
                raise Problem(f"{self._file.name}: {cure}")
            case Dump():
                self.played.resumed_at = 0  # it is one value, and read whole
                self._take(read_dump(self._file))
                self._finish(incomplete=True)
            case RequestFile():
                for part in read_parts(kind, self._file, self._options.offset):
                    self._take(part)
                    self._go_on()
                self._finish(incomplete=self._options.incomplete)
            case _:
                assert_never(kind)

    def _take(self, part: Part) -> None:
        self._end = part.end
        match part:
            case BadPart(unit, number, why, _):
                self.played.counts[f"unreadable_{unit}s"] += 1
                where = f"{unit} {number}{' from there on' if self.played.resumed_at else ''}"
                self.played.add_problem(f"{where}: {why}", 10)  # a file of another kind may have nothing else
            case SpanPart(spans, start, _):
                self.played.counts["spans"] += len(spans)
                self._gathering.add(spans, start)
            case _:
                assert_never(part)

    def _go_on(self) -> None:
        self._options.on_read(self._sent)
        sent = False
        for made in self._due():
            sent = True
            self._deal_with(made)
        if sent or self._end - self._noted >= _NOTED_BYTES:
            self._note()

    def _note(self) -> None:
        self._noted = self._end
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
        self._note()

    def _feed(self, trace: Gathered) -> None:
        vocabulary = self._pipeline.vocabulary
        if not shows_id(trace, vocabulary, auto_ids=self._auto_ids):
            self.played.counts["traces_without_id"] += 1
            return
        if self._options.on_trace is not None:
            self._options.on_trace(trace)
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
                self.played.add_problem(
                    f"{external_id}: cannot be sent: no recording URL is known, which Roark requires"
                )
                self._options.on_unsendable(made)
            case FailedCall(external_id):
                self.played.add_problem(f"{external_id}: no call, because of a fault in roark-otel (see the log)")
            case ReadyCall():
                self._count(made, self._options.send(made))
                self._sent += 1
                self._options.on_read(self._sent)
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
