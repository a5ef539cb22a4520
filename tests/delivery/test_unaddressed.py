"""Calls that had no usable address: the next process of their key that has one delivers each, once and when due."""

from __future__ import annotations

import json
import multiprocessing
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from roark_otel import Settings, attach_recording
from roark_otel._engine.parts import directory_without_address, spool_directory
from roark_otel._spool.file import Header, to_bytes
from roark_otel._spool.forgetting import forget
from roark_otel._spool.id_hash import ids_of, unkeyed_hash
from roark_otel._spool.names import Stage
from roark_otel._spool.spool import Spool
from roark_otel._spool.unaddressed import TakenOver, take_over_unaddressed
from support.helpers import wait_until
from support.processes import run
from support.spool_names import call_name

if TYPE_CHECKING:
    from roark_otel.sandbox import Sandbox

KEY = "test-key"
HEADER = Header(external_id="call", trace_id="0" * 32, finished_at=0.0, not_before=0.0, turns=1, tools=0)

TALK = """
import logging
logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
provider = TracerProvider()
provider.add_span_processor(RoarkSpanProcessor(recording_url="https://example.com/recording.wav"))
tracer = provider.get_tracer("app")

def talk(name):
    marks = {"roark.external_id": name, "roark.conversation.root": True}
    with tracer.start_as_current_span("call", attributes=marks) as span:
        say(span, "Hello.")
"""


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROARK_API_KEY", KEY)
    monkeypatch.setenv("ROARK_LINGER_SECONDS", "0")
    monkeypatch.setenv("ROARK_EXIT_TIMEOUT_SECONDS", "60")


def ids(sandbox: Sandbox) -> list[str]:
    return sorted(call["externalId"] for call in sandbox.calls())


