"""One environment variable, and the conversations of an app that knows nothing of this package become calls."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from support.instrumented import CONVERSATION, WITNESS, environment, run

if TYPE_CHECKING:
    from pathlib import Path

    from roark_otel.sandbox import Sandbox

OWN_PROVIDER = """
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

exported = InMemorySpanExporter()
provider = TracerProvider(resource=Resource({"service.name": "the-app's-own"}))
provider.add_span_processor(SimpleSpanProcessor(exported))
"""
SET = "trace.set_tracer_provider(provider)\n"
EXPORTED = 'print("EXPORTED", [span.name for span in exported.get_finished_spans()])\n'
CONFIG = """
file_format: "1.0"
tracer_provider:
  processors:
    - simple:
        exporter:
          console: {}
"""
NO_CONFIGURATOR = {"OTEL_PYTHON_CONFIGURATOR": "none"}
"""opentelemetry-instrument without a provider of its own, as without the distro."""


def texts(sandbox: Sandbox) -> list[list[str]]:
    return [[entry["text"] for entry in call["transcript"]] for call in sandbox.calls()]


def test_a_plain_app_needs_one_variable(sandbox: Sandbox, tmp_path: Path) -> None:
    ran = run(tmp_path / "app.py", CONVERSATION + "hold()\n" + WITNESS, environment(sandbox, tmp_path / "spool"))

    assert (ran.status, ran.err) == (0, "")
    assert ran.witness["processors"] == ["RoarkSpanProcessor"]
    assert texts(sandbox) == [["Hello, how can I help?", "Where is my order?"]]
    assert sandbox.calls()[0]["externalId"] == "call-1"


def test_a_service_name_in_latin_1_costs_a_character(sandbox: Sandbox, tmp_path: Path) -> None:
    name = b"caf\xe9".decode(sys.getfilesystemencoding(), "surrogateescape")  # as `os.environ` shows such bytes
    env = environment(sandbox, tmp_path / "spool", OTEL_SERVICE_NAME=name)
    ran = run(tmp_path / "app.py", CONVERSATION + "hold()\n", env)

    assert (ran.status, ran.err) == (0, "")
    assert [call["properties"]["service_name"] for call in sandbox.calls()] == ["caf\ufffd"]


@pytest.mark.parametrize("configurator", [{}, NO_CONFIGURATOR], ids=["beside_anothers", "alone"])
@pytest.mark.parametrize("when", ["early", "late"])
def test_an_app_with_a_provider_of_its_own(
    sandbox: Sandbox, tmp_path: Path, when: str, configurator: dict[str, str]
) -> None:
    """Whether it is the global one or OpenTelemetry refuses it for being the second: its spans make calls, once."""
    early = OWN_PROVIDER + SET + CONVERSATION + "hold('call-1', provider.get_tracer('app'))\n"
    late = (
        "from opentelemetry import trace\n"
        "tracer = trace.get_tracer('before')\n" + CONVERSATION + OWN_PROVIDER + SET + "hold('call-1', "
        "provider.get_tracer('app'))\nhold('call-2', tracer)\n"
    )
    code = (early if when == "early" else late) + EXPORTED + WITNESS

    ran = run(tmp_path / "app.py", code, environment(sandbox, tmp_path / "spool", **configurator))

    assert ran.status == 0
    ids = ["call-1"] if when == "early" else ["call-1", "call-2"]
    assert sorted(call["externalId"] for call in sandbox.calls()) == ids
    assert "EXPORTED ['conversation'" in ran.out
    assert "roark_otel" not in ran.err
    assert ran.witness["processors"].count("RoarkSpanProcessor") == 1


def test_the_apps_provider_is_never_shut_out(sandbox: Sandbox, tmp_path: Path) -> None:
    """Where nobody else made a provider, the app's becomes the global one: ours makes none."""
    code = (
        OWN_PROVIDER + SET + "assert trace.get_tracer_provider() is provider\n" + CONVERSATION + "hold()\n" + EXPORTED
    )

    ran = run(tmp_path / "app.py", code, environment(sandbox, tmp_path / "spool", **NO_CONFIGURATOR))

    assert ran.status == 0, ran.err
    assert "EXPORTED ['conversation']" in ran.out
    assert len(sandbox.calls()) == 1


