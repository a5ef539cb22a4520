"""Processes that end by `os._exit`: the end of a conversation waits until its call is on disk."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

import roark_otel
from support import processes
from support.answering import AnsweringServer, NoAnswer, created
from support.helpers import NEVER, App

if TYPE_CHECKING:
    from pathlib import Path

    from support.answering import Answer, Seen

APP = """
import roark_otel
from roark_otel._engine import endings
from roark_otel._handles import conversation
conversation.AEND_SECONDS = 60
endings.CHILD_SECONDS = endings.FIRST_SECONDS = 60  # however slow the machine
processor = processor_that(linger_seconds=0, **eval(sys.argv[2]))
provider = TracerProvider()
provider.add_span_processor(processor)

def hold(external_id):
    with roark_otel.conversation(external_id, tracer_provider=provider) as call:
        call.customer_said("Where is my order?")

async def ahold(external_id):
    async with roark_otel.conversation(external_id, tracer_provider=provider) as call:
        call.customer_said("Where is my order?")

async def end_and_wait(external_id):
    call = roark_otel.start_conversation(external_id, tracer_provider=provider)
    call.customer_said("Where is my order?")
    await call.aend()
"""
FORKED = """
if os.fork() == 0:
    {what}
    os._exit(0)
os.wait()
os._exit(0)
"""
CHILD = """
def child():
    {what}
    os._exit(0)

if __name__ == "__main__":
    one = multiprocessing.get_context("{method}").Process(target=child)
    one.start()
    one.join()
    os._exit(one.exitcode)
"""


def on_disk(folder: Path, script: str, **settings: Any) -> list[str]:
    """Runs an app whose Roark does not answer, and returns the ids of the calls that it left on disk."""
    with AnsweringServer(then=lambda _: NoAnswer()) as down:
        processes.run(folder, APP + script, down.url, repr(settings))
    files = [file.read_text(encoding="utf-8") for file in folder.rglob("*.jsonl")]
    return sorted(json.loads(text.splitlines()[1])["externalId"] for text in files)


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_a_child_of_multiprocessing_waits(tmp_path: Path, method: str) -> None:
    script = CHILD.format(method=method, what="hold('call-1'); hold('call-2')")
    assert on_disk(tmp_path, script) == ["call-1", "call-2"]


@pytest.mark.parametrize("what", ["asyncio.run(ahold('call-1'))", "asyncio.run(end_and_wait('call-1'))"])
def test_a_coroutine_in_a_child_waits_without_blocking(tmp_path: Path, what: str) -> None:
    assert on_disk(tmp_path, CHILD.format(method="fork", what=what)) == ["call-1"]


def test_any_process_waits_where_it_is_configured(tmp_path: Path) -> None:
    assert on_disk(tmp_path, FORKED.format(what="hold('call-1')"), wait_at_end_seconds=60) == ["call-1"]


def test_aend_waits_in_any_process(tmp_path: Path) -> None:
    assert on_disk(tmp_path, FORKED.format(what="asyncio.run(end_and_wait('call-1'))")) == ["call-1"]


def test_no_wait_on_an_event_loop() -> None:
    """However long a wait is configured."""

    async def end() -> None:
        roark_otel.start_conversation("call-1", tracer_provider=app.provider).end()

    with AnsweringServer(then=lambda _: NoAnswer()) as down:
        app = App(down.url, wait_at_end_seconds=NEVER)
        stopped = _Stopped(app)
        asyncio.run(end())  # the assembler answers nobody, so a wait would last an hour
        stopped.go_on()
        app.close()


class _Stopped:
    """Keeps the assembler from answering."""

    def __init__(self, app: App) -> None:
        assert app.processor._engine is not None
        self._assembler = app.processor._engine.parts.assembler
        self._may_go_on = threading.Event()
        self._round, self._assembler._round = self._assembler._round, self._wait  # type: ignore[method-assign]

    def _wait(self, deadline: float = NEVER) -> None:
        self._may_go_on.wait(min(60.0, deadline))

    def go_on(self) -> None:
        self._assembler._round = self._round  # type: ignore[method-assign]
        self._may_go_on.set()


def test_a_flush_does_not_block_the_event_loop() -> None:
    """Others run for as long as it waits for Roark; it returns what `force_flush` does."""
    has_ticked = threading.Event()

    def when_the_loop_went_on(_: Seen) -> NoAnswer | Answer:
        assert has_ticked.wait(60)
        return created()

    async def flush() -> bool:
        flushing = asyncio.ensure_future(roark_otel.aforce_flush())
        await asyncio.sleep(0)
        while not roark.seen:
            await asyncio.sleep(0.005)
        has_ticked.set()
        return await flushing

    with AnsweringServer(then=when_the_loop_went_on) as roark:
        app = App(roark.url)
        app.conversation("call-1", "Where is my order?")
        assert asyncio.run(flush()) is True
        assert app.processor.stats().delivered == 1
        app.close()


@pytest.mark.parametrize(("handlers", "lines"), [("", 1), ("closed.close()", 1), ("logging.root.handlers.clear()", 1)])
def test_the_last_line_is_heard_when_handlers_are_closed(tmp_path: Path, handlers: str, lines: int) -> None:
    """LiveKit closes its handler before the exit hooks of a job process: then the line is on stderr."""
    script = f"""
import logging

class Sent(logging.Handler):
    is_open = True
    def emit(self, record):
        if self.is_open:
            print("SENT", record.getMessage(), file=sys.stderr)
    def close(self):
        super().close()
        self.is_open = False

def child():
    hold("call-1")
    {handlers}

closed = Sent(logging.ERROR)
logging.root.addHandler(closed)
if __name__ == "__main__":
    one = multiprocessing.get_context("fork").Process(target=child)
    one.start()
    one.join()
"""
    with AnsweringServer(then=lambda _: NoAnswer()) as down:
        ran = processes.run(tmp_path, APP + script, down.url, "{'exit_timeout_seconds': 1}")
    assert ran.stderr.count("the process ends and leaves calls") == lines
