"""Checks that what the Collector before Kafka has waiting comes before the workers close conversations."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from roark_otel._worker.options import SETTLE_SECONDS
from support.paths import EXAMPLES, ROOT

Json = dict[str, Any]


def of_the_example() -> Json:
    found = yaml.safe_load((EXAMPLES / "collector" / "agent-to-kafka.yaml").read_text(encoding="utf-8"))
    return dict(found["exporters"]["kafka"])


def of_the_document() -> Json:
    text = (ROOT / "docs" / "kafka.md").read_text(encoding="utf-8")
    (block,) = [one for one in re.findall(r"```text\n(.*?)```", text, re.DOTALL) if one.startswith("exporters:")]
    return dict(yaml.safe_load(block)["exporters"]["kafka"])


@pytest.mark.parametrize("kafka", [of_the_example(), of_the_document()], ids=["example", "document"])
def test_what_the_collector_tries_again_is_written_within_the_default_settle_time(kafka: Json) -> None:
    """A try is made up to one and a half times the interval after the last, and Kafka's client takes a while, too."""
    retry = kafka["retry_on_failure"]
    longest = float(retry["max_interval"].removesuffix("s"))
    assert 2 * longest < SETTLE_SECONDS
    assert float(retry["initial_interval"].removesuffix("s")) <= longest
    assert retry["max_elapsed_time"] == "0s", "it never gives up"
