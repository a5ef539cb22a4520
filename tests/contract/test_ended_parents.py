"""Spans that begin below one that has ended: they are of its conversation, whatever else goes on in the trace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace

from support.helpers import ID, App, agent_said, by_id, words

if TYPE_CHECKING:
    from opentelemetry.trace import Span

    from roark_otel.sandbox import Sandbox


class Worker:
    """An app whose LiveKit sessions are in one trace."""

    def __init__(self, url: str, **settings: Any) -> None:
        self.app = App(url, **settings)
        self._livekit = self.app.provider.get_tracer("livekit-agents")

    def below(self, parent: Span | None, name: str, *, own: bool = False, **attributes: str) -> Span:
        """Starts a span of LiveKit's, or one of the app's own that says nothing."""
        tracer = self.app.tracer if own else self._livekit
        context = None if parent is None else trace.set_span_in_context(parent)
        return tracer.start_span(name, context, attributes=attributes)

    def session(self, parent: Span | None, external_id: str | None) -> Span:
        attributes: dict[str, Any] = {} if external_id is None else {ID: external_id}
        return self.below(parent, "agent_session", **attributes)

    def entered(self, session: Span, *, own: bool = False) -> Span:
        """Returns a span of a session that has ended, before anything else began in it."""
        hook = self.below(session, "greet" if own else "on_enter", own=own)
        hook.end()
        return hook

    def says(self, parent: Span, text: str) -> Span:
        """Says something on a span below; returns that span, which has ended too."""
        spoken = self.below(parent, "work", own=True)
        agent_said(spoken, text)
        spoken.end()
        return spoken

    def calls(self, sandbox: Sandbox) -> dict[str, list[str]]:
        assert self.app.processor.force_flush()
        return {name: words(call) for name, call in by_id(sandbox.calls()).items()}


@pytest.fixture(name="worker")
def _worker(sandbox: Sandbox) -> Worker:
    return Worker(sandbox.url)


@pytest.mark.parametrize("own", [False, True], ids=["LiveKit's span", "the app's span"])
@pytest.mark.parametrize("shape", ["nested", "side by side"])
def test_two_sessions_of_one_trace(sandbox: Sandbox, worker: Worker, shape: str, *, own: bool) -> None:
    """Two sessions that go on at once, in one task or below one job: each has what was begun in it."""
    job = worker.below(None, "job_entrypoint") if shape == "side by side" else None
    first = worker.session(job, "a")
    before = worker.entered(first, own=own)
    second = worker.session(job or first, "b")
    hooks = {"a": worker.entered(first, own=own), "b": worker.entered(second, own=own)}

    for name, hook in hooks.items():
        again = worker.says(hook, f"1 of {name}")
        worker.says(again, f"2 of {name}")
        worker.says(hook, f"3 of {name}")
    # An app's own span that said nothing, and ended before there were two, is not remembered.
    worker.says(hooks["a"] if own else before, "4 of a")
    for one in (second, first, *([job] if job else [])):
        one.end()

    assert worker.calls(sandbox) == {
        "a": ["1 of a", "2 of a", "3 of a", "4 of a"],
        "b": ["1 of b", "2 of b", "3 of b"],
    }


def test_an_id_that_comes_late(sandbox: Sandbox, worker: Worker) -> None:
    """As an app sets it on the session's span once the session has started."""
    job = worker.below(None, "job_entrypoint")
    sessions = [worker.session(job, None) for _ in range(3)]
    hooks = [worker.entered(one) for one in sessions]
    for number, hook in enumerate(hooks):
        worker.says(hook, f"of {number}")
    for number, one in enumerate(sessions):
        one.set_attribute(ID, f"call-{number}")
        one.end()
    job.end()

    assert worker.calls(sandbox) == {f"call-{number}": [f"of {number}"] for number in range(3)}


@pytest.mark.parametrize("ends_first", [False, True], ids=["ends last", "ends first"])
def test_the_only_session_of_a_job(sandbox: Sandbox, *, ends_first: bool) -> None:
    """The job's span is no conversation, and what is below an ended span of the session is the session's."""
    worker = Worker(sandbox.url, auto_external_id=True)
    job = worker.below(None, "job_entrypoint")
    session = worker.session(job, None)
    hook = worker.entered(session, own=True)
    if ends_first:
        job.end()
    worker.says(hook, "Hello.")
    session.end()
    if not ends_first:
        job.end()

    assert list(worker.calls(sandbox).values()) == [["Hello."]]


def test_what_a_job_began_itself_is_in_no_session(sandbox: Sandbox, worker: Worker) -> None:
    job = worker.below(None, "job_entrypoint")
    hook = worker.entered(job)
    first, second = worker.session(job, "a"), worker.session(job, "b")
    worker.says(hook, "Nobody's.")
    worker.says(worker.entered(job), "Nobody's either.")
    worker.says(first, "of a")
    worker.says(second, "of b")
    for one in (first, second, job):
        one.end()

    assert worker.calls(sandbox) == {"a": ["of a"], "b": ["of b"]}


def test_a_session_that_is_over_leaves_nothing_to_the_next(sandbox: Sandbox, worker: Worker) -> None:
    """What begins late below an ended span of the first session is not said in the second."""
    job = worker.below(None, "job_entrypoint")
    first = worker.session(job, "a")
    hook = worker.entered(first)
    worker.says(first, "of a")
    first.end()
    assert worker.calls(sandbox) == {"a": ["of a"]}

    second = worker.session(job, "b")
    worker.says(worker.entered(second), "of b")
    worker.says(hook, "too late")
    second.end()
    job.end()

    assert worker.calls(sandbox) == {"a": ["of a"], "b": ["of b"]}


def test_many_spans_later(sandbox: Sandbox, worker: Worker) -> None:
    """However many spans have ended since."""
    job = worker.below(None, "job_entrypoint")
    sessions = {name: worker.session(job, name) for name in ("a", "b")}
    hooks = {name: worker.entered(one) for name, one in sessions.items()}
    for _ in range(3_000):
        for one in sessions.values():
            worker.below(one, "llm_node").end()
    for name, hook in hooks.items():
        worker.says(hook, f"of {name}")
    for one in (*sessions.values(), job):
        one.end()

    assert worker.calls(sandbox) == {"a": ["of a"], "b": ["of b"]}
