"""Custom properties: merged, in snake_case, and of one type in a project."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from roark_analytics import BadRequestError, NotFoundError

from roark_otel.sandbox.properties import stored_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from roark_analytics import Roark

    from roark_otel.sandbox import Sandbox

LEAST: dict[str, Any] = {
    "recording_url": "https://example.com/a.wav",
    "started_at": "2026-01-31T09:30:00Z",
    "interface_type": "WEB",
    "call_direction": "INBOUND",
}


def test_a_patch_adds_overwrites_and_removes(client: Roark) -> None:
    created = client.call.create(**LEAST, properties={"planTier": "gold", "mood": "good", "kept": 1}).data

    result = client.call.update_properties(
        created.id, properties={"plan_tier": "silver", "mood": None, "never": None, "isNew": False}
    ).data

    assert result.call_id == created.id
    assert result.updated == ["plan_tier", "is_new"]
    assert result.removed == ["mood"]
    assert result.properties == {"plan_tier": "silver", "kept": "1", "is_new": "false"}
    assert client.call.get_by_id(created.id).data.properties == result.properties
    assert result.metric_collection_job is None


def test_a_hundred_properties_are_accepted(client: Roark) -> None:
    created = client.call.create(**LEAST).data

    result = client.call.update_properties(created.id, properties={f"p{n}": n for n in range(100)}).data

    assert len(result.properties) == 100


def test_properties_of_an_unknown_call_are_not_found(client: Roark) -> None:
    with pytest.raises(NotFoundError):
        client.call.update_properties("unknown-call", properties={"a": 1})


def test_a_property_keeps_the_type_it_first_had(client: Roark) -> None:
    client.call.create(**LEAST, properties={"score": 1})

    client.call.create(**LEAST, properties={"score": 2.5})
    with pytest.raises(BadRequestError, match=r"properties\.Score"):
        client.call.create(**LEAST, external_id="again", properties={"fresh": True, "Score": "high"})

    # The refused call left nothing behind, neither its id nor the type of its other property.
    client.call.create(**LEAST, external_id="again", properties={"fresh": "yes", "score": 3})
    assert client.call.list().pagination.total == 3


def test_a_patch_of_another_type_changes_nothing(client: Roark) -> None:
    created = client.call.create(**LEAST, properties={"vip": True}).data

    with pytest.raises(BadRequestError, match=r"properties\.vip"):
        client.call.update_properties(created.id, properties={"fresh": 1, "vip": "yes"})

    assert client.call.get_by_id(created.id).data.properties == {"vip": "true"}


def test_null_has_no_type(client: Roark) -> None:
    client.call.create(**LEAST, properties={"later": None})
    created = client.call.create(**LEAST, properties={"later": "text"}).data

    assert client.call.get_by_id(created.id).data.properties == {"later": "text"}


def test_types_belong_to_one_project(client: Roark, shared: Sandbox, official: Callable[..., Roark]) -> None:
    client.call.create(**LEAST, properties={"score": 1})

    with official(shared, project="other") as other:
        assert other.call.create(**LEAST, properties={"score": "high"}).data.id


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("planTier", "plan_tier"),
        ("PlanTier", "plan_tier"),
        ("plan-tier", "plan_tier"),
        ("plan tier", "plan_tier"),
        ("plan_tier", "plan_tier"),
        ("HTTPStatus", "http_status"),
        ("httpStatus2", "http_status2"),
        ("roark_dropped_spans", "roark_dropped_spans"),
        ("größe", "größe"),
    ],
)
def test_names_are_stored_in_snake_case(key: str, name: str) -> None:
    assert stored_name(key) == name
