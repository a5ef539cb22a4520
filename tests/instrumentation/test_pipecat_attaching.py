"""An observer is attached to each worker once, by the hook that Pipecat has for it."""

from __future__ import annotations

import asyncio
import gc
import os
import runpy
import subprocess
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from instrumentation.pipecat_like import CASCADE, frame, processor
from roark_otel._instrumentation import pipecat
from roark_otel._instrumentation.pipecat import attaching, speakers
from roark_otel._instrumentation.pipecat.setup_file import setup_pipeline_worker

SETUP_FILE = pipecat.__file__.replace("__init__.py", "setup_file.py")


class _Observer:
    async def cleanup(self) -> None:
        pass


class Worker:
    """As `PipelineWorker`."""

    def __init__(self, *names: str, tracing: object = None, bridged: bool = False, external_id: str = "") -> None:
        self.observers: list[Any] = []
        self.name, self.bridged = "desk", bridged
        self.pipeline = SimpleNamespace(processors=[SimpleNamespace(processors=[processor(name) for name in names])])
        self._tracing_context = tracing
        self._additional_span_attributes = {"roark.external_id": external_id} if external_id else {}

    def add_observer(self, observer: object) -> None:
        self.observers.append(observer)


@pytest.fixture(autouse=True)
def _listening(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("pipecat.observers.base_observer")
    module.BaseObserver = _Observer  # type: ignore[attr-defined]
    for name in ("pipecat", "pipecat.observers"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.delenv(pipecat.SETUP_FILES, raising=False)
    monkeypatch.setattr(pipecat._Listening, "since_asked", False)


def test_listening_names_the_hook_once_beside_the_apps_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(pipecat.SETUP_FILES, "own.py")
    for _ in range(2):
        pipecat.listen(ModuleType("pipecat"))

    assert os.environ[pipecat.SETUP_FILES].split(os.pathsep) == ["own.py", SETUP_FILE]


def test_the_hook_has_every_function_that_a_version_of_pipecat_looks_for() -> None:
    found = runpy.run_path(SETUP_FILE)

    assert {"setup_pipeline_worker", "setup_pipeline_task", "setup_worker_runner"} <= set(found)
    asyncio.run(found["setup_worker_runner"](object()))


def test_a_worker_gets_one_observer_however_often_it_is_set_up() -> None:
    pipecat.listen(ModuleType("pipecat"))
    worker = Worker(*CASCADE)
    for _ in range(2):
        asyncio.run(setup_pipeline_worker(worker))

    assert len(worker.observers) == 1


def test_a_process_that_was_not_asked_to_listen_does_not() -> None:
    """It may have the variable from its parent."""
    worker = Worker(*CASCADE)
    asyncio.run(setup_pipeline_worker(worker))

    assert worker.observers == []


@pytest.mark.parametrize(
    ("worker", "is_heard"),
    [
        (Worker("LLMService"), False),
        (Worker("LLMService", tracing=object()), True),
        (Worker("LLMService", external_id="call-1"), True),
        (Worker("BaseOutputTransport"), True),
        (Worker("BaseInputTransport"), True),
    ],
)
def test_a_worker_that_has_no_line_and_no_trace_holds_no_conversation(worker: Worker, *, is_heard: bool) -> None:
    pipecat.listen(ModuleType("pipecat"))
    attaching.attach(worker)

    assert len(worker.observers) == is_heard


def test_a_worker_that_works_for_another_is_only_known_by_name() -> None:
    pipecat.listen(ModuleType("pipecat"))
    worker = Worker("LLMService", bridged=True)
    attaching.attach(worker)
    (observer,) = worker.observers
    replies, other = frame("LLMFullResponseStartFrame"), frame("LLMTextFrame")
    for one in (replies, other):
        asyncio.run(observer.on_push_frame(SimpleNamespace(frame=one)))

    assert speakers.of(replies.id) == "desk"
    assert speakers.of(other.id) is None


def test_the_names_of_few_frames_are_kept() -> None:
    for number in range(5_000):
        speakers.began(-number, "desk")

    assert speakers.of(-4_999) == "desk"
    assert speakers.of(0) is None


def test_who_leaves_is_told_by_the_transport() -> None:
    class Transport:
        def __init__(self) -> None:
            self._event_handlers: dict[str, list[Any]] = {"on_client_disconnected": []}

        def add_event_handler(self, name: str, handler: Any) -> None:
            self._event_handlers[name].append(handler)

    pipecat.listen(ModuleType("pipecat"))
    worker, transport = Worker(*CASCADE), Transport()
    worker.pipeline.processors[0].processors[0]._transport = transport
    attaching.attach(worker)
    (left,) = transport._event_handlers["on_client_disconnected"]

    left(transport, "client")
    worker.observers.clear()
    gc.collect()
    left(transport, "client")


def test_nothing_keeps_an_observer_or_its_worker_alive() -> None:
    pipecat.listen(ModuleType("pipecat"))
    worker = Worker(*CASCADE)
    attaching.attach(worker)
    before = len(attaching._attached)
    del worker
    gc.collect()

    assert len(attaching._attached) < before


@pytest.mark.faults
def test_a_worker_of_another_kind_is_left_alone() -> None:
    pipecat.listen(ModuleType("pipecat"))
    attaching.attach(object())
    attaching.attach(SimpleNamespace(pipeline=None))


def test_a_child_process_that_was_not_asked_imports_nothing() -> None:
    code = f"""
import asyncio, importlib.util, sys
spec = importlib.util.spec_from_file_location("setup_file", {SETUP_FILE!r})
hooks = importlib.util.module_from_spec(spec)
spec.loader.exec_module(hooks)
asyncio.run(hooks.setup_pipeline_worker(object()))
assert not [name for name in sys.modules if name.startswith("roark_otel")]
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)  # noqa: S603 - this interpreter, our own code
