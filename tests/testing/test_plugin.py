"""The pytest plugin, as the tests of an app use it: each runs pytest in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

APP = """
from opentelemetry.sdk.trace import TracerProvider
from roark_otel import RoarkSpanProcessor

provider = TracerProvider()
provider.add_span_processor(RoarkSpanProcessor())
tracer = provider.get_tracer("app")

def talk(external_id="call-1", text="Hello?"):
    about = {"roark.external_id": external_id, "roark.conversation.root": True}
    with tracer.start_as_current_span("call", attributes={**about, "half": "\\ud800"}) as root:
        root.add_event("roark.transcript", {"role": "agent", "text": text})
        root.add_event("roark.transcript", {"role": "customer", "text": "Hi."})
"""


DOCUMENT = '<script type="application/json" id="document">'


def run(folder: Path, tests: str, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    (folder / "agent.py").write_text(APP)
    (folder / "test_agent.py").write_text(tests)
    (folder / "pytest.ini").write_text("[pytest]\n")
    known = {
        name: value for name, value in os.environ.items() if not name.lstrip("_").startswith(("ROARK_", "PYTEST_"))
    }
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *options]
    return subprocess.run(  # noqa: S603 - this interpreter, our own code
        command,
        cwd=folder,
        env={**known, "ROARK_EXIT_TIMEOUT_SECONDS": "60", **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_an_app_that_is_imported_before_is_captured(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        """
from agent import talk

def test_it_greets(roark_calls):
    talk()
    assert roark_calls.one().said == [("agent", "Hello?"), ("customer", "Hi.")]

def test_each_test_has_calls_of_its_own(roark_calls):
    talk()
    assert roark_calls.one().outline() == "agent: Hello?\\ncustomer: Hi.\\n"
""",
    )

    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


def test_a_call_that_the_test_does_not_look_at_fails_it(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        """
from agent import talk

def test_two(roark_calls):
    talk()
    talk("call-2")
    roark_calls.one("call-1")

def test_rest(roark_calls):
    talk()
    roark_calls.ignore_rest()

def test_own_failure_comes_first(roark_calls):
    talk()
    assert False, "the test's own"
""",
    )

    assert "1 failed, 2 passed, 1 error" in done.stdout
    assert "the test made 1 call that it did not look at" in done.stdout
    assert "call-2" in done.stdout
    assert "the test's own" in done.stdout


def test_a_loop_over_calls_looks_at_them(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        """
from agent import talk

def test_loop(roark_calls):
    talk("one")
    talk("two")
    assert [call.external_id for call in roark_calls] == ["one", "two"]

def test_none(roark_calls):
    talk()
    assert not roark_calls
""",
    )

    assert done.returncode == 1, done.stdout
    assert "1 failed, 1 passed" in done.stdout


def test_the_calls_of_a_failed_test_are_written(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        """
import pytest
from agent import talk

@pytest.mark.parametrize("text", ["Good morning?", "../../x"])
def test_it_greets(roark_calls, text):
    talk(text=text)
    assert roark_calls.one().said == []
""",
        f"--roark-report={tmp_path / 'report'}",
    )

    assert done.returncode == 1
    written = sorted((tmp_path / "report").glob("*.json"))
    outlines = [json.loads(one.read_text())["outline"] for one in written]
    assert sorted(outlines) == ["agent: ../../x\ncustomer: Hi.\n", "agent: Good morning?\ncustomer: Hi.\n"]
    pages = sorted((tmp_path / "report").glob("*.html"))
    assert [one.stem for one in pages] == [one.stem for one in written]
    assert all(one.name in done.stdout for one in pages)
    assert all(DOCUMENT in one.read_text(encoding="utf-8") for one in pages)


@pytest.mark.parametrize(("options", "warns"), [((), True), (("--roark-live",), False)])
def test_nothing_is_sent_to_another_host(tmp_path: Path, options: tuple[str, ...], *, warns: bool) -> None:
    done = run(
        tmp_path,
        """
import logging

def test_it(caplog):
    with caplog.at_level(logging.INFO):
        from agent import provider
    from roark_otel import get_processor
    print("processor:", get_processor() is not None)
    print(caplog.text)