def test_a_process_without_an_address_and_the_next_one(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In forks of both, too; the first ends without waiting for anything, and names the variable at its end."""
    monkeypatch.setenv("ROARK_BASE_URL", "https//api.example.com")
    first = run(
        tmp_path,
        TALK
        + """
talk("before")
if (child := os.fork()) == 0:
    talk("child")
    provider.shutdown()
    os._exit(0)
os.waitpid(child, 0)
talk("after")
""",
        "-",
    )
    errors = [line for line in first.stderr.splitlines() if line.startswith("ERROR")]
    assert len(errors) == 2
    assert errors[0].startswith("ERROR ROARK_BASE_URL: must be ")
    assert errors[1].startswith("ERROR the process ends and leaves calls in ")
    assert "correct ROARK_BASE_URL" in errors[1]

    monkeypatch.setenv("ROARK_BASE_URL", sandbox.url)
    run(
        tmp_path,
        TALK
        + """
children = []
for number in range(3):
    if (child := os.fork()) == 0:
        talk(f"second-{number}")
        provider.force_flush()
        os._exit(0)
    children.append(child)
for child in children:
    os.waitpid(child, 0)
deadline = time.monotonic() + 60
processor = provider._active_span_processor._span_processors[0]
while any(name.endswith(".jsonl") for _, _, names in os.walk(os.environ["ROARK_SPOOL_DIR"]) for name in names):
    assert time.monotonic() < deadline
    time.sleep(0.02)
""",
        "-",
    )

    assert ids(sandbox) == ["after", "before", "child", "second-0", "second-1", "second-2"]


def test_drain_delivers_them(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROARK_BASE_URL", "api.example.com")
    run(tmp_path, TALK + "talk('call-1')\n", "-")
    monkeypatch.setenv("ROARK_BASE_URL", sandbox.url)

    run(tmp_path, "from roark_otel.cli import main\nsys.exit(main(['spool', 'drain']))\n", "-")

    assert ids(sandbox) == ["call-1"]


def test_calls_of_another_key_or_project_stay(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROARK_BASE_URL", "api.example.com")
    for name, value in (("ROARK_API_KEY", "another-key"), ("ROARK_PROJECT_ID", "project")):
        with pytest.MonkeyPatch.context() as other:
            other.setenv(name, value)
            run(tmp_path, TALK + f"talk({name!r})\n", "-")
    monkeypatch.setenv("ROARK_BASE_URL", sandbox.url)

    run(tmp_path, "from roark_otel.cli import main\nsys.exit(main(['spool', 'drain']))\n", "-")

    assert ids(sandbox) == []
    assert len(list((tmp_path / "spool").glob("*/*.ready.jsonl"))) == 2


def test_a_recording_is_attached_while_there_is_no_address(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROARK_BASE_URL", "api.example.com")
    run(tmp_path, TALK.replace('recording_url="https://example.com/recording.wav"', "") + "talk('call-1')\n", "-")
    assert len(list((tmp_path / "spool").glob("*/*.waiting.jsonl"))) == 1
    attach_recording("call-1", "https://example.com/late.wav")
    monkeypatch.setenv("ROARK_BASE_URL", sandbox.url)

    run(tmp_path, "from roark_otel.cli import main\nsys.exit(main(['spool', 'drain']))\n", "-")

    assert [call["recordingUrl"] for call in sandbox.calls()] == ["https://example.com/late.wav"]


# One at a time


@pytest.fixture(name="places")
def _places(tmp_path: Path) -> tuple[Path, Path]:
    """Returns the directory of a usable address and that of none."""
    settings = Settings(api_key=KEY, base_url="https://api.example.com", spool_dir=tmp_path / "root")  # type: ignore[arg-type]
    assert settings.api_key is not None
    return spool_directory(settings, settings.api_key), directory_without_address(settings, settings.api_key)


def put(directory: Path, external_id: str, stage: Stage = Stage.READY, **header: Any) -> str:
    name = str(call_name(external_id, 1))
    found = Header(**{**{f: getattr(HEADER, f) for f in HEADER.__slots__}, "external_id": external_id, **header})
    Spool(directory).put(name, found, json.dumps({"externalId": external_id}).encode(), stage)
    return name


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.glob("*.jsonl")}


def test_nothing_is_made_where_there_is_nothing(places: tuple[Path, Path]) -> None:
    own, source = places

    assert take_over_unaddressed(own, source) == TakenOver()
    assert not own.exists()
    assert not source.exists()


def test_what_may_still_change_stays_until_it_cannot(places: tuple[Path, Path]) -> None:
    """Its process may live and add late words: what it saved anew would be a second call."""
    own, source = places
    now = time.time()
    put(source, "rests", finished_at=now, not_before=now + 3_600)
    put(source, "is done", finished_at=now - 9, not_before=now - 1)
    put(source, "waits", Stage.WAITING)

    taken = take_over_unaddressed(own, source)

    assert taken.calls == 2
    assert taken.rest is not None
    assert 3_000 < taken.rest <= 3_600
    assert (len(names(own)), len(names(source))) == (2, 1)


@pytest.mark.parametrize("mark", ["k", "p", ""], ids=["shared key", "key of a process", "earlier version"])
@pytest.mark.parametrize("stage", [Stage.READY, Stage.TRIED, Stage.WAITING, Stage.OPEN])
def test_a_call_is_found_by_its_id_after_it_was_taken_over(stage: Stage, mark: str, places: tuple[Path, Path]) -> None:
    """Whatever its hash was made with."""
    own, source = places
    ids = ids_of(source.parent)
    hashed = {"k": ids.of("call"), "p": "p" + 32 * "0", "": unkeyed_hash("call")}[mark]
    source.mkdir(parents=True)
    content = to_bytes(replace(HEADER, external_id="call"), b'{"externalId": "call"}')
    (source / f"{hashed}-{1:016x}{stage.value}").write_bytes(content)

    assert take_over_unaddressed(own, source).calls == 1

    (found,) = Spool(own).names_of("call")
    assert names(own) == {f"{found}{stage.value}"}
    assert forget(own.parent, "call").erased == 1
    assert names(own) == set()


def test_what_goes_on_in_a_living_process_stays(places: tuple[Path, Path]) -> None:
    own, source = places
    spool = Spool(source)
    assert spool.open_calls is not None
    assert spool.open_calls.save(str(call_name("open", 1)), HEADER, b'{"externalId": "open"}')

    assert take_over_unaddressed(own, source).calls == 0
    spool.open_calls.let_go()  # as the kernel does when a process is killed

    assert take_over_unaddressed(own, source).calls == 1
    assert len(names(own)) == 1


def test_a_call_whose_name_is_taken_or_that_cannot_be_read_stays(places: tuple[Path, Path]) -> None:
    own, source = places
    name = put(source, "call")
    put(own, "call")
    (source / name.replace(name[:4], "ffff")).with_suffix(".ready.jsonl").write_bytes(b"nonsense")

    assert take_over_unaddressed(own, source) == TakenOver(0, None)
    assert len(names(source)) == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks")
def test_many_processes_take_each_call_once(places: tuple[Path, Path]) -> None:
    own, source = places
    for number in range(100):
        put(source, f"call-{number}")
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    takers = [context.Process(target=_take_all, args=(str(own), str(source), queue)) for _ in range(3)]
    for taker in takers:
        taker.start()
    counts = [queue.get(timeout=60) for _ in takers]
    for taker in takers:
        taker.join(60)

    assert sum(counts) == 100
    assert (len(names(own)), len(names(source))) == (100, 0)


def _take_all(own: str, source: str, queue: Any) -> None:
    count = 0
    while (taken := take_over_unaddressed(Path(own), Path(source))).calls or taken.rest is not None:
        count += taken.calls
    queue.put(count)


def test_a_directory_of_another_user_is_left_alone(places: tuple[Path, Path]) -> None:
    """A link in its place may lead anywhere."""
    own, source = places
    put(source, "call")
    moved = source.with_name("elsewhere")
    source.rename(moved)
    source.symlink_to(moved)

    with pytest.raises(OSError, match=r"."):
        take_over_unaddressed(own, source)
    wait_until(lambda: len(names(moved)) == 1)
