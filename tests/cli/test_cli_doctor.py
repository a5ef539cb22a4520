"""`roark-otel doctor`: it reports what is wrong in plain words, and what to set."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import ssl
import subprocess
import threading
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased, Sampler, TraceIdRatioBased

from roark_otel import RoarkSampler, RoarkSpanProcessor, Settings
from roark_otel._delivery.client import Client
from roark_otel._spool.file import Header
from roark_otel._spool.spool import Spool
from roark_otel.cli.doctor import network
from roark_otel.cli.doctor.config_file import NoFile
from roark_otel.cli.doctor.findings import Finding, Fine, Warned, Wrong, lines, verdict
from roark_otel.cli.doctor.sampler import check_sampler
from roark_otel.cli.doctor.spooldir import check_spool
from roark_otel.cli.doctor.surroundings import check_provider
from roark_otel.cli.doctor.versions import check_doubles, check_listening
from roark_otel.sandbox import Sandbox
from support.answering import Answer, AnsweringServer, NoAnswer
from support.spool_names import call_name

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., tuple[int, str, str]]

KEY = "the-right-key"
RECORDINGS = "https://example.com/{external_id}.wav"


@pytest.fixture(name="examine")
def _examine(command: Run, tmp_path: Path) -> Callable[..., tuple[int, dict[str, list[dict[str, str]]]]]:
    """Runs doctor and sorts its findings by their subject."""

    def examine(*options: str, **environment: str) -> tuple[int, dict[str, list[dict[str, str]]]]:
        given = {"ROARK_SPOOL_DIR": str(tmp_path / "spool"), "ROARK_RECORDING_URL_TEMPLATE": RECORDINGS, **environment}
        status, out, err = command("doctor", "--json", *options, **given)
        assert err == ""
        by_subject: dict[str, list[dict[str, str]]] = {}
        for finding in json.loads(out):
            by_subject.setdefault(finding["about"], []).append(finding)
        return status, by_subject

    return examine


def wrongs(found: dict[str, list[dict[str, str]]]) -> dict[str, str]:
    return {one["about"]: one["seen"] for many in found.values() for one in many if one["level"] == "wrong"}


def test_nothing_is_wrong(examine: Any, tmp_path: Path) -> None:
    with Sandbox(api_key=KEY) as sandbox:
        status, found = examine(ROARK_API_KEY=KEY, ROARK_BASE_URL=sandbox.url)

        assert status == 0
        assert wrongs(found) == {}
        assert found["Roark"][0] == {"level": "fine", "about": "Roark", "seen": f"{sandbox.url} accepts the key"}
        assert sandbox.calls() == []
    assert not (tmp_path / "spool").exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [("ROARK_BASE_URL", "api.example.com"), ("ROARK_LINGER_SECONDS", "soon"), ("ROARK_REDACT", "crad")],
)
def test_a_variable_with_a_flaw_is_not_listed_as_fine(examine: Any, name: str, value: str) -> None:
    with Sandbox(api_key=KEY) as sandbox:
        _, found = examine(**{"ROARK_API_KEY": KEY, "ROARK_BASE_URL": sandbox.url, name: value})
    assert [one["seen"].partition(":")[0] for one in found["environment"]] == [name]
    assert name not in found
    assert "ROARK_API_KEY" in found


def test_the_key_is_never_shown(run: Run) -> None:
    _, out, err = run("doctor", ROARK_API_KEY=KEY, ROARK_BASE_URL="http://127.0.0.1:9")

    assert KEY not in out + err
    assert "ROARK_API_KEY: set, not shown" in out


def test_what_may_be_secret_in_a_url_is_not_shown(command: Run) -> None:
    url = "https://user:password@recordings.example.com/none.wav?X-Signature=abc"

    _, out, _ = command("doctor", ROARK_BASE_URL="http://127.0.0.1:9", ROARK_RECORDING_FALLBACK_URL=url)

    assert "ROARK_RECORDING_FALLBACK_URL: https://…@recordings.example.com/none.wav?…\n" in out
    assert "password" not in out
    assert "X-Signature" not in out


def test_no_key(examine: Any, sandbox: Sandbox) -> None:
    status, found = examine(ROARK_BASE_URL=sandbox.url)

    assert status == 1
    assert found["key"][0]["seen"] == "missing, so no calls are sent to Roark"
    assert found["key"][0]["cure"] == "set ROARK_API_KEY"


def test_a_wrong_key(examine: Any) -> None:
    with Sandbox(api_key=KEY) as sandbox:
        status, found = examine(ROARK_API_KEY="another-key", ROARK_BASE_URL=sandbox.url)

    assert status == 1
    assert wrongs(found) == {"Roark": "the key is refused (401)"}


def test_no_route(examine: Any) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and not listening
        port = taken.getsockname()[1]
        status, found = examine(ROARK_API_KEY=KEY, ROARK_BASE_URL=f"http://127.0.0.1:{port}")

    assert status == 1
    assert wrongs(found) == {"connection": f"127.0.0.1 port {port}: Connection refused"}


def test_a_wrong_address(examine: Any, sandbox: Sandbox) -> None:
    status, found = examine(ROARK_API_KEY=KEY, ROARK_BASE_URL=f"{sandbox.url}/app")

    assert status == 1
    assert wrongs(found) == {"Roark": f"{sandbox.url}/app answers 404 and is not Roark's API"}


def test_a_name_that_cannot_be_resolved(examine: Any) -> None:
    status, found = examine(ROARK_API_KEY=KEY, ROARK_BASE_URL="https://roark.invalid")

    assert status == 1
    assert "roark.invalid cannot be resolved" in wrongs(found)["name"]


def test_a_framework_that_is_none_is_noted(examine: Any, sandbox: Sandbox) -> None:
    _, found = examine(ROARK_API_KEY=KEY, ROARK_BASE_URL=sandbox.url, ROARK_INSTRUMENT="LiveKit,livekt,none")

    assert [one["seen"] for one in found["environment"] if one["level"] == "warned"] == [
        "ROARK_INSTRUMENT: ignoring 'livekt', which is no framework of this version; it may be livekit, pipecat, none"
    ]


def test_a_spool_that_cannot_be_written(examine: Any, sandbox: Sandbox, tmp_path: Path) -> None:
    in_the_way = tmp_path / "a-file"
    in_the_way.write_text("", encoding="utf-8")

    status, found = examine(ROARK_API_KEY=KEY, ROARK_BASE_URL=sandbox.url, ROARK_SPOOL_DIR=str(in_the_way / "spool"))

    assert status == 1
    assert list(wrongs(found)) == ["spool"]
    assert "set ROARK_SPOOL_DIR to a directory" in next(
        one["cure"] for one in found["spool"] if one["level"] == "wrong"
    )


def test_an_opentelemetry_that_is_too_old(run: Run, sandbox: Sandbox, tmp_path: Path) -> None:
    """A distribution on the path before the installed one claims another version."""
    info = tmp_path / "opentelemetry_sdk-1.20.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: opentelemetry-sdk\nVersion: 1.20.0\n", encoding="utf-8"
    )
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from roark_otel.cli import main; sys.exit(main())"

    status, out, _ = run("doctor", code=code, ROARK_API_KEY=KEY, ROARK_BASE_URL=sandbox.url)

    assert status == 1
    assert "WRONG  versions: roark-otel" in out
    assert 'pip install -U "opentelemetry-sdk>=1.33.1"' in out


def test_everything_that_turns_it_off(examine: Any, sandbox: Sandbox) -> None:
    status, found = examine(
        ROARK_API_KEY=KEY, ROARK_BASE_URL=sandbox.url, ROARK_OBSERVABILITY_ENABLED="off", OTEL_SDK_DISABLED="true"
    )

    assert status == 1
    assert set(wrongs(found)) == {"switch", "provider"}


def test_a_misspelt_and_an_invalid_variable(examine: Any, sandbox: Sandbox) -> None:
    status, found = examine(
        ROARK_API_KEY=KEY, ROARK_BASE_URL=sandbox.url, ROARK_LINGER_SECOND="3", ROARK_QUIET_SECONDS="soon"
    )

    assert status == 0
    lines = [one["seen"] for one in found["environment"]]
    assert any("nearest: ROARK_LINGER_SECONDS" in line for line in lines)
    assert any(line.startswith("ROARK_QUIET_SECONDS") for line in lines)


@pytest.mark.parametrize(
    ("content", "level"), [("the-key\n", "fine"), ("\n", "wrong"), (None, "wrong")], ids=["there", "empty", "missing"]
)
def test_a_file_that_holds_the_key(
    examine: Any, sandbox: Sandbox, tmp_path: Path, content: str | None, level: str
) -> None:
    file = tmp_path / "key"
    if content is not None:
        file.write_text(content, encoding="utf-8")

    _, found = examine(ROARK_API_KEY_FILE=str(file), ROARK_BASE_URL=sandbox.url)

    assert [one["level"] for one in found["key"]] == [level]


def test_a_test_call_is_created_only_when_it_is_asked_for(command: Run, sandbox: Sandbox, tmp_path: Path) -> None:
    given = {"ROARK_API_KEY": KEY, "ROARK_BASE_URL": sandbox.url, "ROARK_SPOOL_DIR": str(tmp_path / "spool")}

    status, out, _ = command("doctor", "--send-test-call", **given)

    (call,) = sandbox.calls()
    assert status == 0
    assert f"creating the call {call['externalId']} at {sandbox.url}" in out
    assert f"test call: {call['externalId']} was created" in out
    assert not (tmp_path / "spool").exists()


def test_it_shows_a_person_what_to_do(run: Run, sandbox: Sandbox, tmp_path: Path) -> None:
    status, out, err = run("doctor", ROARK_BASE_URL=sandbox.url, ROARK_SPOOL_DIR=str(tmp_path / "spool"))

    assert (status, err) == (1, "")
    assert "  WRONG  key: missing, so no calls are sent to Roark\n         set ROARK_API_KEY\n" in out
    assert out.endswith("1 wrong: until this is corrected, calls may not arrive, or not as you configured them.\n")


# Single checks


def shown(findings: list[Finding]) -> list[tuple[type[Finding], str]]:
    return [(type(finding), finding.seen) for finding in findings]


@pytest.mark.parametrize(
    ("answer", "level", "part"),
    [
        (Answer(200, b'{"data": []}'), Fine, "accepts the key"),
        (Answer(200, b"<html>"), Wrong, "is not Roark's API"),
        (Answer(301), Wrong, "is not Roark's API"),
        (Answer(402), Wrong, "no credits"),
        (Answer(403), Wrong, "the key is refused (403)"),
        (Answer(429), Warned, "answers 429 at the moment"),
        (Answer(503), Warned, "answers 503 at the moment"),
        (NoAnswer(), Wrong, "does not answer (RemoteProtocolError)"),
    ],
)
def test_what_an_answer_means(answer: Answer | NoAnswer, level: type[Finding], part: str) -> None:
    with AnsweringServer(then=answer) as server:
        settings = Settings().with_arguments(api_key=KEY, base_url=server.url)
        found = network.check_network(settings, client_of)[-1]

        assert isinstance(found, level)
        assert part in found.seen
        # The first connection is doctor's own, without a request.
        assert {(seen.method, seen.path) for seen in server.seen} == {("GET", "/v1/call?limit=1")}


def client_of(settings: Settings) -> Client:
    assert settings.api_key is not None
    return Client(settings.base_url, settings.api_key, settings.project_id, 10)


def test_a_port_that_does_not_speak_tls(sandbox: Sandbox) -> None:
    url = sandbox.url.replace("http://", "https://")

    found = network.check_network(Settings().with_arguments(api_key=KEY, base_url=url), client_of)

    assert isinstance(found[-1], Wrong)
    assert found[-1].about == "TLS"


@pytest.mark.skipif(shutil.which("openssl") is None, reason="a certificate is made with the openssl command")
def test_a_self_signed_certificate(tmp_path: Path) -> None:
    """In a real handshake, with a certificate made for this test."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = ["-keyout", str(key), "-out", str(certificate), "-days", "1", "-subj", "/CN=localhost"]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *made], check=True, capture_output=True)  # noqa: S603, S607
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def answer() -> None:
            connection, _ = listener.accept()
            with connection, contextlib.suppress(OSError):
                context.wrap_socket(connection, server_side=True)

        thread = threading.Thread(target=answer)
        thread.start()
        settings = Settings().with_arguments(api_key=KEY, base_url=f"https://localhost:{port}")
        found = network.check_network(settings, client_of)
        thread.join()

    assert isinstance(found[-1], Wrong)
    assert found[-1].seen.startswith("the certificate is not accepted: self")
    assert "SSL_CERT_FILE" in found[-1].cure


