"""What could end, block or keep away a thread. Each test is a row of the fault table in docs/delivery.md."""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from typing import TYPE_CHECKING, Any

import pytest

import roark_otel
from roark_otel import RoarkSpanProcessor
from roark_otel._safety import hook_thread
from support import processes
from support.answering import AnsweringServer
from support.helpers import KEY, App, Threads, by_id, wait_until, words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from roark_otel._model.hooks import FinishedCall, Redactable
    from roark_otel.sandbox import Sandbox

pytestmark = pytest.mark.faults


class Foreign(BaseException):
    """What no `except Exception` catches, as a panic of a Rust extension or a time-out of gevent."""


ENDING = [SystemExit, KeyboardInterrupt, asyncio.CancelledError, GeneratorExit, Foreign, MemoryError]
"""What ends a thread, or is raised where nobody expects it."""


class Hanging:
    """A hook that hangs until it is let go."""

    def __init__(self) -> None:
        self.over = threading.Event()
        self.asked = 0

    def __call__(self, item: Any, *_: object) -> Any:
        self.asked += 1
        self.over.wait()
        return item


@pytest.fixture(name="hanging")
def _hanging() -> Iterator[Hanging]:
    hanging = Hanging()
    yield hanging
    hanging.over.set()


@pytest.fixture(name="listening")
def _listening() -> Iterator[Callable[[logging.Handler | logging.Filter], None]]:
    """Returns what adds a handler or filter to the package's logger, until the test is over."""
    logger = logging.getLogger("roark_otel")
    before = logger.level, logger.handlers[:], logger.filters[:]

    def listen(one: logging.Handler | logging.Filter) -> None:
        logger.setLevel(logging.INFO)
        if isinstance(one, logging.Handler):
            logger.addHandler(one)
        else:
            logger.addFilter(one)

    yield listen
    logger.level, logger.handlers, logger.filters = before


@pytest.mark.parametrize("fault", ENDING)
def test_a_hook_ends_its_thread(sandbox: Sandbox, fault: type[BaseException]) -> None:
    """Each is asked again, and what `redact` did not answer is without words."""

    def fails(*_: object) -> Any:
        asked.append(threading.current_thread().name)
        raise fault

    asked: list[str] = []
    app = App(sandbox.url, redact=fails, on_receipt=fails, recording_url=None)
    for number in range(3):
        app.conversation(f"call-{number}", "Secret.", **{"roark.recording_url": "https://example.com/a.wav"})
        assert app.processor.force_flush()
    assert set(by_id(sandbox.calls())) == {"call-0", "call-1", "call-2"}
    assert all("Secret." not in str(call) for call in sandbox.calls())
    assert asked.count("roark-otel-on-receipt") == 3
    assert asked.count("roark-otel-redact") == 6


@pytest.mark.parametrize("fault", ENDING)
def test_a_resolver_ends_its_thread(sandbox: Sandbox, fault: type[BaseException]) -> None:
    asked: list[str] = []

    def find(call: FinishedCall) -> str:
        asked.append(call.external_id)
        if len(asked) == 1:
            raise fault
        return "https://example.com/found.wav"

    app = App(sandbox.url, recording_url=find)
    app.conversation("call-1", "Hello?")
    assert app.processor.force_flush()
    wait_until(lambda: bool(sandbox.calls()), 60)
    assert asked == ["call-1", "call-1"]


def test_on_receipt_hangs(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, hanging: Hanging) -> None:
    """Every call is delivered; the hook is called for the next ones until too many hang."""
    monkeypatch.setattr(hook_thread, "DEADLINE_SECONDS", 0.1)
    threads = Threads()
    app = App(sandbox.url, on_receipt=hanging)
    for number in range(6):
        app.conversation(f"call-{number}", "Hello?")
        assert app.processor.force_flush()
    assert len(sandbox.calls()) == 6
    wait_until(lambda: app.processor.stats().abandoned_receipt_hooks == 6, 60)
    assert hanging.asked == hook_thread.MAX_ABANDONED
    hanging.over.set()
    app.close()
    wait_until(lambda: not threads.names(), 60)


