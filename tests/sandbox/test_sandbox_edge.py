"""Keys, sizes and addresses: the checks before a request reaches its endpoint."""

from __future__ import annotations

import io
import wave
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from roark_analytics import APIStatusError, AuthenticationError, BadRequestError

from roark_otel.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from roark_analytics import Roark


@pytest.fixture(scope="module", name="locked")
def _locked() -> Iterator[Sandbox]:
    with Sandbox(api_key="right-key") as sandbox:
        yield sandbox


def test_any_key_is_accepted_unless_one_is_set(shared: Sandbox, official: Callable[..., Roark]) -> None:
    with official(shared, key="whatever") as client:
        assert client.call.list().data == []


def test_the_right_key_is_accepted(locked: Sandbox, official: Callable[..., Roark]) -> None:
    with official(locked, key="right-key") as client:
        assert client.call.list().data == []


def test_a_wrong_key_is_refused(locked: Sandbox, official: Callable[..., Roark]) -> None:
    with official(locked, key="wrong-key") as client, pytest.raises(AuthenticationError):
        client.call.list()


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Basic k"},
    ],
    ids=str,
)
@pytest.mark.parametrize("path", ["/v1/call", "/v1/traces", "/v1/otel/v1/traces", "/v1/anything"])
def test_a_request_without_a_key_is_refused(shared: Sandbox, headers: dict[str, str], path: str) -> None:
    # The body is longer than the socket buffers: the answer has to arrive all the same.
    answer = httpx.post(shared.url + path, headers=headers, content=b"x" * 4_000_000, trust_env=False)

    assert answer.status_code == 401
    assert answer.json()["error"]["type"] == "unauthorized"


def test_an_empty_project_is_refused(shared: Sandbox, official: Callable[..., Roark]) -> None:
    with official(shared, project="") as client, pytest.raises(BadRequestError, match="X-Roark-Project-Id"):
        client.call.list(extra_headers={"X-Roark-Project-Id": ""})


@pytest.mark.parametrize("path", ["/v1/health", "/health"])
def test_health_needs_no_key(shared: Sandbox, path: str) -> None:
    answer = httpx.get(shared.url + path, trust_env=False)

    assert (answer.status_code, answer.json()["data"]["status"]) == (200, "healthy")


def test_health_has_the_shape_that_the_official_client_reads(shared: Sandbox, official: Callable[..., Roark]) -> None:
    with official(shared) as client:
        assert client.health.get().data.status == "healthy"


@pytest.mark.parametrize("external_id", ["call-1", "a%2Fb%20c", "%C3%A9.wav", "x" * 255])
def test_every_call_has_a_silent_recording(shared: Sandbox, external_id: str) -> None:
    answer = httpx.get(f"{shared.url}/recordings/{external_id}.wav", trust_env=False)

    assert (answer.status_code, answer.headers["content-type"]) == (200, "audio/wav")
    with wave.open(io.BytesIO(answer.content)) as recording:
        assert (recording.getnchannels(), recording.getframerate()) == (1, 8000)
        assert set(recording.readframes(recording.getnframes())) == {0}


def test_head_answers_for_a_recording_without_its_bytes(shared: Sandbox) -> None:
    answer = httpx.head(f"{shared.url}/recordings/call-1.wav", trust_env=False)

    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["content-length"]) > 8000


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/nothing", 404),
        ("POST", "/v1/call/", 404),
        ("GET", "/recordings/call-1.mp3", 404),
        ("DELETE", "/v1/call", 405),
        ("DELETE", "/v1/call/some-id", 405),
        ("GET", "/v1/traces", 405),
        ("POST", "/v1/health", 405),
    ],
)
def test_a_wrong_address_or_method_is_refused(shared_raw: httpx.Client, method: str, path: str, status: int) -> None:
    answer = shared_raw.request(method, path)

    assert answer.status_code == status
    assert answer.json()["error"]["message"]


def test_405_lists_every_allowed_method(shared_raw: httpx.Client) -> None:
    allowed = shared_raw.put("/v1/call").headers["allow"]

    assert {"GET", "POST"} <= {method.strip() for method in allowed.split(",")}


def test_a_body_over_the_limit_is_refused_and_one_at_the_limit_is_accepted(call_body: Callable[..., Any]) -> None:
    with Sandbox(max_body=2_000_000) as sandbox, httpx.Client(base_url=sandbox.url, trust_env=False) as raw:
        raw.headers["Authorization"] = "Bearer k"
        room = 2_000_000 - len(httpx.Request("POST", "http://example.com", json=call_body(note="")).content)

        assert raw.post("/v1/call", json=call_body(note="x" * room)).status_code == 201
        answer = raw.post("/v1/call", json=call_body(note="x" * (room + 1)))

        assert answer.status_code == 413
        assert answer.json()["error"]["type"] == "payload_too_large"


def test_a_body_without_a_content_length_is_measured_too(shared_raw: httpx.Client) -> None:
    answer = shared_raw.post("/v1/call", content=(b" " * 1_000_000 for _ in range(11)))

    assert answer.status_code == 413


def test_the_official_client_sees_413(shared: Sandbox, official: Callable[..., Roark]) -> None:
    with official(shared) as client, pytest.raises(APIStatusError) as caught:
        client.call.create(
            recording_url="https://example.com/a.wav",
            started_at="2026-01-31T09:30:00Z",
            interface_type="WEB",
            call_direction="INBOUND",
            properties={"long": "x" * 11_000_000},
        )

    assert caught.value.status_code == 413
