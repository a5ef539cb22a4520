"""Two processes that share a call: the id travels as W3C baggage over real HTTP, and one of them makes the call."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from support.helpers import words

if TYPE_CHECKING:
    from roark_otel.sandbox import Sandbox

TOOL_SERVER = '''
"""A tool server that takes its context from the headers, as every instrumented server does. Says its port first."""
import http.server, json, sys
from opentelemetry import propagate, trace
from opentelemetry.sdk.trace import TracerProvider
from roark_otel import RoarkSpanProcessor

provider = TracerProvider(shutdown_on_exit=False)
processor = RoarkSpanProcessor(recording_url="https://example.com/a.wav", linger_seconds=0)
provider.add_span_processor(processor)
tracer = provider.get_tracer("tools")
seen = []

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        headers = {name.lower(): value for name, value in self.headers.items()}
        seen.append(headers)
        with tracer.start_as_current_span("GET /tool", propagate.extract(headers)) as span:
            span.add_event("roark.transcript", {"role": "agent", "text": "Words of the tool server."})
            with tracer.start_as_current_span("work") as work:
                work.add_event("roark.tool_invocation", {"name": "lookup", "result": "found"})
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"found")
        self.wfile.flush()
    def log_message(self, *args):
        pass

server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
for _ in range(int(sys.argv[1])):
    server.handle_request()
server.server_close()
if sys.argv[2] == "waits":
    sys.stdin.read()
provider.shutdown()
stats = processor.stats()
print(json.dumps({"fragments": stats.fragments, "finished": stats.finished, "headers": seen}), flush=True)
'''

OWNER = '''
"""The process that owns the call: it uses the tool server twice."""
import json, sys, urllib.request
from opentelemetry import propagate
from opentelemetry.sdk.trace import TracerProvider
from roark_otel import RoarkSpanProcessor, conversation

provider = TracerProvider(shutdown_on_exit=False)
processor = RoarkSpanProcessor(recording_url="https://example.com/a.wav", linger_seconds=0)
provider.add_span_processor(processor)
as_baggage = sys.argv[2] == "baggage"
about = {"as_baggage": as_baggage, "properties": {"secret": "no"}}
with conversation(f"call;1, ü {sys.argv[2]}", tracer_provider=provider, **about) as call:
    call.customer_said("Hello?")
    for number in (1, 2):
        with call.tool("lookup", {"id": number}) as tool:
            headers = {}
            propagate.inject(headers)
            request = urllib.request.Request(f"http://127.0.0.1:{sys.argv[1]}/tool", headers=headers)
            tool.result(urllib.request.urlopen(request, timeout=300).read().decode())
provider.shutdown()
print(json.dumps({"delivered": processor.stats().delivered}))
'''


def start(program: str, sandbox: Sandbox, tmp_path: Any, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603 - our own programs
        [sys.executable, "-c", program, *arguments],
        env=os.environ
        | {
            "ROARK_API_KEY": "key",
            "ROARK_BASE_URL": sandbox.url,
            "ROARK_SPOOL_DIR": str(tmp_path / arguments[-1]),
            "PYTHONWARNINGS": "error",
        },
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def two_processes(sandbox: Sandbox, tmp_path: Any, *, ends_last: str, carried: str) -> tuple[Any, Any, str]:
    """Runs both. Returns what the owner says, what the tool server says, and what the latter warned of."""
    server = start(TOOL_SERVER, sandbox, tmp_path, "2", "waits" if ends_last == "tool server" else "leaves")
    assert server.stdout is not None
    try:
        port = server.stdout.readline().strip()
        owner = start(OWNER, sandbox, tmp_path, port, carried)
        try:
            owned, complaint = owner.communicate(timeout=300)
            assert (owner.returncode, complaint) == (0, "")
        finally:
            owner.kill()
        served, warned = server.communicate(timeout=300)
        assert server.returncode == 0
    finally:
        server.kill()
    return json.loads(owned), json.loads(served), warned


@pytest.mark.parametrize("ends_last", ["owner", "tool server"])
def test_the_owner_makes_the_call_whichever_ends_first(sandbox: Sandbox, tmp_path: Any, ends_last: str) -> None:
    """The fragment makes none, counts what it saw, and says once where its words are missing."""
    owned, served, warned = two_processes(sandbox, tmp_path, ends_last=ends_last, carried="baggage")
    (call,) = sandbox.calls()
    assert (call["externalId"], words(call)) == ("call;1, ü baggage", ["Hello?"])
    assert [(use["name"], use["result"]) for use in call["toolInvocations"]] == [("lookup", "found")] * 2
    assert owned == {"delivered": 1}
    assert (served["fragments"] >= 1, served["finished"]) == (True, 0)
    assert warned.count("have their id only from baggage") == 1
    assert "Words of the tool server" not in warned


def test_only_the_id_travels_and_only_on_request(sandbox: Sandbox, tmp_path: Any) -> None:
    """One key of baggage with it, none without it; the trace travels either way."""
    _, with_it, _ = two_processes(sandbox, tmp_path, ends_last="owner", carried="baggage")
    _, without, warned = two_processes(sandbox, tmp_path, ends_last="owner", carried="nothing")
    assert [one["baggage"] for one in with_it["headers"]] == ["roark.external_id=call%3B1%2C+%C3%BC+baggage"] * 2
    assert ["baggage" in one for one in without["headers"]] == [False] * 2
    assert all("traceparent" in one for one in [*with_it["headers"], *without["headers"]])
    assert (without["fragments"], without["finished"]) == (0, 0)
    assert "baggage" not in warned