def test_a_proxy_is_used_and_its_password_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    with AnsweringServer() as proxy:
        port = proxy.url.rpartition(":")[2]
        monkeypatch.setenv("https_proxy", f"http://user:secret@127.0.0.1:{port}")
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.setenv(name, "elsewhere.example.com")
        settings = Settings().with_arguments(api_key=KEY, base_url="https://roark.example.com")
        found = network.check_network(settings, client_of)

    assert shown(found)[0] == (Fine, f"requests go through http://127.0.0.1:{port}, as https_proxy names it")
    assert isinstance(found[1], Wrong)  # this server opens no tunnel
    assert "secret" not in str(found)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALL_PROXY", "socks://user:hunter2@127.0.0.1:9/"),
        ("https_proxy", "http://user:hunter2@proxy.example.com:port"),
        ("HTTPS_PROXY", "socks5://hunter2@127.0.0.1:9"),
        ("SSL_CERT_FILE", "/nonexistent/hunter2.pem"),
        ("SSL_CERT_DIR", "/nonexistent/hunter2"),
        ("SSLKEYLOGFILE", "/nonexistent/hunter2"),
    ],
)
def test_an_environment_that_allows_no_connection(examine: Any, sandbox: Sandbox, name: str, value: str) -> None:
    """It names the variable, also of what only https needs; a sandbox on this machine needs none of it."""
    status, found = examine(ROARK_API_KEY=KEY, ROARK_BASE_URL="https://roark.example.com", **{name: value})
    fine, _ = examine(ROARK_API_KEY=KEY, ROARK_BASE_URL=sandbox.url, **{name: value})

    assert (status, fine) == (1, 0)
    assert list(wrongs(found)) == [name]
    assert "no connection to Roark can be made" in wrongs(found)[name]
    assert "hunter2" not in json.dumps(found)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ROARK_BASE_URL", "htps://user:hunter2@roark.example.com"),
        ("ROARK_BASE_URL", "user:hunter2@roark.example.com"),
        ("ROARK_BASE_URL", "https://user:hun/ter2:hunter2@roark.example.com"),
        ("ROARK_PROJECT_ID", "pr\u00f6ject"),
        ("ROARK_API_KEY", "hunter2 hunter2"),
        ("ROARK_OBSERVABILITY_ENABLED", "perhaps"),
        ("ROARK_CAPTURE_CONTENT", "perhaps"),
        ("ROARK_REDACT", "crad"),
        ("ROARK_REDACT_PATTERNS", "[hunter2"),
        ("ROARK_LOG_EXTERNAL_ID", "hashed"),
        ("ROARK_EXPORT_TRACES", "perhaps"),
        ("ROARK_TRACES_ENDPOINT", "http://user:hunter2@traces.example.com"),
        ("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "flase"),
    ],
)
def test_a_value_that_closes_is_wrong(examine: Any, sandbox: Sandbox, name: str, value: str) -> None:
    status, found = examine(**{"ROARK_API_KEY": KEY, "ROARK_BASE_URL": sandbox.url, name: value})

    assert status == 1
    wrong = [one["seen"] for one in found["environment"] if one["level"] == "wrong"]
    assert [line.partition(":")[0] for line in wrong] == [name]
    assert "hunter2" not in json.dumps(found)


