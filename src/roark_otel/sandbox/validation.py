"""Validates request bodies: first their shape (`schema.json`), then the rules between fields (`rules`)."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Protocol, cast

from jsonschema import Draft202012Validator

from roark_otel.sandbox.errors import Issue
from roark_otel.sandbox.formats import FORMATS
from roark_otel.sandbox.json_values import JsonObject, object_at
from roark_otel.sandbox.properties import RESERVED, stored_name
from roark_otel.sandbox.rules import broken_rules, broken_tool_rules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_MOST_ISSUES = 20


class _SchemaError(Protocol):
    """The attributes of `jsonschema.ValidationError` that are read."""

    absolute_path: Iterable[str | int]
    absolute_schema_path: Iterable[str | int]
    instance: Any
    schema: Any
    validator: str
    validator_value: Any


class _Validator(Protocol):
    def iter_errors(self, instance: object) -> Iterator[_SchemaError]: ...


def call_issues(body: JsonObject) -> tuple[Issue, ...]:
    """Returns the issues of a body of `POST /v1/call`."""
    return _shape_issues(_CREATE_CALL, body) or tuple(broken_rules(body))


def tool_invocations_issues(body: JsonObject, call: JsonObject) -> tuple[Issue, ...]:
    """Returns the issues of a body of `POST /v1/call/{id}/tool-invocations`.

    Args:
        body: The body of the request.
        call: The call that the tool invocations belong to, as it was posted.
    """
    return _shape_issues(_APPEND_TOOL_INVOCATIONS, body) or tuple(broken_tool_rules(body, call))


def properties_issues(body: JsonObject) -> tuple[Issue, ...]:
    """Returns the issues of a body of `PATCH /v1/call/{id}/properties`."""
    return _shape_issues(_UPDATE_PROPERTIES, body) or tuple(
        Issue(f"properties.{key}", "is set by Roark itself")
        for key in object_at(body, "properties")
        if stored_name(key) in RESERVED
    )


def _shape_issues(validator: _Validator, body: JsonObject) -> tuple[Issue, ...]:
    issues: dict[Issue, None] = {}
    for error in validator.iter_errors(body):
        issues.update(dict.fromkeys(_described(error)))
        if len(issues) >= _MOST_ISSUES:
            break
    return tuple(issues)[:_MOST_ISSUES]


def _described(error: _SchemaError) -> Iterator[Issue]:
    path = _path(error.absolute_path)
    if error.validator == "required":
        # The error points at the object that lacks the field, so the field is added to the path.
        for name in error.validator_value:
            if name not in error.instance:
                yield Issue(_joined(path, name), "is required")
    elif error.validator == "not":
        yield Issue(path, _excluded_by(list(error.absolute_schema_path)))
    else:
        yield Issue(path or "body", _message(error))


def _message(error: _SchemaError) -> str:
    if error.validator in ("anyOf", "pattern", "format") and "description" in error.schema:
        return f"must be {error.schema['description']}"
    describe = _MESSAGES.get(error.validator)
    return describe(error.validator_value) if describe else f"breaks the rule {error.validator}"


def _excluded_by(schema_path: list[str | int]) -> str:
    if "dependentSchemas" in schema_path:
        return f"must not be sent together with {schema_path[schema_path.index('dependentSchemas') + 1]}"
    return "does not go with this role"


def _path(steps: Iterable[str | int]) -> str:
    path = ""
    for step in steps:
        path = f"{path}[{step}]" if isinstance(step, int) else _joined(path, step)
    return path


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _types(value: str | list[str]) -> str:
    return "must be of type " + (value if isinstance(value, str) else " or ".join(value))


_MESSAGES: dict[str, Callable[[Any], str]] = {
    "type": _types,
    "enum": lambda allowed: "must be one of " + ", ".join(allowed),
    "format": lambda name: f"must be a {name} such as 2026-01-31T09:30:00.000Z",
    "minLength": lambda least: f"must have at least {least} characters",
    "maxLength": lambda most: f"must have at most {most} characters",
    "minimum": lambda least: f"must be at least {least}",
    "maximum": lambda most: f"must be at most {most}",
    "maxItems": lambda most: f"must have at most {most} items",
    "maxProperties": lambda most: f"must have at most {most} keys",
}


def _validator(definition: str) -> _Validator:
    schema = json.loads(files("roark_otel.sandbox").joinpath("schema.json").read_text("utf-8"))
    schema["$ref"] = f"#/$defs/{definition}"
    return cast("_Validator", Draft202012Validator(schema, format_checker=FORMATS))


_CREATE_CALL = _validator("createCall")
_APPEND_TOOL_INVOCATIONS = _validator("appendToolInvocations")
_UPDATE_PROPERTIES = _validator("updateProperties")
