"""A small agent that is tested: it finds orders, and traces its conversations."""

import time
import uuid

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

import roark_otel

ORDERS = {"A-17": "shipped"}

provider = TracerProvider()
provider.add_span_processor(roark_otel.RoarkSpanProcessor())
trace.set_tracer_provider(provider)


def hold_a_conversation(question: str) -> None:
    """Answers one question."""
    with roark_otel.conversation(f"call-{uuid.uuid4()}", interface_type="PHONE") as call:
        began = time.time()
        call.customer_said(question, start_time=began, end_time=began + 0.2)
        order_id = question.removesuffix("?").split()[-1]
        with call.tool("find_order", {"order_id": order_id}) as tool:
            status = ORDERS.get(order_id)
            if status is None:
                tool.error("no such order")
            else:
                tool.result({"status": status})
        answer = f"I cannot find {order_id}." if status is None else f"It was {status}."
        call.agent_said(answer, start_time=began + 0.5, end_time=began + 1.0)
