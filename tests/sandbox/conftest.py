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
    """Starts a sandbox for one test, for the few that read all calls."""
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture(scope="module", name="shared")
def _shared() -> Iterator[Sandbox]:
    """Starts one sandbox for the tests of a module that ignore calls of other tests; a start and stop takes a while."""
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture(scope="module", name="shared_raw")
def _shared_raw(shared: Sandbox) -> Iterator[httpx.Client]:
    with raw_client(shared) as raw:
        yield raw


@pytest.fixture(name="client")
def _client(shared: Sandbox) -> Iterator[Roark]:
    """Makes an official client with the shared sandbox and a new project."""
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
    """Makes a client of the official SDK, which checks the shape of every answer."""
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
    """Makes the body of a call from the required fields and these."""
    return {
        "recordingUrl": "https://example.com/a.wav",
        "startedAt": "2026-01-31T09:30:00.000Z",
        "interfaceType": "PHONE",
        "callDirection": "INBOUND",
        **fields,
    }
