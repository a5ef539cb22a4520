"""Measures how many spans a second of CPU a gateway takes, beside bare uvicorn that only parses them.

    python benchmarks/gateway.py [--json] [--quick]

Both get the same requests of 100 spans with ten attributes and two events each, by four connections, and take turns.
What counts is the CPU that the server's process used; requests of conversations are on the disk when they are answered.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path

from contestants import ENVIRONMENTS, NOW, UVICORN
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from report import Table, figure, main

PYTHON = ENVIRONMENTS / "gateway" / "bin" / "python"
SPANS = 100
REQUESTS = 3_000
CONNECTIONS = 4
ROUNDS = 5

HEAD = "POST /v1/traces HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-protobuf"

BARE = """
import sys, uvicorn
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
HEADERS = [(b"content-type", b"application/x-protobuf"), (b"content-length", b"0")]
async def app(scope, receive, send):
    parts, more = [], True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    ExportTraceServiceRequest.FromString(b"".join(parts))
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": b""})
uvicorn.run(app, port=int(sys.argv[1]), lifespan="off", access_log=False, log_level="warning")
"""


def measure(quick: bool) -> Table:
    """Returns the figures: spans for each second of CPU."""
    if not PYTHON.exists():
        return Table("A gateway", missing={NOW: "make .venvs/gateway/.ready"})
    rounds = 3 if quick else ROUNDS
    found: dict[str, list[float]] = {"bare": [], "others": [], "one": [], "ten": []}
    with ExitStack() as stack:
        bare, bare_port = _bare(stack)
        gateway, port = _gateway(stack)
        for _ in range(rounds):
            others = [request(10, None) for _ in range(20)] * (REQUESTS // 20)
            found["bare"].append(_per_second(bare, bare_port, others))
            found["others"].append(_per_second(gateway, port, others))
            for name, conversations in (("one", 1), ("ten", 10)):
                ours = [request(conversations, "roark.external_id") for _ in range(REQUESTS // 10)]
                found[name].append(_per_second(gateway, port, ours))
    ratios = {name: [one / of for one, of in zip(found[name], found["bare"], strict=True)] for name in found}
    whats = {"others": "no conversation", "one": "one conversation a request", "ten": "ten conversations a request"}
    figures = [figure("parsed", UVICORN, "spans/CPU s", found["bare"], more_is_better=True)]
    for name, what in whats.items():
        figures.append(figure(what, NOW, "spans/CPU s", found[name], more_is_better=True))
        share = figure(f"{what}, of bare uvicorn", NOW, "x", ratios[name], more_is_better=True)
        figures.append(share.at_least(0.8 if name == "others" else 0.12))
    return Table("A gateway", figures)


def request(traces: int, key: str | None) -> bytes:
    """Returns a request of spans of so many new traces, each with an id of its own under this key."""
    found = ExportTraceServiceRequest()
    scope = found.resource_spans.add().scope_spans.add()
    scope.scope.name = "opentelemetry.instrumentation.fastapi"
    ids = [os.urandom(16) for _ in range(traces)]
    for number in range(SPANS):
        span = scope.spans.add(trace_id=ids[number % traces], span_id=os.urandom(8), parent_span_id=os.urandom(8))
        span.name, span.start_time_unix_nano, span.end_time_unix_nano = "GET /orders/{id}", 1, 2
        for each in range(10):
            span.attributes.add(key=f"http.request.header.number_{each}").value.string_value = f"value {each}" * 4
        for _ in range(2):
            event = span.events.add(name="message", time_unix_nano=1)
            event.attributes.add(key="message.type").value.string_value = "SENT"
        if key is not None:
            span.attributes.add(key=key).value.string_value = f"call-{span.trace_id.hex()}"
    return found.SerializeToString()


def _bare(stack: ExitStack) -> tuple[int, int]:
    with socket.create_server(("127.0.0.1", 0)) as one:
        port = one.getsockname()[1]
    process = stack.enter_context(subprocess.Popen([PYTHON, "-c", BARE, str(port)]))  # noqa: S603 - our own
    stack.callback(process.kill)
    return process.pid, port


def _gateway(stack: ExitStack) -> tuple[int, int]:
    folder = stack.enter_context(tempfile.TemporaryDirectory())
    environment = {
        **os.environ,
        "ROARK_API_KEY": "key",
        "ROARK_BASE_URL": "http://127.0.0.1:9",
        "ROARK_SPOOL_DIR": folder,
        "ROARK_MAX_CONVERSATIONS": "1000000",
    }
    options = ["--port", "0", "--no-grpc", "--settle", "36000", "--retry-interval", "36000"]
    process = stack.enter_context(
        subprocess.Popen(  # noqa: S603 - our own
            [PYTHON, "-m", "roark_otel", "gateway", *options],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
    )
    stack.callback(process.kill)
    assert process.stdout is not None
    return process.pid, int(process.stdout.readline().rpartition(":")[2].partition("/")[0])


def _per_second(pid: int, port: int, requests: list[bytes]) -> float:
    _send(port, requests[:40])
    before = _cpu(pid)
    _send(port, requests)
    return len(requests) * SPANS / (_cpu(pid) - before)


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _send(port: int, requests: list[bytes]) -> None:
    def send(several: list[bytes]) -> None:
        with _connected(port) as one:
            for body in several:
                one.sendall(f"{HEAD}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
                assert one.recv(4096).startswith(b"HTTP/1.1 200")

    threads = [threading.Thread(target=send, args=(requests[each::CONNECTIONS],)) for each in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _connected(port: int) -> socket.socket:
    deadline = time.monotonic() + 60
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port))
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                sys.exit("the server does not start")
            time.sleep(0.05)


if __name__ == "__main__":
    main(measure)