def test_a_backlog_is_counted(tmp_path: Path) -> None:
    part = tmp_path / "spool" / "0123"
    (part / "rejected").mkdir(parents=True)
    for name in ("a.ready.jsonl", "b.tried.jsonl", "c.waiting.jsonl", "rejected/d.jsonl"):
        (part / name).write_text("", encoding="utf-8")
    (tmp_path / "spool").chmod(0o755)

    found = check_spool(Settings().with_arguments(spool_dir=tmp_path / "spool"))

    assert (Warned, "waiting for a recording: 1") in shown(found)
    assert (Warned, "rejected by Roark, and kept: 1") in shown(found)
    assert (Warned, "waiting to be sent: 2") in shown(found)
    assert (Warned, "open to every user of this machine (mode 0755)") in shown(found)


def test_a_conversation_that_a_crash_cut_off_is_counted(tmp_path: Path) -> None:
    """And one that goes on in a living process is not."""
    dying, living = (Spool(tmp_path / "spool" / "0123").open_calls for _ in range(2))
    for name, one in ("a", dying), ("b", living):
        assert one is not None
        assert one.save(call_name(name, 1), Header(name, "a1", 0.0, 0.0, 1, 0), b"{}")
    assert dying is not None
    dying.let_go()  # as if its process had died

    found = check_spool(Settings().with_arguments(spool_dir=tmp_path / "spool"))

    assert (Warned, "cut off, because their process ended before they did: 1") in shown(found)


