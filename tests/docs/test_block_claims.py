"""Checks what the text around some blocks of code claims about them."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from support.documents import blocks

if TYPE_CHECKING:
    from roark_otel.sandbox import Sandbox


def _block_with(text: str) -> str:
    (found,) = [one.code for one in blocks("python") if one.document.startswith("docs/") and text in one.code]
    return found


def _run(program: str, sandbox: Sandbox) -> None:
    """Runs a block in an app that has a provider with a processor already, or makes its own."""
    environment = os.environ | {"ROARK_API_KEY": "key", "ROARK_BASE_URL": sandbox.url}
    environment["ROARK_EXIT_TIMEOUT_SECONDS"] = "60"  # a slow machine delivers too
    run = subprocess.run(  # noqa: S603 - our own documents
        [sys.executable, "-W", "error", "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (run.returncode, run.stderr) == (0, "")


PROVIDER = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from roark_otel import RoarkSpanProcessor

trace.set_tracer_provider(TracerProvider())
trace.get_tracer_provider().add_span_processor(RoarkSpanProcessor())
"""


def test_a_bound_function_is_in_the_call(sandbox: Sandbox) -> None:
    """A function that the pool runs has the call's attributes."""
    block = _block_with("roark_otel.bind(print)")
    work = """
def work(_):
    with trace.get_tracer("app").start_as_current_span("work") as span:
        span.set_attribute("roark.recording_url", "https://example.com/a.wav")
        span.add_event("roark.transcript", {"role": "agent", "text": "From a thread."})
"""
    _run(PROVIDER + work + block.replace("bind(print)", "bind(work)"), sandbox)

    (call,) = sandbox.calls()
    assert (call["externalId"], call["properties"]["shop"]) == ("call-123", "Lakeside")
    assert [entry["text"] for entry in call["transcript"]] == ["From a thread."]


def test_a_sampled_out_conversation_makes_a_call(sandbox: Sandbox) -> None:
    """The sampler drops every trace, and the call still arrives."""
    talk = """
with provider.get_tracer("app").start_as_current_span("call", attributes={"roark.external_id": "call-1"}) as call:
    call.set_attribute("roark.recording_url", "https://example.com/a.wav")
    call.add_event("roark.transcript", {"role": "agent", "text": "Hello."})
"""
    _run(_block_with("RoarkSampler(ParentBased").replace("0.01", "0.0") + talk, sandbox)

    assert [call["externalId"] for call in sandbox.calls()] == ["call-1"]


def test_a_redactor_has_the_last_word(sandbox: Sandbox) -> None:
    """It changes words, and leaves out tools and whole calls, as the text above the block says."""
    talk = """
from opentelemetry.sdk.trace import TracerProvider

provider = TracerProvider()
provider.add_span_processor(processor)
for name, vip in (("call-1", False), ("call-2", True)):
    about = {"roark.external_id": name, "roark.recording_url": "https://example.com/a.wav", "roark.property.vip": vip}
    with provider.get_tracer("app").start_as_current_span("call", attributes=about) as call:
        call.add_event("roark.transcript", {"role": "agent", "text": "Lakeside, about Policy 17."})
        call.add_event("roark.tool_invocation", {"name": "verify_identity", "result": "Ada"})
"""
    _run(_block_with("def redact(item:") + talk, sandbox)

    (call,) = sandbox.calls()
    assert (call["externalId"], "toolInvocations" in call) == ("call-1", False)
    assert [entry["text"] for entry in call["transcript"]] == ["the shop, about [redacted]."]
