"""Who may ask the sandbox, faults on purpose, and parts of a recording."""

from __future__ import annotations

import time

import httpx
import pytest

from roark_otel.sandbox import Faults, Sandbox
from roark_otel.sandbox.faults import fault, seconds
from support.helpers import App

KEY = {"Authorization": "Bearer any-key"}


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil.example", "", "[::1", "local host"],
)
def test_a_request_for_another_host_is_refused(shared: Sandbox, host: str) -> None:
    """As a page of that host would send one, once its name means this machine."""
    for path in ("/v1/call", "/v1/health", "/recordings/call-1.wav", "/"):
        answer = httpx.get(shared.url + path, headers={**KEY, "Host": host}, trust_env=False)
        assert answer.status_code in {400, 403}, path


@pytest.mark.parametrize("host", ["localhost:1", "LOCALHOST", "app.localhost", "127.0.0.1", "[::1]:9", "10.0.0.7"])
def test_a_request_for_this_machine_is_answered(shared: Sandbox, host: str) -> None:
    assert httpx.get(f"{shared.url}/v1/call", headers={**KEY, "Host": host}, trust_env=False).status_code == 200


def test_a_page_of_another_site_is_refused(shared: Sandbox) -> None:
    headers = {**KEY, "Sec-Fetch-Site": "cross-site"}

    assert httpx.get(f"{shared.url}/v1/call", headers=headers, trust_env=False).status_code == 403


def test_a_share_of_requests_fails_and_no_call_is_lost() -> None:
    with Sandbox(faults=Faults(((503, 0.4), (429, 0.2)))) as sandbox:
        app = App(sandbox.url)
        for number in range(10):
            app.conversation(f"call-{number}", "Hello.", **{"roark.conversation.root": True})
        deadline = time.monotonic() + 120
        while not app.processor.force_flush(5_000):
            assert time.monotonic() < deadline

        assert len(sandbox.calls()) == 10


def test_a_request_may_ask_for_a_fault(shared: Sandbox) -> None:
    def answer(**headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.get(f"{shared.url}/v1/call", headers={**KEY, **named}, trust_env=False)

    assert answer(x_sandbox_fault="503").headers["retry-after"] == "1"
    assert answer(x_sandbox_fault="503").status_code == 503
    assert answer(x_sandbox_fault="200").status_code == 200
    assert answer(x_sandbox_fault="teapot").status_code == 200
    began = time.monotonic()
    assert answer(x_sandbox_latency="300ms").status_code == 200
    assert time.monotonic() - began >= 0.3


def test_what_is_no_fault_is_an_error() -> None:
    assert fault("503:0.2") == (503, 0.2)
    assert fault("429") == (429, 1.0)
    assert fault(" 500:.5 ") == (500, 0.5)
    assert seconds("1.5s") == 1.5
    for wrong in ("200:0.5", "503:2", "503:1.1", "503:-1", "503:nan", "x", ""):
        with pytest.raises(ValueError, match="must be a status"):
            fault(wrong)
    for wrong in ("5", "-1s", "1e9s", "700s", "nan"):
        with pytest.raises(ValueError, match="must be a time"):
            seconds(wrong)
    with pytest.raises(ValueError, match="more than 1"):
        Faults(((503, 0.6), (500, 0.6)))


def test_a_part_of_a_recording_is_a_part(shared: Sandbox) -> None:
    def part(wanted: str | None) -> httpx.Response:
        headers = {} if wanted is None else {"Range": wanted}
        return httpx.get(f"{shared.url}/recordings/call-1.wav", headers=headers, trust_env=False)

    whole = part(None)
    size = len(whole.content)
    assert whole.headers["accept-ranges"] == "bytes"
    for wanted, first, last in [
        ("bytes=0-9", 0, 9),
        ("bytes=100-", 100, size - 1),
        ("bytes=-50", size - 50, size - 1),
        (f"bytes=10-{10 * size}", 10, size - 1),
    ]:
        answer = part(wanted)
        assert answer.status_code == 206
        assert answer.headers["content-range"] == f"bytes {first}-{last}/{size}"
        assert answer.content == whole.content[first : last + 1]
    assert part(f"bytes={size}-").status_code == 416
    assert part("bytes=0-0,5-9").status_code == 200
    assert part("lines=1-2").status_code == 200


def test_shares_that_are_a_whole_are_no_more_than_one() -> None:
    shares = tuple((503, share) for share in (0.4, 0.2, 0.1, 0.2, 0.1))

    assert sum(share for _, share in shares) > 1
    assert Faults(shares).shares == shares
