"""Reads a LiveKit session row by row, and keeps what counts of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeAlias

from roark_otel._model.dialect import RowReader
from roark_otel._model.reading import flag, number, text
from roark_otel._model.rows import ATTRIBUTES, END, NAME, PARENT, SCOPE, SPAN, START, Kind, Unread, row_of, view
from roark_otel._model.steps import no_pause
from roark_otel._model.tuples import made
from roark_otel.dialects.heard.reading import Heard
from roark_otel.dialects.livekit import names
from roark_otel.dialects.livekit.below import Below, add_below
from roark_otel.dialects.livekit.customer_side import CustomerSide
from roark_otel.dialects.livekit.facts import NEVER, OF_ROOMS, KnownCall
from roark_otel.dialects.livekit.histories import Histories
from roark_otel.dialects.livekit.names import content, words
from roark_otel.dialects.livekit.speeds import Speeds, millionths
from roark_otel.dialects.livekit.spoken import Spoken, spoken
from roark_otel.dialects.livekit.tools import NO_CALLS, Tools
from roark_otel.dialects.livekit.turns import AgentTurn, Generation, Interval, Synthesis
from roark_otel.dialects.livekit.writers import NODE, PYTHON

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from roark_otel._model.dialect import Warn
    from roark_otel._model.rows import Row, SpanView
    from roark_otel._model.steps import Pause
    from roark_otel.dialects.livekit.facts import When

Attributes: TypeAlias = "Mapping[str, object]"

_HISTORIES: Final = frozenset(names.CHAT_CTX)


class SessionRows(RowReader):
    """The rows of one LiveKit session.

    What a turn says depends on spans below it, which may come before or after it. So the few values that count are
    kept per turn.
    """

    __slots__ = (
        "_activities",
        "_agent_speech",
        "_agent_turns",
        "_call",
        "_customer",
        "_generations",
        "_has_ears",
        "_heard",
        "_histories",
        "_latest",
        "_speeds",
        "_spoken",
        "_syntheses",
        "_tools",
        "_voices",
        "_warn",
        "_writers",
    )

    def __init__(self, warn: Warn) -> None:
        self._warn = warn
        self._heard = Heard()
        self._call = KnownCall()
        self._latest: When = NEVER
        self._tools = Tools(warn)
        self._histories = Histories(warn)
        self._speeds = Speeds()
        self._writers: set[str] = set()
        self._spoken: dict[object, Spoken] = {}
        self._customer = CustomerSide(warn)
        self._agent_turns: dict[int, AgentTurn] = {}
        self._agent_speech: Below[Interval] = {}
        self._generations: Below[Generation] = {}
        self._syntheses: dict[int, Synthesis] = {}
        self._voices: dict[int, int] | None = {}
        self._activities: set[tuple[int, str]] = set()
        self._has_ears = False

    def read(self, span: SpanView) -> None:
        """Takes in one span, as any reader does."""
        self.read_row(no_pause, (row_of(Kind.ENDED, span), span.resource))

    def read_row(self, pause: Pause, given: tuple[Row, Mapping[str, object]]) -> None:  # noqa: ARG002 - a row is short
        """Takes in the row of a span that has ended."""
        row, resource = given
        name, start_ns, end_ns = row[NAME], row[START], row[END]
        if end_ns is None or row[SCOPE] != names.SCOPE:
            if row[SCOPE] == names.HEARD_SCOPE:
                self._heard.read(view(row, resource))
            elif name == names.AGENT_SESSION:
                self._customer.sessions[row[SPAN]] = start_ns
            return
        if end_ns < start_ns:
            end_ns = start_ns
        latest_ns, latest_id = self._latest
        if end_ns > latest_ns or (end_ns == latest_ns and row[SPAN] > latest_id):
            self._latest = end_ns, row[SPAN]
        attributes: dict[str, object] = row[ATTRIBUTES]
        if attributes:
            if isinstance(attributes, Unread):
                attributes = attributes.whole()
            if not OF_ROOMS.isdisjoint(attributes):
                self._call.read_room(attributes, (end_ns, row[SPAN]))
        if name in self._READ:
            self._READ[name](self, row, attributes, end_ns)

    def _user_turn(self, row: Row, attributes: Attributes, end_ns: int) -> None:
        self._customer.turn(row, attributes, end_ns)
        if names.PARTICIPANT_KIND in attributes:
            self._call.read_participant(attributes, (end_ns, row[SPAN]))

    def _user_speaking(self, row: Row, attributes: Attributes, end_ns: int) -> None:
        add_below(self._customer.speech, row, made(Interval, (row[START], end_ns)))
        if names.PARTICIPANT_KIND in attributes:
            self._call.read_participant(attributes, (end_ns, row[SPAN]))

    def _agent_turn(self, row: Row, attributes: Attributes, end_ns: int) -> None:
        get = attributes.get
        heard, asked = words(attributes, names.RESPONSE_TEXT), words(attributes, names.USER_INPUT)
        to_speech = names.END_OF_TURN_DELAY in attributes and number(get(names.END_OF_TURN_DELAY)) is not None
        interrupted, agent = get(names.INTERRUPTED), get(names.TURN_AGENT_NAME)
        interrupted = None if interrupted is None else flag(interrupted)
        agent = None if agent is None else text(agent)
        span_id = row[SPAN]
        latency = get(names.E2E_LATENCY)
        latency = None if latency is None else millionths(latency)
        turn = row[START], end_ns, heard, asked, to_speech, interrupted, agent, span_id, latency
        self._agent_turns[span_id] = made(AgentTurn, turn)
        if names.GENERATION_ID not in attributes:
            if agent is not None:  # of the versions that say this here, only Python numbers generations
                self._writers.add(NODE)
        elif self._voices is not None:
            # This version gives a turn to everything that is said, and turns know the words.
            self._voices = None
            self._writers.add(PYTHON)

    def _agent_speaking(self, row: Row, _: Attributes, end_ns: int) -> None:
        add_below(self._agent_speech, row, made(Interval, (row[START], end_ns)))

    def _llm_node(self, row: Row, attributes: Attributes, end_ns: int) -> None:
        start_ns, span_id = row[START], row[SPAN]
        if not _HISTORIES.isdisjoint(attributes):
            for item in self._histories.news(view(row, {})):
                if (one := spoken(item, span_id)) is not None:
                    self._spoken.setdefault(one[:-1], one)  # every later history shows it again
                self._tools.answered(item, start_ns)
        calls = content(attributes, names.FUNCTION_CALLS)
        asked = calls not in NO_CALLS and self._tools.asked(view(row, {}), calls, end_ns)
        written = words(attributes, names.RESPONSE_TEXT)
        ttft = attributes.get(names.TTFT)
        took = None if ttft is None else millionths(ttft)
        add_below(self._generations, row, made(Generation, (start_ns, written, asked, span_id, took)))

    def _llm_request(self, row: Row, attributes: Attributes, _: int) -> None:
        if (metrics := attributes.get(names.LLM_METRICS)) is not None:
            self._speeds.of_models[row[SPAN]] = metrics

    def _tts_node(self, row: Row, attributes: Attributes, _: int) -> None:
        if self._voices is not None:
            self._voices[row[SPAN]] = row[PARENT]
        if (ttfb := attributes.get(names.TTFB)) is not None:
            self._speeds.tts_node(row, ttfb)

    def _tts_request(self, row: Row, attributes: Attributes, _: int) -> None:
        if self._voices is not None and (said := words(attributes, names.INPUT_TEXT)):
            self._syntheses[row[SPAN]] = Synthesis(row[START], said, row[PARENT], row[SPAN])
        if (metrics := attributes.get(names.TTS_METRICS)) is not None:
            self._speeds.of_voices[row[SPAN]] = metrics

    def _function_tool(self, row: Row, attributes: Attributes, end_ns: int) -> None:
        self._tools.ran(view(row, {}), end_ns)
        if names.TOOL_CALL_ID in attributes:  # Python has a name of its own for it
            self._writers.add(PYTHON if names.TOOL_ID in attributes else NODE)
        self._call.read_tool(attributes, (end_ns, row[SPAN]))

    def _activity(self, row: Row, attributes: Attributes, _: int) -> None:
        get = attributes.get
        if name := text(get(names.TURN_AGENT_NAME)) or text(get(names.AGENT_LABEL)):
            self._activities.add((row[START], name))

    def _audio_track(self, _row: Row, attributes: Attributes, _: int) -> None:
        self._has_ears = self._has_ears or names.FIRST_FRAME_DELAY in attributes

    def _agent_session(self, row: Row, attributes: Attributes, end_ns: int) -> None:
        self._customer.sessions[row[SPAN]] = row[START]
        self._call.read_session(row, attributes, (end_ns, row[SPAN]))

    def _job_entrypoint(self, row: Row, attributes: Attributes, end_ns: int) -> None:
        self._call.read_job(attributes, (end_ns, row[SPAN]))

    def _amd(self, row: Row, attributes: Attributes, end_ns: int) -> None:
        self._call.read_amd(attributes, (end_ns, row[SPAN]))

    def _session_close(self, row: Row, attributes: Attributes, end_ns: int) -> None:
        self._call.read_close(attributes, row[START], (end_ns, row[SPAN]))

    def _job_shutdown(self, row: Row, attributes: Attributes, end_ns: int) -> None:
        self._call.read_shutdown(attributes, (end_ns, row[SPAN]))

    _READ: ClassVar[Mapping[str, Callable[[Any, Row, Attributes, int], None]]] = {
        names.USER_TURN: _user_turn,
        names.USER_SPEAKING: _user_speaking,
        names.AGENT_TURN: _agent_turn,
        names.AGENT_SPEAKING: _agent_speaking,
        names.LLM_NODE: _llm_node,
        names.LLM_REQUEST: _llm_request,
        names.TTS_NODE: _tts_node,
        names.TTS_REQUEST: _tts_request,
        names.FUNCTION_TOOL: _function_tool,
        names.START_AGENT_ACTIVITY: _activity,
        names.AUDIO_TRACK: _audio_track,
        names.AGENT_SESSION: _agent_session,
        names.AMD: _amd,
        names.SESSION_CLOSE: _session_close,
        names.JOB_SHUTDOWN: _job_shutdown,
        names.JOB_ENTRYPOINT: _job_entrypoint,
    }
