"""What of a path may be shown: only the names that a call's fields have."""

from __future__ import annotations

from roark_otel._model.call import Call
from roark_otel._model.field_paths import NAMES, shown


def test_the_names_are_those_of_a_call() -> None:
    schema = Call.model_json_schema()
    assert {name for part in (schema, *schema["$defs"].values()) for name in part.get("properties", ())} == NAMES


def test_a_path_is_shown_up_to_what_is_not_a_name() -> None:
    assert shown("transcript[0].text") == "transcript[0].text"
    assert shown("properties.shop_name") == "properties.shop_name"
    assert shown("toolInvocations.0.parameters.card 4111") == "toolInvocations.0.parameters.…"
    assert shown("Hello there") == "…"