def test_a_spool_in_memory_is_a_choice() -> None:
    assert shown(check_spool(Settings().with_arguments(spool="memory"))) == [
        (Warned, "in memory: waiting calls are lost with the process")
    ]


GROUPS = {
    "opentelemetry_configurator": ["configurator"],
    "opentelemetry_traces_exporter": ["otlp_proto_http", "console"],
}


@pytest.mark.parametrize(
    ("environ", "level", "part"),
    [
        ({}, Wrong, "fails at startup: no exporter called otlp"),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, Fine, "exports to otlp"),
        ({"OTEL_TRACES_EXPORTER": "none"}, Fine, "exports to none"),
        ({"OTEL_TRACES_EXPORTER": "console,zipkin"}, Wrong, "no exporter called zipkin"),
        ({"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "flask, roark"}, Warned, "turns this package off"),
    ],
)
def test_what_opentelemetry_instrument_would_do(environ: dict[str, str], level: type[Finding], part: str) -> None:
    found = check_provider(environ, trace.ProxyTracerProvider(), lambda group: GROUPS.get(group, []))[-1]

    assert isinstance(found, level)
    assert part in found.seen


@pytest.mark.parametrize(
    ("sampler", "argument", "level", "part"),
    [
        ("always_off", "", Wrong, "always_off drops every span"),
        (" Always_Off ", "", Wrong, "always_off drops every span"),
        ("parentbased_always_off", "", Wrong, "parentbased_always_off drops every span"),
        ("traceidratio", "0", Wrong, "traceidratio 0 drops every span"),
        ("traceidratio", "0.0", Wrong, "drops every span"),
        ("parentbased_traceidratio", "0", Wrong, "parentbased_traceidratio 0 drops every span"),
        ("traceidratio", "0.01", Warned, "drops about 99 % of conversations"),
        ("traceidratio", "", Fine, "every conversation is recorded"),
        ("traceidratio", "much", Fine, "every conversation is recorded"),
        ("always_on", "0", Fine, "every conversation is recorded"),
        ("parentbased_always_on", "", Fine, "every conversation is recorded"),
        ("roark", "always_off", Fine, "records every conversation"),
    ],
)
def test_a_sampler_that_drops_conversations(
    examine: Any, sandbox: Sandbox, sampler: str, argument: str, level: type[Finding], part: str
) -> None:
    given = {"OTEL_TRACES_SAMPLER": sampler, "OTEL_TRACES_SAMPLER_ARG": argument}

    status, found = examine(ROARK_API_KEY=KEY, ROARK_BASE_URL=sandbox.url, **given)

    (one,) = found["sampler"]
    assert (one["level"], status) == (level.__name__.lower(), 1 if level is Wrong else 0)
    assert part in one["seen"]
    if level is not Fine:
        assert "OTEL_TRACES_SAMPLER=roark" in one["cure"]


def test_a_sampler_that_is_none_of_ours_to_judge(examine: Any, sandbox: Sandbox) -> None:
    _, found = examine(ROARK_API_KEY=KEY, ROARK_BASE_URL=sandbox.url, OTEL_TRACES_SAMPLER="jaeger_remote")
    assert "sampler" not in found

    _, found = examine(ROARK_API_KEY=KEY, ROARK_BASE_URL=sandbox.url)
    assert "sampler" not in found


@pytest.mark.parametrize(
    ("sampler", "level"),
    [
        (ALWAYS_OFF, Wrong),
        (ParentBased(ALWAYS_OFF), Wrong),
        (TraceIdRatioBased(0.0), Wrong),
        (TraceIdRatioBased(0.5), Warned),
        (ParentBased(TraceIdRatioBased(1.0)), Fine),
        (RoarkSampler(ALWAYS_OFF), Fine),
        (ParentBased(RoarkSampler(ALWAYS_OFF)), Fine),
    ],
)
def test_the_sampler_of_a_provider_is_asked(sampler: Sampler, level: type[Finding]) -> None:
    provider = TracerProvider(sampler=sampler, shutdown_on_exit=False)

    (found,) = check_sampler({"OTEL_TRACES_SAMPLER": "always_off"}, NoFile(), provider)

    assert isinstance(found, level)


def test_without_auto_instrumentation_it_says_how_to_install_it() -> None:
    found = check_provider({}, trace.ProxyTracerProvider(), lambda _group: [])

    assert found[-1].seen.endswith('pip install "roark-otel[auto]"')


def test_the_current_provider() -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    without = check_provider({}, provider)
    provider.add_span_processor(RoarkSpanProcessor())

    assert [type(one) for one in (*without, *check_provider({}, provider))] == [Wrong, Fine]


def test_a_double_integration_is_noted() -> None:
    (found,) = check_doubles(lambda names: {"pipecat-roark": "1.2.3"} if "pipecat-roark" in names else {})

    assert isinstance(found, Warned)
    assert "every call is created twice" in found.cure


def test_findings_and_verdict_as_lines() -> None:
    findings: list[Finding] = [Fine("a", "b"), Warned("c", "d", "e"), Wrong("f", "g", "h")]

    assert [line for one in findings for line in lines(one)] == [
        "  ok     a: b",
        "  note   c: d",
        "         e",
        "  WRONG  f: g",
        "         h",
    ]
    assert verdict(findings) == "1 wrong: until this is corrected, calls may not arrive, or not as you configured them."
    assert verdict(findings[:2]) == "Nothing is wrong, 1 to note."
    assert verdict(findings[:1]) == "Nothing is wrong."


@pytest.mark.parametrize(
    ("instrument", "installed", "levels", "parts"),
    [
        (("livekit", "pipecat"), {}, [Fine], ["neither livekit-agents nor pipecat-ai is installed"]),
        (("livekit", "pipecat"), {"livekit-agents": "1.8.9"}, [Fine], ["to livekit-agents 1.8.9: configure()"]),
        (("LiveKit",), {"livekit-agents": "1.8.9"}, [Fine], ["to livekit-agents 1.8.9"]),
        (("none",), {"pipecat-ai": "1.14.0"}, [Warned], ["not to pipecat-ai 1.14.0, as ROARK_INSTRUMENT=none says"]),
        (
            ("livekit",),
            {"livekit-agents": "1.8.9", "pipecat-ai": "1.14.0"},
            [Fine, Warned],
            ["to livekit-agents 1.8.9", "not to pipecat-ai 1.14.0, as ROARK_INSTRUMENT=livekit says"],
        ),
    ],
)
def test_which_frameworks_are_listened_to(
    instrument: tuple[str, ...], installed: dict[str, str], levels: list[type[Finding]], parts: list[str]
) -> None:
    found = check_listening(instrument, lambda names: {name: installed[name] for name in names if name in installed})

    assert [type(one) for one in found] == levels
    assert all(part in one.seen for one, part in zip(found, parts, strict=True))
    assert all("unset ROARK_INSTRUMENT" in one.cure for one in found if isinstance(one, Warned))


def test_doctor_says_whom_it_listens_to(examine: Any, sandbox: Sandbox) -> None:
    _, found = examine(ROARK_API_KEY=KEY, ROARK_BASE_URL=sandbox.url, ROARK_INSTRUMENT="none")

    assert len(found["listening"]) == 1


@pytest.mark.parametrize(
    ("variable", "value", "level", "part"),
    [
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "0", Wrong, "no conversation has an id"),
        ("OTEL_ATTRIBUTE_COUNT_LIMIT", "0", Wrong, "no conversation has an id"),
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "1", Warned, "drops its oldest attributes"),
        ("OTEL_SPAN_EVENT_COUNT_LIMIT", " 0 ", Wrong, "what the app says by events is lost"),
        ("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "1", Wrong, "events have no words"),
        ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "20", Warned, "are cut"),
        ("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "long", Wrong, "OpenTelemetry makes no provider"),
    ],
)
def test_limits_that_drop_what_was_said(
    examine: Any, sandbox: Sandbox, variable: str, value: str, level: type[Finding], part: str
) -> None:
    status, found = examine(ROARK_API_KEY=KEY, ROARK_BASE_URL=sandbox.url, **{variable: value})

    one = found["span limits"][0]
    assert (one["level"], status) == (level.__name__.lower(), 1 if level is Wrong else 0)
    assert variable in one["seen"]
    assert part in one["seen"]
    assert variable in one["cure"]


def test_limits_that_drop_nothing(examine: Any, sandbox: Sandbox) -> None:
    wide = {
        "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "64",
        "OTEL_ATTRIBUTE_COUNT_LIMIT": "1",
        "OTEL_SPAN_EVENT_COUNT_LIMIT": "",
    }

    _, found = examine(ROARK_API_KEY=KEY, ROARK_BASE_URL=sandbox.url, **wide, OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT="2")

    assert "span limits" not in found