@pytest.mark.faults
def test_accepts_raises_or_hangs(
    sandbox: Sandbox, said: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of what it did not answer about is sent; the other calls are."""
    monkeypatch.setattr(hook_thread, "DEADLINE_SECONDS", 0.2)
    may_end = threading.Event()

    def accepts(external_id: str, _attributes: object) -> bool:
        if external_id == "raises":
            raise RuntimeError
        return external_id != "hangs" or may_end.wait(60.0)

    app = App(sandbox.url, accepts=accepts)
    try:
        for external_id in ("raises", "hangs", "call-1"):
            app.conversation(external_id, "Hello.")
        assert app.processor.force_flush(60_000)
    finally:
        may_end.set()

    assert [call["externalId"] for call in sandbox.calls()] == ["call-1"]
    assert app.processor.stats().rejected == 2
    assert "did not answer in time" in said.text


def test_redact_hangs(
    sandbox: Sandbox, said: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, hanging: Hanging
) -> None:
    """Calls are delivered without the words that it did not answer about; when it answers again, with them."""
    monkeypatch.setattr(hook_thread, "DEADLINE_SECONDS", 0.2)
    app = App(sandbox.url, redact=hanging)
    for number in range(3):
        app.conversation(f"call-{number}", "Secret.")
        assert app.processor.force_flush()
    assert all(words(call) == [] for call in sandbox.calls())
    assert all("Secret." not in str(call) for call in sandbox.calls())
    assert app.processor.stats().abandoned_redactors > 0
    assert said.text.count("redact hook did not answer in time") == 1
    hanging.over.set()

    def is_whole(number: int) -> bool:
        app.conversation(f"again-{number}", "Hello?")
        assert app.processor.force_flush()
        return words(by_id(sandbox.calls())[f"again-{number}"]) == ["Hello?"]

    numbers = iter(range(1_000))
    wait_until(lambda: is_whole(next(numbers)), 60)


def test_a_hook_flushes(sandbox: Sandbox, listening: Callable[[logging.Handler | logging.Filter], None]) -> None:
    """It would wait for itself: False at once, in each hook, and in a handler that runs on a thread of ours."""
    answers: dict[str, set[bool]] = {}

    def flush(*_: object) -> None:
        name = threading.current_thread().name
        if name.startswith("roark-otel"):
            answers.setdefault(name, set()).update((roark_otel.force_flush(), app.processor.force_flush()))
            app.provider.force_flush()

    def redact(item: Redactable) -> Redactable:
        flush()
        return item

    def find(_: FinishedCall) -> str:
        flush()
        return "https://example.com/found.wav"

    class Flushes(logging.Handler):
        def emit(self, _record: logging.LogRecord) -> None:
            flush()

    listening(Flushes())
    app = App(sandbox.url, redact=redact, on_receipt=flush, recording_url=find)
    app.conversation("call-1", "Hello?")
    app.processor.force_flush()
    wait_until(lambda: len(answers) == 5, 60)
    assert [words(call) for call in sandbox.calls()] == [["Hello?"]]
    assert answers == {
        f"roark-otel-{name}": {False} for name in ("assembler", "courier", "on-receipt", "redact", "resolver")
    }


@pytest.mark.parametrize("fault", [ValueError, asyncio.CancelledError, Foreign, SystemExit, KeyboardInterrupt])
@pytest.mark.parametrize("kind", ["handler", "filter"])
def test_the_logging_of_the_app_fails(
    sandbox: Sandbox,
    listening: Callable[[logging.Handler | logging.Filter], None],
    fault: type[BaseException],
    kind: str,
) -> None:
    """It reaches no span and no constructor, and ends no thread. On the app's threads what ends the app passes."""

    class Fails(logging.Handler):
        def handle(self, _record: logging.LogRecord) -> bool:
            raise_it()
            return True

    class Refuses(logging.Filter):
        def filter(self, _record: logging.LogRecord) -> bool:
            raise_it()
            return True

    def raise_it() -> None:
        is_ours = threading.current_thread().name.startswith("roark-otel")
        raised.append(is_ours)
        if is_ours or fault not in (SystemExit, KeyboardInterrupt):
            raise fault

    raised: list[bool] = []
    listening(Fails() if kind == "handler" else Refuses())
    RoarkSpanProcessor(api_key=None)  # warns
    app = App(sandbox.url)
    RoarkSpanProcessor(api_key=KEY, base_url=sandbox.url)  # warns of other settings
    for number in range(3):
        app.conversation(f"call-{number}", "Hello?")
        assert app.processor.force_flush()
    assert len(sandbox.calls()) == 3
    assert set(raised) == {True, False}


def test_a_record_factory_has_the_same_names(sandbox: Sandbox, said: pytest.LogCaptureFixture) -> None:
    """What the app's factory sets stays; the receipt arrives all the same."""
    before = logging.getLogRecordFactory()

    def factory(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = before(*args, **kwargs)
        record.call_id = record.trace_id = record.external_id = "the app's"
        return record

    receipts: list[str] = []
    logging.setLogRecordFactory(factory)
    try:
        app = App(sandbox.url, on_receipt=lambda call, _: receipts.append(call.external_id))
        app.conversation("call-1", "Hello?")
        assert app.processor.force_flush()
    finally:
        logging.setLogRecordFactory(before)
    assert receipts == ["call-1"]
    (record,) = [record for record in said.records if record.getMessage().startswith("call created")]
    assert (record.__dict__["call_id"], record.__dict__["turns"]) == ("the app's", 1)


STARTING = """
    threading.stack_size(1 << 46)  # more than there is: no thread can be started
    begin("call-1").end()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("roark-otel")]
    threading.stack_size(0)
    time.sleep(1.5)
    begin("call-2").end()
    while processor.stats().delivered < 2:
        time.sleep(0.02)
"""

COURIER = """
    courier = processor._engine.parts.courier
    type(processor._engine.parts).start = lambda parts: parts.assembler.start()  # the courier starts at the first call
    begin("call-0")
    threading.stack_size(1 << 46)
    begin("call-1").end()
    while processor.stats().spooled < 1:
        time.sleep(0.01)
    time.sleep(0.2)
    assert not courier.worker.is_running
    threading.stack_size(0)
    while processor.stats().delivered < 1:
        time.sleep(0.02)
"""


@pytest.mark.parametrize("script", [STARTING, COURIER], ids=["all", "courier"])
def test_no_thread_can_be_started(sandbox: Sandbox, tmp_path: Path, script: str) -> None:
    """It is tried again a second later, and what waits until then is delivered."""
    app = processes.PROVIDER.replace("processor_that()", "processor_that(linger_seconds=0, quiet_seconds=0)")
    processes.run(tmp_path, app + script.replace("\n    ", "\n"), sandbox.url)
    assert {"call-1"} <= set(by_id(sandbox.calls()))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_is_lost(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever ended it, the other one starts it again."""
    from roark_otel._safety.worker import Worker

    app = App(sandbox.url, linger_seconds=0, quiet_seconds=0)
    app.conversation("call-0", "Hello?")
    assert app.processor.force_flush()
    engine = app.processor._engine
    assert engine is not None
    for worker in (engine.parts.courier.worker, engine.parts.assembler.worker):
        with monkeypatch.context() as broken:
            broken.setattr(Worker, "_has_ended", lambda self, _, lost=worker: _lose(self, lost))
            app.conversation(f"call of {worker._name}", "Hello?")
            wait_until(lambda worker=worker: not worker.is_running, 60)  # type: ignore[misc]
        app.conversation(f"after {worker._name}", "Hello?")
        app.processor.force_flush()
    wait_until(lambda: len(sandbox.calls()) == 5, 60)


def _lose(worker: Any, lost: Any) -> bool:
    if worker is lost:
        raise SystemExit
    return False


SIGNALS = """
    made = []

    def make(*_):
        made.append(len(made))
        begin(f"signal-{made[-1]}").end()

    signal.signal(signal.SIGUSR1, make)
    start = threading.Thread.start

    def interrupted(thread):
        signal.raise_signal(signal.SIGUSR1)
        start(thread)
        signal.raise_signal(signal.SIGUSR1)

    threading.Thread.start = interrupted
    begin("call-1").end()
    threading.Thread.start = start
    assert processor.force_flush()
    assert len(made) >= 4, made
    assert processor.stats().delivered == 1 + len(made), processor.stats()
    threads = [thread.name for thread in threading.enumerate() if thread.name.startswith("roark-otel")]
    assert sorted(threads) == ["roark-otel-assembler", "roark-otel-courier"], threads
"""

LIMIT = """
    class TimeIsOver(Exception):
        pass

    class Job:
        def stop(self, *_):
            raise TimeIsOver

    def stop(*_):
        raise TimeIsOver

    hooks, later = processor.hooks, type(processor.hooks)

    def interrupted(hook):
        def call(*arguments):
            signal.raise_signal(signal.SIGUSR1)
            return hook(*arguments)
        return call

    for handler in (stop, Job().stop, functools.partial(stop)):
        signal.signal(signal.SIGUSR1, handler)
        for hook in ("on_start", "on_end"):
            processor.hooks = later(hooks.on_start, hooks.on_end)
            setattr(processor.hooks, hook, interrupted(getattr(hooks, hook)))
            try:
                begin(f"call-{hook}").end()
            except TimeIsOver:
                print("the app's time limit held")
        processor.hooks = hooks
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    begin("call-1").end()
    assert processor.force_flush()
"""


MEMORY = processes.PROVIDER.replace("processor_that()", "processor_that(spool='memory')")

TIMER = """
    count = 0

    def make(*_):
        global count
        count += 1
        begin(f"signal-{count}").end()

    signal.signal(signal.SIGALRM, make)
    signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
    for number in range(int(sys.argv[2])):
        provider = TracerProvider(shutdown_on_exit=False)
        processor = processor_that(linger_seconds=0, quiet_seconds=0, spool="memory")
        provider.add_span_processor(processor)
        tracer = provider.get_tracer("app")
        begin(f"call-{number}").end()
        processor.stats()
        if os.fork() == 0:
            os._exit(0)
        os.wait()
        processor.shutdown()
    signal.setitimer(signal.ITIMER_REAL, 0)
    processor.force_flush()
"""


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="needs signals")
def test_a_signal_handler_raises(sandbox: Sandbox, tmp_path: Path) -> None:
    """Its exception, with which an app ends what takes too long, reaches the app, also if it comes while ours runs."""
    app = processes.PROVIDER + "import functools, signal\n" + LIMIT.replace("\n    ", "\n")
    printed = processes.run(tmp_path, app, sandbox.url)
    assert printed.stdout.count("the app's time limit held") == 6
    assert "call-1" in by_id(sandbox.calls())


SMALL = """
    threading.stack_size(128 * 1024)
    result = "found"
    for _ in range(400):
        result = {"inside": [result]}
    with roark_otel.conversation("call-1", tracer_provider=provider) as call:
        call.customer_said("Hello?")
        with call.tool("lookup", {}) as tool:
            tool.result(result)
    assert processor.force_flush()
    assert threading.stack_size() == 128 * 1024
"""


def test_the_app_has_threads_with_small_stacks(sandbox: Sandbox, tmp_path: Path) -> None:
    """Ours have stacks in which a deep value has room: what overflows one ends the process."""
    processes.run(tmp_path, processes.PROVIDER + "import roark_otel\n" + SMALL.replace("\n    ", "\n"), sandbox.url)
    (call,) = sandbox.calls()
    assert words(call) == ["Hello?"]
    assert len(call["toolInvocations"]) == 1


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="needs signals")
def test_a_signal_handler_makes_spans(sandbox: Sandbox, tmp_path: Path) -> None:
    """A signal that arrives while a thread starts finds no lock held, and starts no second thread."""
    processes.run(tmp_path, processes.PROVIDER + SIGNALS.replace("\n    ", "\n"), sandbox.url)
    assert "call-1" in by_id(sandbox.calls())
    with AnsweringServer() as server:
        processes.run(tmp_path, MEMORY + TIMER.replace("\n    ", "\n"), server.url, "10")
        assert {f"call-{number}" for number in range(10)} <= {seen.external_id for seen in server.seen}
