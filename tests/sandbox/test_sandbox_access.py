"""Who may see the pages, and what browsers may do with them."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from roark_otel.sandbox import Sandbox
from roark_otel.sandbox.hosts import Hosts, is_public

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Json = dict[str, Any]

PATHS = [
    "/",
    "/calls/x",
    "/refused/1",
    "/compare",
    "/static/page.css",
    "/pages/calls",
    "/pages/calls/x",
    "/pages/events",
]
KEY = {"Authorization": "Bearer right-key"}


@pytest.fixture(scope="module", name="locked")
def _locked() -> Iterator[Sandbox]:
    with Sandbox(api_key="right-key") as sandbox:
        yield sandbox


def get(sandbox: Sandbox, path: str, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    client = httpx.Client(base_url=sandbox.url, trust_env=False, verify=False)  # noqa: S501 - no TLS, and no time for it
    with client, client.stream("GET", path, headers=named) as answer:
        if not answer.headers.get("content-type", "").startswith("text/event-stream"):
            answer.read()
        return answer


@pytest.mark.parametrize(
    ("host", "allowed", "own", "others"),
    [
        (
            "127.0.0.1",
            [],
            ["localhost", "LOCALHOST:1", "localhost.", "a.localhost", "127.0.0.1:80", "[::1]:80", "[::1]"],
            [],
        ),
        (
            "127.0.0.1",
            ["app.test"],
            ["app.test", "APP.TEST:9", "app.test."],
            ["app.test.evil.example", "x.app.test", "roark"],
        ),
        ("127.0.0.1", ["app.test:4319", "[FE80::1]:80"], ["app.test", "[fe80::1]"], ["roark"]),
        ("my-machine.local", [], ["my-machine.local:1", "roark"], ["other.local"]),
        ("0.0.0.0", [], ["roark", "roark:4319", "my_app-1", socket.gethostname()], ["roark.evil.example"]),  # noqa: S104 - a name
        ("::", ["Sandbox.default.svc"], ["sandbox.default.svc:4319", "roark"], ["default.svc"]),
        ("localhost", [], ["127.0.0.1"], ["roark"]),
        ("[::1]", [], ["[::1]"], ["roark"]),
    ],
)
def test_which_names_mean_the_sandbox(host: str, allowed: list[str], own: list[str], others: list[str]) -> None:
    hosts = Hosts(host, allowed)
    strangers = [
        *others,
        "",
        "evil.example",
        "evil.example@localhost",
        "localhost@evil.example",
        "evil.example:80@127.0.0.1",
        "localhost/evil.example",
        "localhost#.evil.example",
        "localhost?x",
        "localhost\\evil.example",
        "localhost, evil.example",
        "localhost evil.example",
        "[::1].evil.example",
        "[::1",
        "::1",
        "localhost:80:80",
        "localhost:port",
        "localhost:",
        "127.0.0.1.evil.example",
        "127.1",
        ".",
        ":80",
    ]

    assert [name for name in own if not hosts.has(name)] == []
    assert [name for name in strangers if hosts.has(name)] == []


@pytest.mark.parametrize(
    "name", ["http://app.test", "app.test/", "", "a b", "user@app.test", "a.test,b.test", "*:80:80"]
)
def test_what_is_no_name_is_an_error_at_once(name: str) -> None:
    with pytest.raises(ValueError, match="is not the name of a machine"):
        Sandbox(allow_hosts=[name])


def test_only_loopback_is_this_machine_alone() -> None:
    assert [
        host for host in ("127.0.0.1", "127.0.0.2", "::1", "[::1]", "localhost", "Localhost") if is_public(host)
    ] == []
    public = ("0.0.0.0", "::", "10.0.0.1", "192.168.1.5", "fe80::1%eth0", "example.com", "")  # noqa: S104 - names
    assert [host for host in public if not is_public(host)] == []


def test_a_name_before_the_host_is_refused(shared: Sandbox) -> None:
    for host in ("evil.example@localhost", "evil.example:1@127.0.0.1:80"):
        assert get(shared, "/pages/calls", Host=host).status_code in {400, 403}


def test_a_further_name_is_answered() -> None:
    with Sandbox(allow_hosts=["roark.test"]) as sandbox:
        assert get(sandbox, "/pages/calls", Host="roark.test:4319").status_code == 200
        assert get(sandbox, "/pages/calls", Host="other.test").status_code == 403


@pytest.mark.parametrize("path", [*PATHS, "/v1/call", "/recordings/x.wav", "/openapi.json", "/health"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "iframe"},
        {"Sec_Fetch_Site": "anything"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": ""},
    ],
    ids=str,
)
def test_a_request_of_another_site_is_refused(shared: Sandbox, path: str, headers: dict[str, str]) -> None:
    assert get(shared, path, Authorization="Bearer k", **headers).status_code == 403


def test_a_request_of_a_page_of_ours_is_answered(shared: Sandbox) -> None:
    for headers in (
        {"Sec_Fetch_Site": "same-origin", "Origin": "https://elsewhere.example"},
        {"Sec_Fetch_Site": "none"},
    ):
        assert get(shared, "/pages/calls", **headers).status_code == 200
    assert get(shared, "/pages/calls", Origin=shared.url).status_code == 200


def test_a_link_from_another_site_opens_a_page_and_nothing_else(shared: Sandbox) -> None:
    """As in a chat."""
    visit = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "document"}

    assert {path: get(shared, path, **visit).status_code for path in ("/", "/compare", "/calls/x", "/refused/1")} == {
        path: get(shared, path).status_code for path in ("/", "/compare", "/calls/x", "/refused/1")
    }
    for path in ("/pages/calls", "/static/page.css", "/v1/health", "/recordings/x.wav", "/pages/calls/x/file"):
        assert get(shared, path, **visit).status_code == 403


@pytest.mark.parametrize("path", [*PATHS, "/v1/call", "/v1/health", "/recordings/x.wav", "/openapi.json", "/nothing"])
def test_every_answer_has_safe_headers(locked: Sandbox, path: str) -> None:
    for headers in (KEY, {}, {"Host": "evil.example"}):
        answer = get(locked, path, **headers)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"


def test_the_token_of_the_link_becomes_a_cookie(locked: Sandbox) -> None:
    assert locked.page_url.startswith(f"{locked.url}/?token=")
    token = locked.page_url.partition("token=")[2]
    with httpx.Client(trust_env=False) as browser:
        assert browser.get(f"{locked.url}/pages/calls").status_code == 401
        first = browser.get(f"{locked.url}/pages/calls?search=a&token={token}")
        assert (first.status_code, first.headers["location"]) == (303, "/pages/calls?search=a")
        cookie = first.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert browser.get(f"{locked.url}/pages/calls").status_code == 200
    # The cookie of one sandbox is not that of another one on the same host.
    assert locked.url.rpartition(":")[2] in cookie.partition("=")[0]


@pytest.mark.parametrize("path", ["//evil.example/", "/\\evil.example", "///evil.example"])
def test_the_token_leads_to_no_other_host(locked: Sandbox, path: str) -> None:
    host, _, port = locked.url.removeprefix("http://").partition(":")
    token = locked.page_url.partition("token=")[2]
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(f"GET {path}?token={token} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    location = next(line for line in answer.decode().split("\r\n") if line.lower().startswith("location:"))
    assert location.partition(": ")[2].startswith("/evil.example")


@pytest.mark.parametrize("path", PATHS)
def test_a_page_of_a_sandbox_with_a_key_needs_it(locked: Sandbox, path: str) -> None:
    token = locked.page_url.partition("token=")[2]
    port = locked.url.rpartition(":")[2]
    wrong = [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer"},
        {"Authorization": f"Basic {token}"},
        {"Cookie": f"roark-sandbox-{port}="},
        {"Cookie": f"roark-sandbox-{port}={token[:-1]}"},
        {"Cookie": f"roark-sandbox-1={token}"},
        {"Cookie": f"roark-sandbox-{port}=\u00e9".encode("latin-1").decode("latin-1")},
    ]
    for headers in wrong:
        answer = get(locked, path, **{name: value.encode("latin-1") for name, value in headers.items()})  # type: ignore[arg-type]
        assert answer.status_code == 401
        assert token not in answer.text
    for query in ("?token=", "?token=wrong", "?token=%C3%A9", f"?token={token}x"):
        assert get(locked, path + query).status_code == 401
    assert get(locked, path, **KEY).status_code != 401
    assert get(locked, path, Cookie=f"roark-sandbox-{port}={token}").status_code != 401


def test_a_sandbox_on_loopback_without_a_key_has_open_pages(shared: Sandbox) -> None:
    assert shared.page_url == f"{shared.url}/"
    assert get(shared, "/pages/calls").status_code == 200


def test_a_public_sandbox_needs_its_link(call_body: Callable[..., Json]) -> None:
    with Sandbox(host="0.0.0.0") as sandbox:  # noqa: S104 - for a moment, in a test
        body = json.dumps(call_body())
        posted = httpx.post(
            f"{sandbox.url}/v1/call", content=body, headers={"Authorization": "Bearer any"}, trust_env=False
        )
        assert posted.status_code == 201
        assert get(sandbox, "/pages/calls").status_code == 401
        assert get(sandbox, "/pages/calls", Authorization="Bearer any").status_code == 401
        with httpx.Client(trust_env=False, follow_redirects=True) as browser:
            browser.get(sandbox.page_url)
            assert browser.get(f"{sandbox.url}/pages/calls").json()["total"] == 1


def test_a_key_may_have_any_characters(call_body: Callable[..., Json]) -> None:
    with Sandbox(api_key="schl\u00fcssel-\U0001f511") as sandbox:
        right = {"Authorization": "Bearer schl\u00fcssel-\U0001f511".encode()}
        wrong = {"Authorization": b"Bearer schl\xfcssel"}
        for headers, status in ((right, 201), (wrong, 401)):
            answer = httpx.post(f"{sandbox.url}/v1/call", json=call_body(), headers=headers, trust_env=False)  # type: ignore[arg-type]
            assert answer.status_code == status