""",
        "-s",
        *options,
        ROARK_API_KEY="rk_test",
        ROARK_SPOOL_DIR=str(tmp_path / "spool"),
        ROARK_BASE_URL="https://roark.invalid",
    )

    assert done.returncode == 0, done.stdout
    assert f"processor: {not warns}" in done.stdout
    assert ("run pytest with --roark-live" in done.stdout) == warns
    assert not (tmp_path / "spool").exists()


def test_an_agent_in_a_process_of_its_own_talks_to_the_sandbox(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        """
import subprocess, sys

import pytest

def test_it(roark_sandbox):
    subprocess.run([sys.executable, "-c", "import agent; agent.talk(); agent.provider.shutdown()"], check=True)
    assert roark_sandbox.call("call-1").body["transcript"][0]["text"] == "Hello?"
    with pytest.raises(KeyError, match="'call-2'; those of the calls here: call-1"):
        roark_sandbox.call("call-2")
""",
    )

    assert done.returncode == 0, done.stdout


def test_the_plugin_imports_nothing_of_the_package_for_tests_that_do_not_use_it(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        """
import sys

def test_it():
    assert "roark_otel_pytest" in sys.modules
    assert [name for name in sys.modules if name.split(".")[0] == "roark_otel"] == []
""",
    )

    assert done.returncode == 0, done.stdout


def test_only_a_test_whose_own_code_passed_has_to_look_at_its_calls(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        """
import pytest
from agent import talk

def test_skipped_on_its_way(roark_calls):
    talk()
    pytest.skip("not here")

@pytest.mark.xfail(raises=AssertionError)
def test_known_fault(roark_calls):
    talk()
    assert False
""",
    )

    assert done.returncode == 0, done.stdout
    assert "1 skipped, 1 xfailed" in done.stdout


def test_the_calls_of_a_test_that_fails_before_it_asks_for_any_are_written(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        """
import pytest
from agent import talk

@pytest.fixture
def broken(roark_calls):
    talk(text="In the setup.")
    raise ValueError

def test_it(roark_calls):
    talk()
    assert False

def test_setup(broken):
    pass
""",
        "--roark-report=report",
    )

    assert "1 failed, 1 error" in done.stdout, done.stdout
    written = [json.loads(path.read_text()) for path in sorted((tmp_path / "report").glob("*.json"))]
    assert [one["outline"].splitlines()[0] for one in written] == ["agent: Hello?", "agent: In the setup."]


def test_a_report_that_cannot_be_written_costs_no_run(tmp_path: Path) -> None:
    (tmp_path / "report").write_text("a file, and no folder")
    tests = "from agent import talk\ndef test_it(roark_calls):\n    talk()\n    assert False\n"

    done = run(tmp_path, tests, "--roark-report=report")

    assert done.returncode == 1, done.stdout
    assert "report cannot be written" in done.stdout


def test_what_a_test_has_replaced_costs_its_report_alone(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        """
import json
import pathlib
import threading
import pytest
from agent import talk

class RefusedError(RuntimeError):
    pass

def refuse(*_, **__):
    raise RefusedError("no files here")

@pytest.mark.parametrize("what", [(json, "dumps"), (pathlib.Path, "write_bytes"), (threading.Thread, "start")])
def test_it(roark_calls, monkeypatch, what):
    talk()
    roark_calls.one()
    monkeypatch.setattr(*what, refuse)
    pytest.fail("the test's own")

def test_afterwards(roark_calls):
    talk()
    assert roark_calls.one().said == []
""",
        "--roark-report=report",
    )

    assert done.returncode == 1, done.stdout + done.stderr
    assert "4 failed" in done.stdout
    assert done.stdout.count("report cannot be written: no files here") == 3
    assert len(list((tmp_path / "report").glob("*test_afterwards*.html"))) == 1


def test_a_report_has_whatever_a_span_holds(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        """
from agent import talk, tracer

def test_it(roark_calls):
    with tracer.start_as_current_span("call", attributes={"roark.external_id": "call-1"}) as root:
        root.set_attribute("digits", 10**5000)
        root.set_attribute("infinite", float("inf"))
        talk()
    assert roark_calls.one().said == []
