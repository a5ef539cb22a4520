"""The registry of names in semconv/, and the tables of the documents that are made from it."""

from __future__ import annotations

from typing import Any

import yaml

from support.paths import ROOT

FOLDER = ROOT / "semconv" / "registry"
Json = dict[str, Any]

KINDS = {"counter": "counter", "updowncounter": "up/down", "gauge": "gauge"}
"""The instruments of the registry, as the documents name them."""


def groups() -> list[Json]:
    """Returns the groups of all files."""
    found: list[Json] = []
    for path in sorted(FOLDER.glob("*.yaml")):
        found += yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
    return found


def of_type(kind: str) -> list[Json]:
    """Returns the groups of a type: `attribute_group`, `event` or `metric`."""
    return [group for group in groups() if group["type"] == kind]


def defined() -> dict[str, Json]:
    """Returns every attribute that a group defines, by its id."""
    return {one["id"]: one for group in groups() for one in group.get("attributes", ()) if "id" in one}


def values(attribute: Json) -> str:
    """Returns what an attribute may be, as a reader of a table understands it."""
    kind = attribute["type"]
    if isinstance(kind, dict):
        return ", ".join(f"`{one['value']}`" for one in kind["members"])
    return {"boolean": "true or false", "double": "number", "string": "text", "template[string]": "scalar"}[str(kind)]


def attributes_table() -> str:
    """Returns the table of what describes a call."""
    lines = ["| attribute | values | in the call | meaning |", "|---|---|---|---|"]
    for one in (one for group in of_type("attribute_group")[:2] for one in group["attributes"]):
        name = f"{one['id']}.<name>" if str(one["type"]).startswith("template") else one["id"]
        becomes = one.get("annotations", {}).get("becomes")
        lines.append(f"| `{name}` | {values(one)} | {f'`{becomes}`' if becomes else ''} | {one['brief']} |")
    return "\n".join(lines)


def events_tables() -> str:
    """Returns a heading and a table for each event."""
    known, parts = defined(), []
    for event in of_type("event"):
        lines = [f"### {event['name']}", "", event["brief"], ""]
        lines += ["| attribute | | values | meaning |", "|---|---|---|---|"]
        for ref in event["attributes"]:
            one, level = known[ref["ref"]], ref["requirement_level"]
            needed = "required" if level == "required" else ""
            if isinstance(level, dict):
                condition = str(level["conditionally_required"]).rstrip(".")
                needed = f"required {condition[0].lower()}{condition[1:]}"
            lines.append(f"| `{ref['ref']}` | {needed} | {values(one)} | {one['brief']} |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def metrics_table() -> str:
    """Returns the table of all metrics."""
    lines = ["| metric | kind | unit | attributes | meaning |", "|---|---|---|---|---|"]
    for metric in of_type("metric"):
        notes = "; ".join(f"`{one['ref']}`: {one['note']}" for one in metric.get("attributes", ()))
        kind = KINDS[metric["instrument"]]
        lines.append(f"| `{metric['metric_name']}` | {kind} | `{metric['unit']}` | {notes} | {metric['brief']} |")
    return "\n".join(lines)


def outcomes_table() -> str:
    """Returns the table of what outcomes and states mean."""
    lines = ["| attribute | value | meaning |", "|---|---|---|"]
    for name in ("roark_otel.outcome", "roark_otel.spool.state"):
        lines += [f"| `{name}` | `{one['value']}` | {one['brief']} |" for one in defined()[name]["type"]["members"]]
    return "\n".join(lines)
