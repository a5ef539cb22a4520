"""A LiveKit agent that finds orders. `test_desk_agent.py` tests it by the calls that it makes."""

from livekit.agents import Agent, function_tool
from livekit.agents.telemetry import set_tracer_provider
from opentelemetry.sdk.trace import TracerProvider

import roark_otel

ORDERS = {"A-17": "shipped"}

provider = TracerProvider()
provider.add_span_processor(roark_otel.RoarkSpanProcessor())
set_tracer_provider(provider)


class Desk(Agent):
    """Finds orders."""

    def __init__(self) -> None:
        super().__init__(id="desk", instructions="You are the order desk of a bicycle shop.")

    @function_tool
    async def find_order(self, order_id: str) -> str:
        """Find an order by its id."""
        return ORDERS.get(order_id, "lost")
