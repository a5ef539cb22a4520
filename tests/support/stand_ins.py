"""What blocks of code in the documents need around them: stand-ins for frameworks and servers.

`tests/frameworks` runs the same blocks with the real ones.
"""

from __future__ import annotations

from support.paths import EXAMPLES

_TALK = """
import asyncio, sys, time
from types import ModuleType, SimpleNamespace

def module(name, **names):
    found = ModuleType(name)
    vars(found).update(names)
    sys.modules[name] = found
    for at in range(name.count("."), 0, -1):
        sys.modules.setdefault(name.rsplit(".", at)[0], ModuleType(name))

def talk(scope, name, attributes=None):
    # As a framework traces it: a question at the first second, and the answer.
    from opentelemetry import trace
    end = time.time_ns()
    began = end - 5_000_000_000
    tracer = trace.get_tracer(scope)
    root = tracer.start_span(name, start_time=began)
    root.set_attributes(attributes or {})
    for at, ms, role, text in ((1.0, 1400, "customer", "Where is my order?"), (3.1, 1200, "agent", "It was shipped.")):
        said = {"role": role, "text": text, "duration_ms": ms}
        root.add_event("roark.transcript", said, began + int(at * 1e9))
    root.end(end)
"""

LIVEKIT = (
    _TALK
    + """
class AgentServer:
    def __init__(self, *, setup_fnc):
        self.setup = setup_fnc

    def rtc_session(self):
        def keep(entrypoint):
            self.entrypoint = entrypoint
            return entrypoint
        return keep

class AgentSession:
    def __init__(self, *, stt, llm, tts):
        pass

    async def start(self, agent, *, room):
        talk("livekit-agents", "agent_session")

def run_app(server):
    # As a worker does it: the entrypoint of a job, then what is to be done when it has ended.
    import roark_otel, uuid
    async def job():
        callbacks = []
        about = SimpleNamespace(id=f"AJ_{uuid.uuid4().hex[:12]}")
        await server.entrypoint(SimpleNamespace(job=about, room="room", add_shutdown_callback=callbacks.append))
        for callback in callbacks:
            await callback()
    server.setup(object())
    asyncio.run(job())
    assert roark_otel.stats().delivered == 1, "the callback has flushed"

module("livekit.agents", Agent=lambda instructions: instructions, AgentServer=AgentServer, AgentSession=AgentSession,
    JobContext=object, JobProcess=object, cli=SimpleNamespace(run_app=run_app))
"""
)
"""LiveKit Agents: a worker with one job, whose session is over when it was started."""

PIPECAT = (
    _TALK
    + """
class Worker:
    def __init__(self, pipeline, *, params, enable_tracing, additional_span_attributes):
        assert params.enable_metrics and enable_tracing
        self.attributes = additional_span_attributes

class Runner:
    async def add_workers(self, worker):
        self.worker = worker

    async def run(self, task=None):
        talk("pipecat", "conversation", (task or self.worker).attributes)

module("pipecat.pipeline.worker", PipelineParams=SimpleNamespace, PipelineWorker=Worker)
module("pipecat.workers.runner", WorkerRunner=Runner)
module("pipecat.pipeline.task", PipelineParams=SimpleNamespace, PipelineTask=Worker)
module("pipecat.pipeline.runner", PipelineRunner=Runner)
"""
)
"""Pipecat: the names of 1.3 and later, and those before."""

RUN_PIPELINE = "asyncio.run(run(object()))"

SERVER = """
import asyncio
from datetime import timedelta
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from roark_otel import RoarkSpanProcessor

trace.set_tracer_provider(TracerProvider())
trace.get_tracer_provider().add_span_processor(RoarkSpanProcessor())

async def serve():
    async with lifespan(None):
        async with roark_otel.conversation("call-123") as call:
            call.customer_said("Where is my order?")
    assert roark_otel.stats().delivered == 1
"""

PRESIDIO = """
import sys
from types import ModuleType, SimpleNamespace

class Analyzer:
    def analyze(self, *, text, language):
        assert language == "en"
        return [text.index("Ada")] if "Ada" in text else []

class Anonymizer:
    def anonymize(self, *, text, analyzer_results):
        return SimpleNamespace(text=text.replace("Ada", "<PERSON>") if analyzer_results else text)

for name, engine, of in (("analyzer", "AnalyzerEngine", Analyzer), ("anonymizer", "AnonymizerEngine", Anonymizer)):
    module = sys.modules["presidio_" + name] = ModuleType("presidio_" + name)
    setattr(module, engine, of)
"""
"""Stand-ins for Presidio, which is not installed here: as its two engines are called, with one name that they find."""

PRESIDIO_CALL = """
import roark_otel
from opentelemetry.sdk.trace import TracerProvider

provider = TracerProvider()
provider.add_span_processor(processor)
with roark_otel.conversation("call-123", tracer_provider=provider) as call:
    call.customer_said("I am Ada, 555-010-0123.")
    with call.tool("look_up", {"name": "Ada"}) as tool:
        tool.result({"found": ["Ada"]})
    with call.tool("fail", {}) as tool:
        tool.error("no Ada")
assert provider.force_flush()
"""


OWN_DIALECT = f"""
import runpy
MY_DIALECT = runpy.run_path({str(EXAMPLES / "own_dialect.py")!r}, run_name="example")["SWITCHBOARD"]
"""

IS_A_PAGE = 'assert Path("call.html").read_text(encoding="utf-8").startswith("<!doctype html>")'
