"""Alert rules and dashboard ask for metrics that exist: for what a Prometheus scrapes of a processor in use."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from roark_otel._engine.metrics import INSTRUMENTS
from roark_otel.sandbox import Sandbox
from support.paths import EXAMPLES, ROOT

if TYPE_CHECKING:
    from pathlib import Path

promql = pytest.importorskip("promql_parser", reason="has no packages for some Pythons and machines")
pytest.importorskip("opentelemetry.exporter.prometheus")

MONITORING = EXAMPLES / "monitoring"
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((MONITORING / "alerts.yaml").read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]
DASHBOARD: dict[str, Any] = json.loads((MONITORING / "dashboard.json").read_text(encoding="utf-8"))
GRAFANA = {"$__rate_interval": "5m", "$job": ".*"}
"""What Grafana puts in place of its variables."""

QUERIES = {
    **{rule["alert"]: rule["expr"] for rule in RULES},
    **{
        f"{panel['title']} {target['refId']}": target["expr"]
        for panel in DASHBOARD["panels"]
        for target in panel["targets"]
    },
}

APP = """
import sys
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from prometheus_client import REGISTRY, generate_latest
import roark_otel

taking, refusing = sys.argv[1:]
meters = MeterProvider([PrometheusMetricReader()], shutdown_on_exit=False)
for url, key in ((taking, "right"), (refusing, "wrong")):
    provider = TracerProvider(shutdown_on_exit=False)
    processor = roark_otel.RoarkSpanProcessor(api_key=key, base_url=url, meter_provider=meters)
    provider.add_span_processor(processor)
    address = "https://example.com/a.wav"
    with roark_otel.conversation(f"of {key}", recording_url=address, tracer_provider=provider) as call:
        call.customer_said("Hello?")
    provider.force_flush()
print(generate_latest(REGISTRY).decode())
"""
"""Delivers one call, and is refused another."""


@pytest.fixture(name="scraped", scope="module")
def _scraped(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, set[str]]]:
    """Returns the values of each label of each series, by the series' name."""
    spool: Path = tmp_path_factory.mktemp("spool")
    with Sandbox(api_key="right") as taking, Sandbox(api_key="another") as refusing:
        env = {"ROARK_SPOOL_DIR": str(spool), "PATH": "", "PYTHONPATH": ":".join(filter(None, sys.path))}
        done = subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-c", APP, taking.url, refusing.url],
            env=env,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    found: dict[str, dict[str, set[str]]] = {}
    for name, labels in re.findall(r"^(roark_otel_\w+)\{(.*)\} ", done.stdout, re.MULTILINE):
        for label, value in re.findall(r'(\w+)="([^"]*)"', labels):
            found.setdefault(name, {}).setdefault(label, set()).add(value)
    return found


def selectors(query: str) -> list[Any]:
    """Returns what a query selects; it is parsed as Prometheus does.

    Raises:
        ValueError: if it is no query.
    """
    for variable, value in GRAFANA.items():
        query = query.replace(variable, value)
    found: list[Any] = []

    def visit(node: Any) -> bool:
        if isinstance(node, promql.VectorSelector):
            found.append(node)
        return True

    promql.walk(promql.parse(query), visit)
    return found


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_selects_what_is_exported(scraped: dict[str, dict[str, set[str]]], name: str) -> None:
    """Every series exists, with every label that the query names, and outcomes and states that there are."""
    known = set(re.findall(r"`(\w+)`", (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")))

    found = selectors(QUERIES[name])
    assert found
    for selector in found:
        assert selector.name in scraped
        for matcher in selector.matchers.matchers:
            if matcher.name == "job":  # the scraper's own
                continue
            assert matcher.name in scraped[selector.name]
            assert set(matcher.value.split("|")) <= known
    grouped = {label for labels in re.findall(r"by \(([^)]*)\)", QUERIES[name]) for label in labels.split(", ")}
    labels = {label for selector in found for label in scraped[selector.name]}
    assert grouped - {"job", "instance"} - labels - {"error_type"} == set()


def test_the_dashboard_shows_every_metric(scraped: dict[str, dict[str, set[str]]]) -> None:
    shown = {
        selector.name
        for panel in DASHBOARD["panels"]
        for one in panel["targets"]
        for selector in selectors(one["expr"])
    }

    assert shown == set(scraped)
    assert len(shown) == len(INSTRUMENTS)


def test_an_alert_says_what_to_do_and_the_documents_list_it() -> None:
    page = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `(Roark\w+)` \| (\w+) \|", page, re.MULTILINE)

    assert listed == [(rule["alert"], rule["labels"]["severity"]) for rule in RULES]
    for rule in RULES:
        assert {"summary", "description"} == rule["annotations"].keys()
        assert set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"])) <= {
            "job",
            *(label for labels in re.findall(r"by \(([^)]*)\)", rule["expr"]) for label in labels.split(", ")),
        }


def test_the_counter_that_begins_with_its_first_event_is_compared_with_none() -> None:
    """increase() of a series that was not there is nothing: the first lost call would raise no alarm."""
    late = ("roark_otel_exporter_call_exported_total", "roark_otel_exporter_attempt_failed_total")
    for rule in RULES:
        if rule["alert"] != "RoarkOutOfReach" and any(name in rule["expr"] for name in late):
            assert "unless" in rule["expr"]
            assert "offset" in rule["expr"]
