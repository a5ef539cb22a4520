"""The metrics about this package, as an SDK's reader collects them."""

from __future__ import annotations

import gc
import re
import subprocess
import sys
import weakref
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

import roark_otel
from roark_otel._engine import registry
from roark_otel._engine.metrics import INSTRUMENTS
from roark_otel.sandbox import Sandbox
from support.helpers import ID, App, wait_until
from support.paths import ROOT

if TYPE_CHECKING:
    import pytest


class Meters:
    """A meter provider, and what its reader sees."""

    def __init__(self) -> None:
        self._reader = InMemoryMetricReader()
        self.provider = MeterProvider([self._reader], shutdown_on_exit=False)

    def read(self) -> dict[str, dict[tuple[str, ...], float]]:
        """The value of each instrument by its attributes, the component's left out; zeros too."""
        data = self._reader.get_metrics_data()
        found: dict[str, dict[tuple[str, ...], float]] = {}
        for resource in data.resource_metrics if data else ():
            for scope in resource.scope_metrics:
                assert scope.scope.name == "roark_otel"
                for metric in scope.metrics:
                    points: Any = metric.data.data_points
                    for point in points:
                        values = dict(point.attributes)
                        assert values.pop("otel.component.type") == "roark_span_processor"
                        assert re.fullmatch(r"roark_span_processor/\d+", values.pop("otel.component.name"))
                        key = tuple(str(value) for _, value in sorted(values.items()))
                        found.setdefault(metric.name, {})[key] = point.value
        return found


def test_every_instrument_reads_what_happened(sandbox: Sandbox) -> None:
    """Conversations, calls, spans and the spool, each by its outcome."""
    meters = Meters()
    app = App(sandbox.url, meter_provider=meters.provider, recording_url=None)
    app.conversation("call-1", "Hello?", **{"roark.recording_url": "https://example.com/1.wav"})
    app.conversation("call-2", "Hello?")
    app.conversation("call-3", "Hello?", **{"roark.skip": True})
    app.conversation("call-4")
    open_span = app.tracer.start_span("call", attributes={ID: "call-5"})
    assert app.processor.force_flush()
    wait_until(lambda: app.processor.stats().open_conversations == 2)  # the silent one may have a further root
    found = meters.read()
    assert set(found) == {one.name for one in INSTRUMENTS} - {"roark_otel.exporter.attempt.failed"}
    assert found["roark_otel.processor.conversation.open"] == {(): 2}
    assert found["roark_otel.processor.conversation.processed"][("call",)] == 2
    assert found["roark_otel.processor.conversation.processed"][("skipped",)] == 1
    assert found["roark_otel.exporter.call.exported"] == {("delivered",): 1}
    assert found["roark_otel.spool.call.count"] == {
        ("sendable",): 0,
        ("awaiting_recording",): 1,
        ("going_on",): 0,
        ("rejected",): 0,
    }
    assert found["roark_otel.spool.size"][("waiting",)] > 100
    assert found["roark_otel.spool.oldest.age"][()] >= 0
    assert found["roark_otel.processor.span.dropped"] == {("queue_full",): 0, ("late",): 0, ("bad_id",): 0}
    open_span.end()


def test_failures_have_a_type() -> None:
    """Attempts at an address where nothing listens count, by the type of the error."""
    with Sandbox() as gone:
        url = gone.url
    meters = Meters()
    app = App(url, meter_provider=meters.provider)
    app.conversation("call-1", "Hello?")
    assert app.processor.force_flush(300) is False
    wait_until(lambda: app.processor.stats().retried > 0, 60)
    failed = meters.read()["roark_otel.exporter.attempt.failed"]
    assert 0 < sum(failed.values()) <= app.processor.stats().retried
    assert all("retried" in key for key in failed)


def test_engines_that_are_gone_have_no_metrics(sandbox: Sandbox, said: pytest.LogCaptureFixture) -> None:
    """A provider keeps no engine alive, and many processors make no duplicate instrument."""
    meters = Meters()
    gone = []
    for _ in range(3):
        app = App(sandbox.url, meter_provider=meters.provider)
        gone.append(weakref.ref(app.processor._engine))
        app.close()
        del app
    wait_until(lambda: gc.collect() >= 0 and [engine() for engine in gone] == [None] * 3, 60)
    assert registry.engines() == []
    assert meters.read() == {}
    assert "already been created" not in said.text


def test_global_provider_that_is_set_later(sandbox: Sandbox) -> None:
    """Without the argument the global provider is used, also if the app sets it after the processor was made."""
    script = """
import sys
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from roark_otel import RoarkSpanProcessor
processor = RoarkSpanProcessor(api_key="key", base_url=sys.argv[1])
reader = InMemoryMetricReader()
metrics.set_meter_provider(MeterProvider([reader], shutdown_on_exit=False))
names = [m.name for r in reader.get_metrics_data().resource_metrics for s in r.scope_metrics for m in s.metrics]
assert "roark_otel.processor.conversation.open" in names, names
"""
    subprocess.run([sys.executable, "-c", script, sandbox.url], check=True, timeout=300)  # noqa: S603 - our own script


def test_docs_list_every_instrument() -> None:
    """The table of docs/metrics.md is the list of instruments."""
    page = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `(roark_otel\.[a-z_.]+)` \| ([a-z/-]+) \| `([^`]+)` \|", page, re.MULTILINE)
    kinds = {"counter": "create_observable_counter", "up/down": "create_observable_up_down_counter"}
    kinds["gauge"] = "create_observable_gauge"
    assert [(name, kinds[kind], unit) for name, kind, unit in listed] == [
        (one.name, one.kind, one.unit) for one in INSTRUMENTS
    ]


def test_get_processor(sandbox: Sandbox) -> None:
    """The first that was made and not shut down."""
    assert roark_otel.get_processor() is None
    first, second = App(sandbox.url), App(sandbox.url)
    assert roark_otel.get_processor() is first.processor
    first.close()
    assert roark_otel.get_processor() is second.processor
    second.close()
    assert roark_otel.get_processor() is None