def test_a_setter_that_was_imported_by_name_is_followed(sandbox: Sandbox, tmp_path: Path) -> None:
    by_name = "from opentelemetry.trace import set_tracer_provider\n" + OWN_PROVIDER + "set_tracer_provider(provider)\n"

    ran = run(
        tmp_path / "app.py",
        by_name + CONVERSATION + "hold()\n",
        environment(sandbox, tmp_path / "spool", **NO_CONFIGURATOR),
    )

    assert ran.status == 0, ran.err
    assert len(sandbox.calls()) == 1


def test_a_processor_that_the_app_adds_itself_makes_no_second_call(sandbox: Sandbox, tmp_path: Path) -> None:
    code = (
        OWN_PROVIDER
        + "from roark_otel import RoarkSpanProcessor\nprovider.add_span_processor(RoarkSpanProcessor())\n"
        + SET
        + CONVERSATION
        + "hold()\n"
        + WITNESS
    )

    ran = run(tmp_path / "app.py", code, environment(sandbox, tmp_path / "spool", **NO_CONFIGURATOR))

    assert ran.status == 0, ran.err
    assert ran.witness["processors"].count("RoarkSpanProcessor") == 1
    assert len(sandbox.calls()) == 1


def test_a_config_file_does_not_keep_it_out(sandbox: Sandbox, tmp_path: Path) -> None:
    """The declarative set-up ignores every OTEL_ variable, and knows no processor of ours; the hook runs after it."""
    config = tmp_path / "otel.yaml"
    config.write_text(CONFIG, encoding="utf-8")

    ran = run(
        tmp_path / "app.py",
        CONVERSATION + "hold()\n" + WITNESS,
        environment(sandbox, tmp_path / "spool", OTEL_CONFIG_FILE=str(config)),
    )

    assert ran.status == 0, ran.err
    assert ran.witness["processors"] == ["SimpleSpanProcessor", "RoarkSpanProcessor"]
    assert texts(sandbox) == [["Hello, how can I help?", "Where is my order?"]]


def test_a_config_file_may_give_settings(sandbox: Sandbox, tmp_path: Path) -> None:
    config = tmp_path / "otel.yaml"
    config.write_text(
        CONFIG + "instrumentation/development:\n  python:\n    roark:\n      agent_name: Order desk\n",
        encoding="utf-8",
    )

    ran = run(
        tmp_path / "app.py",
        CONVERSATION + "hold()\n",
        environment(sandbox, tmp_path / "spool", OTEL_CONFIG_FILE=str(config)),
    )

    assert ran.status == 0, ran.err
    assert sandbox.calls()[0]["agent"]["name"] == "Order desk"


@pytest.mark.parametrize(
    "switch",
    [
        {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "roark"},
        {"OTEL_SDK_DISABLED": "true"},
        {"ROARK_OBSERVABILITY_ENABLED": "false"},
        {"ROARK_API_KEY": ""},
    ],
    ids=lambda switch: next(iter(switch)),
)
def test_it_is_off_in_every_way_that_says_so(sandbox: Sandbox, tmp_path: Path, switch: dict[str, str]) -> None:
    """No processor, no thread, no file, no word."""
    spool = tmp_path / "spool"

    ran = run(tmp_path / "app.py", CONVERSATION + "hold()\n" + WITNESS, environment(sandbox, spool, **switch))

    assert (ran.status, ran.err) == (0, "")
    assert ran.witness["threads"] == []
    assert "RoarkSpanProcessor" not in ran.witness["processors"]
    assert sandbox.calls() == []
    assert not spool.exists()


def test_the_package_alone_does_nothing(tmp_path: Path) -> None:
    """Installed, without a key, and the app is not even instrumented."""
    home = tmp_path / "home"
    env = environment(None, tmp_path / "spool", ROARK_SPOOL_DIR="", HOME=str(home), XDG_STATE_HOME="")

    ran = run(tmp_path / "app.py", CONVERSATION + "hold()\n" + WITNESS, env, instrumented=False)

    assert (ran.status, ran.err) == (0, "")
    assert ran.witness == {"threads": [], "provider": "ProxyTracerProvider", "processors": []}
    assert not home.exists()


