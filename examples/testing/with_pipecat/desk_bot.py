"""A Pipecat bot that finds orders. `test_desk_bot.py` tests it by the calls that it makes."""

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat.adapters.llm.schemas.tools_schema import ToolsSchema
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.services.llm_service import FunctionCallParams, LLMService

import roark_otel

ORDERS = {"A-17": "shipped"}
_FIND_ORDER = FunctionSchema("find_order", "Finds an order by its id.", {"order_id": {"type": "string"}}, ["order_id"])

provider = TracerProvider()
provider.add_span_processor(roark_otel.RoarkSpanProcessor())
trace.set_tracer_provider(provider)


async def find_order(call: FunctionCallParams) -> None:
    """Finds an order by its id."""
    await call.result_callback({"status": ORDERS.get(str(call.arguments["order_id"]), "unknown")})


def new_bot(model: LLMService, external_id: str) -> tuple[PipelineWorker, LLMContext]:
    """Returns a bot that talks in text, and what it remembers. With speech, a transport and services go around it."""
    model.register_function("find_order", find_order)
    context = LLMContext([], tools=ToolsSchema(standard_tools=[_FIND_ORDER]))
    user, assistant = LLMContextAggregatorPair(context)
    bot = PipelineWorker(
        Pipeline([user, model, assistant]),
        enable_tracing=True,
        enable_rtvi=False,
        additional_span_attributes={"roark.external_id": external_id},
    )
    return bot, context
