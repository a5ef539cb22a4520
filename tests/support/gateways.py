"""Gateways in processes of their own, and spans to send to them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import httpx
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from support.helpers import wait_until
from support.otlp_lines import Ended
from support.otlp_requests import protobuf

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from opentelemetry.sdk.trace import ReadableSpan
    from typing_extensions import Self

    from roark_otel.sandbox import Sandbox

PROTOBUF = {"content-type": "application/x-protobuf"}
JSON = {"content-type": "application/json"}
RECORDING = "https://example.com/recording.wav"

SECONDS = 60
"""The longest that anything is waited for, on however slow a machine."""

WHERE = re.compile(r"HTTP at (?P<http>\S+)/v1/traces(?:, gRPC at \S+:(?P<grpc>\d+))?")


class RunningGateway:
    """A gateway as a process, with short waits. It may be killed and started again, on the port that it had.

    Args:
        folder: Where its spool, its store and its log are.
        roark: The base URL of Roark.
        options: More of its command line.
        environment: More of its environment.
    """

    def __init__(self, folder: Path, roark: str, *options: str, environment: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.store = folder / "store"
        self.log = folder / "gateway.log"
        self._options = options
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ROARK_", "OTEL_"))}
        self._environment = {
            **kept,
            "ROARK_API_KEY": "test-key",
            "ROARK_BASE_URL": roark,
            "ROARK_SPOOL_DIR": str(folder / "spool"),
            "ROARK_RECORDING_URL_TEMPLATE": RECORDING,
            **(environment or {}),
        }
        self._port = self._grpc_port = 0
        self.url = self.announced = ""
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> Self:
        """Starts it, and returns when it takes spans."""
        ports = ("--port", str(self._port), "--grpc-port", str(self._grpc_port))
        waits = ("--settle", "1", "--retry-interval", "1")
        with self.log.open("a") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own command
                [
                    sys.executable,
                    "-m",
                    "roark_otel",
                    "gateway",
                    *ports,
                    "--store",
                    str(self.store),
                    *waits,
                    *self._options,
                ],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=self._environment,
            )
        assert self.process.stdout is not None
        line = self.announced = self.process.stdout.readline()
        found = WHERE.search(line)
        if not found:
            self.kill()
        assert found, f"{line}{self.log.read_text()}"
        self.url = found["http"]
        self._port = int(self.url.rpartition(":")[2])
        self._grpc_port = int(found["grpc"] or 0)
        return self

    @property
    def grpc(self) -> str:
        """Where it takes spans by gRPC."""
        return f"127.0.0.1:{self._grpc_port}"

    @property
    def has_grpc(self) -> bool:
        """Whether it takes spans by gRPC too."""
        return self._grpc_port != 0

    def kill(self) -> None:
        """Kills it as a machine without memory would."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Stops it as Kubernetes would, and returns its exit status."""
        return self._end(signal.SIGTERM)

    def _end(self, number: int) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        status = self.process.wait(SECONDS)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.process = None
        return status

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            self.kill()

    # What it is asked

    def post(self, body: bytes, **headers: str) -> httpx.Response:
        """Sends a request."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.post(f"{self.url}/v1/traces", content=body, headers={**PROTOBUF, **named}, timeout=SECONDS)

    def send(self, spans: Sequence[ReadableSpan]) -> None:
        """Sends spans, which must be taken."""
        answer = self.post(protobuf(spans))
        assert (answer.status_code, answer.content) == (200, b""), answer.text

    def metric(self, name: str, **labels: str) -> float:
        """Returns a sample of its metrics."""
        written = ",".join(f'{key}="{value}"' for key, value in labels.items())
        wanted = f"roark_otel_gateway_{name}{{{written}}} " if written else f"roark_otel_gateway_{name} "
        for line in httpx.get(f"{self.url}/metrics", timeout=SECONDS).text.splitlines():
            if line.startswith(wanted):
                return float(line.removeprefix(wanted))
        return 0.0

    def wait_for_metric(self, value: float, name: str, **labels: str) -> None:
        """Waits until a sample has a value."""
        wait_until(lambda: self.metric(name, **labels) == value, SECONDS)


def run_gateway(store: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Runs a gateway that ends by itself."""
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "roark_otel", "gateway", "--store", str(store), *options],
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
        env={**os.environ, "ROARK_API_KEY": "test-key", "ROARK_BASE_URL": "http://127.0.0.1:9"},
    )


def wait_for_calls(sandbox: Sandbox, number: int) -> dict[str, dict[str, Any]]:
    """Waits until Roark has this many calls, and returns them by their external ids."""
    wait_until(lambda: len(sandbox.calls()) >= number, SECONDS)
    calls = sandbox.calls()
    found = {call["externalId"]: call for call in calls}
    assert len(found) == len(calls) == number
    return found


class Spoken:
    """Makes the spans of conversations, which an exporter would send when they have ended: children first.

    Args:
        scope: The instrumentation scope.
    """

    def __init__(self, scope: str = "app") -> None:
        self._ended = Ended()
        self._provider = TracerProvider()
        self._provider.add_span_processor(self._ended)
        self._tracer = self._provider.get_tracer(scope)

    def conversation(
        self, external_id: str, *words: str, root: bool = True, attributes: Mapping[str, Any] | None = None
    ) -> list[ReadableSpan]:
        """Returns the spans of one: one for each word, below the root, which alone has the id."""
        first = len(self._ended.spans)
        shown: dict[str, Any] = {
            "roark.external_id": external_id,
            **({"roark.conversation.root": True} if root else {}),
        }
        with self._tracer.start_as_current_span("call", attributes={**shown, **(attributes or {})}) as above:
            context = trace.set_span_in_context(above)
            for number, word in enumerate(words):
                self._say(word, number, context)
        return self._ended.spans[first:]

    def below(self, span: ReadableSpan, *words: str, **attributes: Any) -> list[ReadableSpan]:
        """Returns more spans below one, as another process would make them."""
        first = len(self._ended.spans)
        assert span.context is not None
        remote = trace.SpanContext(span.context.trace_id, span.context.span_id, True, span.context.trace_flags)
        context = trace.set_span_in_context(trace.NonRecordingSpan(remote))
        for number, word in enumerate(words):
            self._say(word, number, context, **attributes)
        return self._ended.spans[first:]

    def plain(self, number: int, context: Any = None) -> list[ReadableSpan]:
        """Returns spans that are of no conversation."""
        first = len(self._ended.spans)
        for each in range(number):
            self._tracer.start_span("GET /orders", context, attributes={"http.route": f"/orders/{each}"}).end()
        return self._ended.spans[first:]

    def _say(self, word: str, number: int, context: Any, **attributes: Any) -> None:
        span = self._tracer.start_span("turn", context, attributes=attributes)
        span.add_event("roark.transcript", {"role": "agent" if number % 2 else "customer", "text": word})
        span.end()


def texts(call: Mapping[str, Any]) -> list[str]:
    """What is said in a call, in order."""
    return [entry["text"] for entry in call.get("transcript", ())]


def batches(spans: Sequence[ReadableSpan], size: int) -> Iterator[Sequence[ReadableSpan]]:
    """Yields spans in requests of this size."""
    for first in range(0, len(spans), size):
        yield spans[first : first + size]