def test_doctor_sees_the_provider_that_an_app_gets(sandbox: Sandbox, tmp_path: Path) -> None:
    code = "import sys\nfrom roark_otel.cli import main\nsys.exit(main(['doctor']))\n"

    with_us = run(tmp_path / "app.py", code, environment(sandbox, tmp_path / "spool"))
    without = environment(sandbox, tmp_path / "spool", OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="roark,asgi,fastapi")
    without_us = run(tmp_path / "app.py", code, without)

    assert "  ok     provider: opentelemetry.sdk.trace.TracerProvider with RoarkSpanProcessor\n" in with_us.out
    assert (with_us.status, without_us.status) == (0, 1)
    assert "WRONG  provider: opentelemetry.sdk.trace.TracerProvider without RoarkSpanProcessor" in without_us.out


VOICE = """
from opentelemetry import trace
tracer = trace.get_tracer("pipecat")
with tracer.start_as_current_span("conversation") as root:
    root.set_attribute("conversation.id", "talk-7")
    with tracer.start_as_current_span("turn") as turn:
        turn.set_attributes({"turn.number": 1})
        with tracer.start_as_current_span("stt") as stt:
            stt.set_attributes({"transcript": "Hello?", "is_final": True, "gen_ai.operation.name": "stt"})
"""


@pytest.mark.parametrize(("switch", "calls"), [("", 1), ("true", 1), ("false", 0)])
def test_a_voice_conversation_without_an_id_gets_one(sandbox: Sandbox, tmp_path: Path, switch: str, calls: int) -> None:
    env = environment(
        sandbox,
        tmp_path / "spool",
        ROARK_AUTO_EXTERNAL_ID=switch,
        ROARK_RECORDING_URL_TEMPLATE="https://example.com/{external_id}.wav",
    )

    ran = run(tmp_path / "app.py", VOICE, env)

    assert ran.status == 0, ran.err
    assert len(sandbox.calls()) == calls
    assert ("ended without an id" in ran.err) is (calls == 0)


def test_a_provider_that_takes_no_processors_is_told_once_with_the_cure(sandbox: Sandbox, tmp_path: Path) -> None:
    code = (
        "from opentelemetry import trace\n"
        "class Vendors(trace.NoOpTracerProvider):\n    pass\n"
        "for _ in range(3):\n    trace.set_tracer_provider(Vendors())\n"
    )

    ran = run(tmp_path / "app.py", code, environment(sandbox, tmp_path / "spool", **NO_CONFIGURATOR))

    assert ran.status == 0
    assert ran.err.count("takes no span processors") == 1
    assert "add RoarkSpanProcessor() to it" in ran.err


@pytest.mark.parametrize("double", ["pipecat_roark", "roark_analytics_python_livekit"])
def test_a_second_integration_is_told_once(sandbox: Sandbox, tmp_path: Path, double: str) -> None:
    (tmp_path / f"{double}.py").write_text("", encoding="utf-8")

    ran = run(tmp_path / "app.py", f"import {double}\nimport {double}\n", environment(sandbox, tmp_path / "spool"))

    assert ran.status == 0
    assert ran.err.count(f"{double} is imported too") == 1
    assert "created twice" in ran.err


def test_a_bad_argument_costs_no_other_instrumentation(sandbox: Sandbox, tmp_path: Path) -> None:
    code = (
        "from roark_otel._setup.instrumentor import RoarkInstrumentor\n"
        "RoarkInstrumentor().uninstrument()\n"
        "RoarkInstrumentor().instrument(base_url='http://example.com')\nprint('still here')\n"
    )

    ran = run(tmp_path / "app.py", code, environment(sandbox, tmp_path / "spool"))

    assert (ran.status, ran.out) == (0, "still here\n")
    assert "base_url: must be https" in ran.err
    assert "Traceback" not in ran.err


def test_it_follows_until_it_is_told_not_to(sandbox: Sandbox, tmp_path: Path) -> None:
    code = (
        "from roark_otel._setup.instrumentor import RoarkInstrumentor\n"
        "RoarkInstrumentor().uninstrument()\n" + OWN_PROVIDER + SET + CONVERSATION + "hold()\n" + WITNESS
    )

    ran = run(tmp_path / "app.py", code, environment(sandbox, tmp_path / "spool", **NO_CONFIGURATOR))

    assert ran.status == 0, ran.err
    assert ran.witness["processors"] == ["SimpleSpanProcessor"]
    assert sandbox.calls() == []