""",
        "--roark-report=report",
    )

    assert done.returncode == 1, done.stdout + done.stderr
    (written,) = (tmp_path / "report").glob("*.json")
    root = next(one for one in json.loads(written.read_text())["spans"] if one["parentSpanId"] is None)
    assert (root["attributes"]["digits"], root["attributes"]["infinite"]) == (None, None)
    assert DOCUMENT in written.with_suffix(".html").read_text(encoding="utf-8")


def test_a_report_is_where_it_was_asked_for_if_the_test_goes_elsewhere(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        """
from agent import talk

def test_it(roark_calls, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    talk()
    assert roark_calls.one().said == []
""",
        "--roark-report=report",
    )

    assert done.returncode == 1, done.stdout
    (page,) = (tmp_path / "report").glob("*.html")
    assert str(page) in done.stdout


@pytest.mark.parametrize("end", ["clear", "inner"])
def test_nothing_is_sent_where_a_test_has_cleared_the_environment_or_run_pytest(tmp_path: Path, end: str) -> None:
    done = run(
        tmp_path,
        f"""
import os
import unittest.mock
import pytest
from roark_otel import RoarkSpanProcessor

def test_it(caplog, tmp_path):
    if {end!r} == "inner":
        (tmp_path / "test_inner.py").write_text("def test_it(): pass")
        assert pytest.main(["-q", "-p", "no:cacheprovider", str(tmp_path / "test_inner.py")]) == 0
    with unittest.mock.patch.dict(os.environ, clear={end!r} == "clear"):
        RoarkSpanProcessor(api_key="rk_1", base_url="https://roark.example.com", spool="memory")
    assert "under pytest" in caplog.text
""",
    )

    assert done.returncode == 0, done.stdout


def test_a_report_has_the_calls_of_workers_too_and_a_file_for_each_test(tmp_path: Path) -> None:
    """Whatever the tests are called."""
    done = run(
        tmp_path,
        """
import subprocess, sys

import pytest
from agent import talk

def test_worker(roark_sandbox):
    subprocess.run([sys.executable, "-c", "import agent; agent.talk(); agent.provider.shutdown()"], check=True)
    assert False

@pytest.mark.parametrize("text", ["a b", "a_b", "a/b", "\u00e9" * 200, "\u00e8" * 200, ""])
def test_it(roark_calls, text):
    talk(text=text + "?")
    assert False
""",
        "--roark-report=report",
    )

    assert "7 failed" in done.stdout, done.stdout
    documents = [json.loads(path.read_text()) for path in sorted((tmp_path / "report").glob("*.json"))]
    assert len(documents) == len(list((tmp_path / "report").glob("*.html"))) == 7
    assert sum(one["receipt"] is not None for one in documents) == 1
    assert {span["name"] for one in documents for span in one["spans"]} == {"call"}


def test_a_loop_may_run_between_tests(tmp_path: Path) -> None:
    """As one of pytest-playwright's does."""
    (tmp_path / "conftest.py").write_text(
        """
import asyncio, asyncio.events
import pytest

@pytest.fixture(autouse=True, scope="session")
def running():
    loop = asyncio.new_event_loop()
    asyncio.events._set_running_loop(loop)
    yield
    asyncio.events._set_running_loop(None)
    loop.close()
"""
    )
    done = run(
        tmp_path,
        """
from agent import talk

def test_it(roark_calls):
    talk()
    roark_calls.ignore_rest()

def test_failing(roark_calls):
    talk()
    assert False
""",
        "--roark-report=report",
    )

    assert "1 failed, 1 passed" in done.stdout, done.stdout
    assert len(list((tmp_path / "report").glob("*.html"))) == 1


def test_coroutines_await_their_calls_and_have_to_look_at_them(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        """
import pytest
from agent import talk

pytestmark = pytest.mark.anyio

@pytest.fixture
def anyio_backend():
    return "asyncio"

async def test_it(roark_calls):
    talk()
    assert (await roark_calls.aone()).external_id == "call-1"

async def test_unseen(roark_calls):
    talk()
""",
    )

    assert "2 passed, 1 error" in done.stdout, done.stdout
    assert "the test made 1 call that it did not look at" in done.stdout
