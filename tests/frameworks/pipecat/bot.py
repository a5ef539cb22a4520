"""A real Pipecat pipeline between two ends of a line, with Pipecat's own services for OpenAI and Cartesia."""

from __future__ import annotations

import asyncio
import inspect
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat.adapters.llm.schemas.tools_schema import ToolsSchema
from pipecat.audio.vad.vad_analyzer import VADParams
from pipecat.frames import frames
from pipecat.observers.base_observer import BaseObserver, FramePushed
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair, LLMUserAggregatorParams
from pipecat.services.cartesia.stt import CartesiaSTTService
from pipecat.services.cartesia.tts import CartesiaTTSService
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.services.openai.stt import OpenAISTTService
from pipecat.services.openai.tts import OpenAITTSService
from pipecat.turns.user_stop import SpeechTimeoutUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies
from pipecat.workers.runner import WorkerRunner

from frameworks.pipecat.line import Hearing, Loudspeaker, Microphone, Stretch
from frameworks.pipecat.script import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pipecat.processors.frame_processor import FrameProcessor
    from pipecat.services.llm_service import FunctionCallParams, LLMService

PROMPT = "You are the order desk of a bicycle shop."
PATIENCE = 60.0
"""So many seconds are waited for something that is sure to come."""

_POLL = 0.02
_SEEN = (
    frames.BotStartedSpeakingFrame,
    frames.BotStoppedSpeakingFrame,
    frames.FunctionCallResultFrame,
    frames.ErrorFrame,
    frames.EndFrame,
    frames.CancelFrame,
    frames.UserStartedSpeakingFrame,
)


@dataclass(slots=True)
class Truth:
    """What really happened in a call.

    Attributes:
        messages: The framework's own record of what was said: the context that its model is given.
        frames: What an observer saw in the pipeline: the kind of frame, when, and what it says.
        customer: When the customer spoke.
        agent: When the agent was played.
        tools: When tools ran.
    """

    messages: list[dict[str, Any]] = field(default_factory=list)
    frames: list[dict[str, Any]] = field(default_factory=list)
    customer: list[Stretch] = field(default_factory=list)
    agent: list[Stretch] = field(default_factory=list)
    tools: list[Stretch] = field(default_factory=list)


class Observer(BaseObserver):
    """Writes down which frames went through a pipeline, each once."""

    def __init__(self, loudspeaker: Loudspeaker) -> None:
        super().__init__()
        self.seen: list[dict[str, Any]] = []
        self._loudspeaker = loudspeaker
        self._ids: set[int] = set()
        self.has_started = False

    async def on_pipeline_started(self) -> None:
        self.has_started = True

    async def on_push_frame(self, data: FramePushed) -> None:
        frame = data.frame
        if not isinstance(frame, _SEEN) or {frame.id, frame.broadcast_sibling_id} & self._ids:
            return
        self._ids.add(frame.id)
        if isinstance(frame, frames.BotStoppedSpeakingFrame):
            self._loudspeaker.fell_silent()
        names = ("tool_call_id", "function_name", "arguments", "result")
        found = {name: getattr(frame, name) for name in names if hasattr(frame, name)}
        self.seen.append({"kind": type(frame).__name__, "at": time.time(), **found})

    def last(self, *kinds: type[frames.Frame]) -> str:
        """Which of these came last."""
        names = {kind.__name__ for kind in kinds}
        return next((one["kind"] for one in reversed(self.seen) if one["kind"] in names), "")


