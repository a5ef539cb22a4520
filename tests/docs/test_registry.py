"""The registry in semconv/ says what the package reads and reports; the tables of the documents are made from it.

With UPDATE_DOCS in the environment the tables are written.
"""

from __future__ import annotations

import ast
import inspect
import os
import re
from itertools import pairwise
from typing import TYPE_CHECKING, get_args

import pytest
from jsonschema import Draft202012Validator

from roark_otel import attributes
from roark_otel._engine import metrics
from roark_otel.dialects.roark import ROARK
from roark_otel.dialects.roark.events import READ
from roark_otel.types import EndedStatus
from support.paths import ROOT
from support.registry import (
    KINDS,
    attributes_table,
    defined,
    events_tables,
    groups,
    metrics_table,
    of_type,
    outcomes_table,
)

if TYPE_CHECKING:
    from collections.abc import Callable

UPDATE = "UPDATE_DOCS=1 .venv/bin/python -m pytest tests/docs/test_registry.py"
EVENTS = {value for name, value in vars(attributes).items() if name.endswith("_EVENT")}
TEMPLATES = {attributes.PROPERTY_PREFIX}


def constants() -> dict[str, str]:
    """Returns the docstring of each constant by its value."""
    found: dict[str, str] = {}
    for one, after in pairwise(ast.parse(inspect.getsource(attributes)).body):
        if isinstance(one, ast.AnnAssign) and isinstance(after, ast.Expr) and isinstance(one.target, ast.Name):
            assert isinstance(after.value, ast.Constant)
            found[getattr(attributes, one.target.id)] = " ".join(str(after.value.value).split())
    return found


def test_every_constant_is_an_attribute_of_the_registry_with_its_docstring() -> None:
    ours = {one["id"]: one["brief"] for group in of_type("attribute_group")[:2] for one in group["attributes"]}
    known = {name.rstrip("."): text for name, text in constants().items() if name not in {*EVENTS, attributes.PREFIX}}

    assert ours == known


def test_every_event_is_one_that_is_read_with_the_attributes_that_are_read() -> None:
    events = {event["name"]: {one["ref"] for one in event["attributes"]} for event in of_type("event")}

    assert set(events) == EVENTS == set(READ)
    read = {name for name in ROARK.attributes or () if not name.startswith(("roark.", "livekit."))}
    plain = set.union(*events.values())
    assert {name for name in plain if not name.startswith(("agent.", "customer."))} | {"agent.", "customer."} == read
    assert plain == {
        one["id"] for group in of_type("attribute_group") if "event" in group["id"] for one in group["attributes"]
    }


def test_every_metric_is_one_that_is_reported() -> None:
    kinds = {"counter": metrics._COUNTER, "updowncounter": metrics._UP_DOWN, "gauge": metrics._GAUGE}
    assert set(kinds) == set(KINDS)
    registered = [
        (one["metric_name"], kinds[one["instrument"]], one["unit"], one["brief"]) for one in of_type("metric")
    ]

    assert registered == [(one.name, one.kind, one.unit, one.description) for one in metrics.INSTRUMENTS]


def test_every_outcome_is_one_that_is_reported() -> None:
    members = {one["value"] for one in defined()[metrics.OUTCOME]["type"]["members"]}
    reported = {*metrics._CONVERSATIONS.values(), *metrics._CALLS, "retried", "refused"}

    assert members == reported
    noted = {
        one["metric_name"]: set(re.findall(r"`(\w+)`", ref["note"]))
        for one in of_type("metric")
        for ref in one.get("attributes", ())
        if ref["ref"] == metrics.OUTCOME
    }
    assert noted["roark_otel.processor.conversation.processed"] == set(metrics._CONVERSATIONS.values())
    assert noted["roark_otel.exporter.call.exported"] == set(metrics._CALLS)


def test_every_ended_status_is_one_of_roark() -> None:
    members = [one["value"] for one in defined()[attributes.ENDED_STATUS]["type"]["members"]]

    assert members == list(get_args(EndedStatus))


# Shape

LEVEL = {
    "anyOf": [
        {"enum": ["required", "recommended", "opt_in"]},
        {"type": "object", "required": ["conditionally_required"], "additionalProperties": False, "properties": {
            "conditionally_required": {"type": "string"}}},
    ]
}  # fmt: skip
MEMBERS = {"type": "array", "minItems": 2, "items": {
    "type": "object", "required": ["id", "value", "stability"], "additionalProperties": False,
    "properties": {"id": {"pattern": "^[a-z][a-z0-9_]*$"}, "value": {}, "brief": {}, "stability": {}}}}  # fmt: skip
TYPE = {
    "anyOf": [
        {"enum": ["string", "double", "boolean", "template[string]"]},
        {"type": "object", "required": ["members"], "additionalProperties": False, "properties": {"members": MEMBERS}},
    ]
}
ATTRIBUTE = {
    "oneOf": [
        {"type": "object", "required": ["id", "type", "brief", "stability"], "additionalProperties": False,
         "properties": {
            "id": {"pattern": r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$"}, "type": TYPE, "brief": {"type": "string"},
            "stability": {"enum": ["development", "stable"]}, "examples": {"type": "array"}, "note": {"type": "string"},
            "annotations": {"type": "object"}}},
        {"type": "object", "required": ["ref", "requirement_level"], "additionalProperties": False, "properties": {
            "ref": {"type": "string"}, "requirement_level": LEVEL, "note": {"type": "string"}}},
    ]
}  # fmt: skip
GROUP = {
    "type": "object",
    "required": ["id", "type", "brief"],
    "additionalProperties": False,
    "properties": {
        **{name: {"type": "string"} for name in ("id", "brief", "display_name", "name", "metric_name", "unit")},
        "type": {"enum": ["attribute_group", "event", "metric"]},
        "instrument": {"enum": list(KINDS)},
        "stability": {"const": "development"},
        "attributes": {"type": "array", "minItems": 1, "items": ATTRIBUTE},
    },
}
"""What the registry uses of the language that OpenTelemetry's weaver reads."""


@pytest.mark.parametrize("group", groups(), ids=lambda group: group["id"])
def test_a_group_is_in_the_language_of_weaver(group: dict[str, object]) -> None:
    Draft202012Validator(GROUP).validate(group)


def test_ids_are_unique_and_references_lead_to_one() -> None:
    ids = [one["id"] for group in groups() for one in group.get("attributes", ()) if "id" in one]
    refs = {one["ref"] for group in groups() for one in group.get("attributes", ()) if "ref" in one}

    assert len(ids) == len(set(ids))
    assert refs <= set(ids)
    assert len({group["id"] for group in groups()}) == len(groups())
    text = [one for one in defined().values() if one["type"] == "string" and not one.get("examples")]
    assert text == [], "weaver wants an example of each text"


# Tables

TABLES: dict[str, tuple[str, Callable[[], str]]] = {
    "attributes": ("attributes.md", attributes_table),
    "events": ("attributes.md", events_tables),
    "metrics": ("metrics.md", metrics_table),
    "outcomes": ("metrics.md", outcomes_table),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_made_from_the_registry(name: str) -> None:
    document, make = TABLES[name]
    path = ROOT / "docs" / document
    page = path.read_text(encoding="utf-8")
    head, foot = f"<!-- made from semconv/: {name} -->\n\n", f"\n\n<!-- end: {name} -->"
    before, rest = page.split(head)
    written, after = rest.split(foot)
    if os.environ.get("UPDATE_DOCS"):
        path.write_text(before + head + make() + foot + after, encoding="utf-8")
        return
    assert written == make(), f"{document} is out of date; to update it: {UPDATE}"
