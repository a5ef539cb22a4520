from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from roark_analytics import Roark

from roark_otel.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Json = dict[str, Any]

NUMBERS = itertools.count(1)


@pytest.fixture(name="sandbox")
def _sandbox() -> Iterator[Sandbox]:
    """A sandbox that is this test's own, for the few that look at all calls there are."""
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture(scope="module", name="shared")
def _shared() -> Iterator[Sandbox]:
    """One sandbox for tests that a stranger's calls do not disturb; each start and stop takes a while."""
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture(scope="module", name="shared_raw")
def _shared_raw(shared: Sandbox) -> Iterator[httpx.Client]:
    with raw_client(shared) as raw:
        yield raw


@pytest.fixture(name="client")
def _client(shared: Sandbox) -> Iterator[Roark]:
    """The official client, in the shared sandbox but in a project of its own."""
    with official_client(shared, project=f"project-{next(NUMBERS)}") as client:
        yield client


@pytest.fixture(name="raw")
def _raw(sandbox: Sandbox) -> Iterator[httpx.Client]:
    with raw_client(sandbox) as raw:
        yield raw


@pytest.fixture(name="official")
def _official() -> Callable[..., Roark]:
    return official_client


@pytest.fixture(name="call_body")
def _call_body() -> Callable[..., Json]:
    return call_body


def official_client(sandbox: Sandbox, key: str = "k", **options: Any) -> Roark:
    """The official SDK; it checks the shape of every answer."""
    return Roark(
        base_url=sandbox.url,
        bearer_token=key,
        max_retries=0,
        _strict_response_validation=True,
        **options,
    )


def raw_client(sandbox: Sandbox) -> httpx.Client:
    return httpx.Client(base_url=sandbox.url, headers={"Authorization": "Bearer k"}, trust_env=False)


def call_body(**fields: Any) -> Json:
    """The least that makes a call, and then some."""
    return {
        "recordingUrl": "https://example.com/a.wav",
        "startedAt": "2026-01-31T09:30:00.000Z",
        "interfaceType": "PHONE",
        "callDirection": "INBOUND",
        **fields,
    }