class Bot:
    """One pipeline, and the customer at its other end.

    Args:
        url: Where the services are.
        name: The name of the call there.
        streaming: Whether speech goes over web sockets, which tell of each word when it was said; else over HTTP.
        metrics: Whether the pipeline measures its services, which it does not unless told to.
        tools: What the model can call.
        wiring: Makes the pipeline, given the bot and the url. Default: one of services, with the model in the middle.
        options: Further arguments of the worker.
    """

    def __init__(
        self,
        url: str,
        name: str,
        *,
        streaming: bool,
        metrics: bool,
        tools: Sequence[Callable[..., Any]],
        wiring: Callable[[Bot, str], Sequence[FrameProcessor]] | None = None,
        **options: Any,
    ) -> None:
        self.microphone, self.loudspeaker = Microphone(), Loudspeaker()
        self.observer = Observer(self.loudspeaker)
        self.ran: list[Stretch] = []
        self.context = LLMContext([], tools=ToolsSchema(standard_tools=[_schema(tool) for tool in tools]))
        service = {"api_key": "dummy", "base_url": f"{url}/{name}/v1"}
        self.tools = tools
        self.runner = WorkerRunner(handle_sigint=False)
        self.helpers: list[PipelineWorker] = []
        self.model = scripted(service)
        self.ears, self.voice = _streaming(url) if streaming else _over_http(service)
        self.aggregators = LLMContextAggregatorPair(self.context, user_params=_turn_taking())
        steps = (wiring or cascade)(self, f"{url}/{name}")
        self.worker = PipelineWorker(
            Pipeline(list(steps)),
            params=PipelineParams(enable_metrics=metrics, enable_usage_metrics=metrics),
            observers=[self.observer],
            enable_rtvi=False,
            idle_timeout_secs=None,
            **{"enable_tracing": True, **options},
        )

    def teach(self, model: LLMService) -> LLMService:
        """Lets a model use the tools."""
        for tool in self.tools:
            model.register_function(tool.__name__, self._noted(tool))
        return model

    async def run(self) -> None:
        """Runs the pipeline to its end."""
        await self.runner.add_workers(self.worker, *self.helpers)
        await self.runner.run()

    async def running(self) -> None:
        """Waits until the pipeline runs."""
        await until(lambda: self.observer.has_started, "start the pipeline")

    async def say(self, text: str) -> None:
        """Lets the agent say something that no model wrote."""
        await self.worker.queue_frame(frames.TTSSpeakFrame(text))

    async def heard(self, text: str) -> None:
        """Waits until the agent has said this to its end, and is silent."""
        await until(lambda: self._has_said(text) and not self.is_speaking, f"hear {text!r}")

    async def used(self, tool: str) -> None:
        """Waits until the context knows what came of a tool."""
        await until(lambda: self._has_result(tool), f"see the result of {tool}")

    async def failed(self) -> None:
        """Waits until something went wrong."""
        await until(lambda: any(one["kind"] == "ErrorFrame" for one in self.observer.seen), "see an error")

    async def speaking(self) -> None:
        """Waits until the agent speaks."""
        await until(lambda: self.is_speaking, "hear the agent begin")

    @property
    def is_speaking(self) -> bool:
        """Whether the agent speaks."""
        last = self.observer.last(frames.BotStartedSpeakingFrame, frames.BotStoppedSpeakingFrame)
        return last == frames.BotStartedSpeakingFrame.__name__

    def truth(self) -> Truth:
        messages = [dict(message) for message in self.context.get_messages()]
        seen = self.observer.seen
        return Truth(messages, seen, self.microphone.speeches, self.loudspeaker.speeches, self.ran)

    def _has_said(self, text: str) -> bool:
        said = (plain(one) for one in self.context.get_messages() if one["role"] == "assistant")
        return any(one.strip() == text for one in said)

    def _has_result(self, tool: str) -> bool:
        seen = self.observer.seen
        return any(one["kind"] == "FunctionCallResultFrame" and one["function_name"] == tool for one in seen)

    def _noted(self, tool: Callable[..., Any]) -> Callable[[FunctionCallParams], Any]:
        """The tool, which is written down when it ran."""

        async def run(call: FunctionCallParams) -> None:
            start = time.time()
            try:
                await call.result_callback(await tool(**call.arguments))
            finally:
                self.ran.append(Stretch(call.function_name, start, time.time()))

        return run


def scripted(service: dict[str, str]) -> OpenAILLMService:
    """A model that answers by the book of a call."""
    return OpenAILLMService(**service, settings=OpenAILLMService.Settings(model="scripted", system_instruction=PROMPT))


def cascade(bot: Bot, _: str) -> Sequence[FrameProcessor]:
    """A pipeline that turns speech into text, and text into speech."""
    user, assistant = bot.aggregators
    return [bot.microphone, bot.ears, user, bot.teach(bot.model), bot.voice, bot.loudspeaker, assistant]


def _schema(tool: Callable[..., Any]) -> FunctionSchema:
    names = list(inspect.signature(tool).parameters)
    return FunctionSchema(tool.__name__, inspect.getdoc(tool) or "", {key: {"type": "string"} for key in names}, names)


def _streaming(url: str) -> tuple[CartesiaSTTService, CartesiaTTSService]:
    socket = url.replace("http://", "ws://")
    return (
        CartesiaSTTService(api_key="dummy", base_url=socket, ttfs_p99_latency=0.3),
        CartesiaTTSService(
            api_key="dummy", url=f"{socket}/tts/websocket", settings=CartesiaTTSService.Settings(voice="v-1")
        ),
    )


def _over_http(service: dict[str, str]) -> tuple[OpenAISTTService, OpenAITTSService]:
    return (
        OpenAISTTService(**service),
        OpenAITTSService(**service, settings=OpenAITTSService.Settings(voice="alloy")),
    )


def _turn_taking() -> LLMUserAggregatorParams:
    """Short waits."""
    detection = Hearing(params=VADParams(start_secs=0.1, stop_secs=0.2, min_volume=0.0))
    stop = SpeechTimeoutUserTurnStopStrategy(user_speech_timeout=0.25)
    return LLMUserAggregatorParams(vad_analyzer=detection, user_turn_strategies=UserTurnStrategies(stop=[stop]))


async def until(is_so: Callable[[], bool], what: str) -> None:
    """Waits until something is so.

    Raises:
        TimeoutError: It did not come.
    """
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {PATIENCE:.0f} s in vain to {what}")
        await asyncio.sleep(_POLL)
