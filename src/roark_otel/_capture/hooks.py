"""The short way of most spans: a span below a known one begins, or ends with something to say or with nothing.

The SDK calls a hook twice for every span of an app, mostly with cold caches: what counts is how much code and memory a
hook touches. So each is one function without calls of ours, over local names. Whatever is not the common case goes the
long way, which is `Capture`: the first span of a trace, a root, an id, a context, a full inbox, another SDK.
"""

# The SDK's private attributes have no types that pyright knows.
# pyright: reportPrivateUsage=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportAttributeAccessIssue=false, reportOptionalMemberAccess=false
from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol
from weakref import ref

from opentelemetry.trace import StatusCode

from roark_otel._capture import call_context
from roark_otel._capture.inbox import SAMPLED
from roark_otel._capture.sdk_spans import characters, with_description
from roark_otel._model.rows import Kind
from roark_otel.attributes import CONVERSATION_ROOT, EXTERNAL_ID

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.context import Context

    from roark_otel._capture.capture import Capture

_ERROR = StatusCode.ERROR
_ENDED = int(Kind.ENDED)


class SpanHooks:
    """The functions that are called with each span of an app. A forked child gets others."""

    __slots__ = ("on_end", "on_start")

    def __init__(self, on_start: Callable[[Any, Context | None], object], on_end: Callable[[Any], object]) -> None:
        self.on_start: Callable[[Any, Context | None], object] = on_start
        self.on_end: Callable[[Any], object] = on_end


class Awake(Protocol):
    """Says whether the threads that take what is captured are running."""

    is_awake: bool


def start_hook(
    capture: Capture, long_way: Callable[[Any, Context | None], object]
) -> Callable[[Any, Context | None], None]:
    """Makes the function that is called with each span that begins."""
    home_of, on_death = capture.branches.homes.get, capture.branches.open.on_death
    in_use, call_attributes_in = call_context.in_use, call_context.call_attributes_in
    scopes, roots, has_no_other_id = capture.vocabulary.scopes, capture.vocabulary.root_names, _no_other_id(capture)
    are_irrelevant = capture.relevance.irrelevant.issuperset

    def on_start(span: Any, parent_context: Context | None) -> None:  # noqa: ANN401 - its private attributes are read
        try:
            context = span._context
            home = home_of(context[0])
            if home is None:
                # Of a trace that is not known: irrelevant below another span of the app.
                parent = span._parent
                if (
                    parent is not None
                    and not parent[2]
                    and not (in_use and call_attributes_in(parent_context))
                    and span._instrumentation_scope._name not in scopes
                    and are_irrelevant(span._attributes._dict)
                ):
                    return
            elif home.is_settled:
                parent = span._parent
                attributes = span._attributes._dict
                if (
                    not parent[2]
                    and EXTERNAL_ID not in attributes
                    and CONVERSATION_ROOT not in attributes
                    and span._name not in roots
                    and (has_no_other_id is None or has_no_other_id(attributes))
                    and not (in_use and call_attributes_in(parent_context))
                ):
                    span_id, parent_id, places = context[1], parent[1], home.places
                    branch = places.get(parent_id, home) if places else home
                    below = branch.below
                    is_above_open = parent_id in below
                    if is_above_open:
                        above = below[parent_id]
                        if type(above) is ref:
                            below[parent_id] = above, None, True
                    if is_above_open or parent_id == branch.span_id or not home.others:
                        if span_id not in below:  # a second processor saw it too
                            if branch is not home and places is not None:
                                places[span_id] = branch
                            below[span_id] = ref(span, on_death)
                            branch.activity += 1
                        return
        except (AttributeError, TypeError, KeyError):
            pass  # another SDK than those we know, a local root, a span that is none, one whose name is anything, …
        long_way(span, parent_context)

    return on_start


def end_hook(capture: Capture, life: Awake, long_way: Callable[[Any], object]) -> Callable[[Any], None]:
    """Makes the function that is called with each span that has ended."""
    home_of, vocabulary = capture.branches.homes.get, capture.vocabulary
    scopes, roots, has_no_other_id = vocabulary.scopes, vocabulary.root_names, _no_other_id(capture)
    relevance, inbox = capture.relevance, capture.inbox
    relevant, irrelevant = relevance.relevant, relevance.irrelevant
    are_irrelevant, read_events = irrelevant.issuperset, capture.branches.read_events
    entries = inbox.entries
    append = entries.append

    def on_end(span: Any) -> None:  # noqa: ANN401 - as above
        try:
            context = span._context
            trace_id = context[0]
            home = home_of(trace_id)
            attributes = span._attributes._dict
            scope = span._instrumentation_scope._name
            if home is None:
                if scope not in scopes and are_irrelevant(attributes):
                    for event in span._events._dq:
                        if event._name not in irrelevant:
                            break
                    else:
                        return
                long_way(span)
                return
            span_id, places = context[1], home.places
            branch: Any = places.get(span_id, home) if places else home
            opened = branch.below.get(span_id)
            if opened is not None and (type(opened) is ref or opened[1] is None):
                queue = branch.queue
                if branch.outer is not None or (queue is not None and len(queue) >= branch.read_at):
                    read_events(branch)
                events = span._events._dq
                says_something = scope in scopes
                if not says_something:
                    for event in events:
                        if event._name not in irrelevant:
                            says_something = event._name in relevant
                            break
                    else:
                        if (
                            are_irrelevant(attributes)
                            and type(opened) is ref
                            and span._status._status_code is not _ERROR
                        ):
                            del branch.below[span_id]
                            if places:
                                places.pop(span_id, None)
                                if home.remembers:
                                    branch.remember(span_id)
                            return
                waiting = len(entries) + 1
                if (
                    says_something
                    and EXTERNAL_ID not in attributes
                    and CONVERSATION_ROOT not in attributes
                    and span._name not in roots
                    and (has_no_other_id is None or has_no_other_id(attributes))
                    and waiting < inbox.rings_at
                    and life.is_awake
                    and span._resource is branch.sdk_resource
                ):
                    said: Any = ()
                    if events:
                        said = []
                        for event in events:
                            said += event._name, event._timestamp, {**event._attributes._dict}
                    failed = span._status._status_code is _ERROR
                    values = with_description(span, attributes) if failed else {**attributes}
                    entry = (
                        branch.number,
                        branch.resource,
                        None,
                        _ENDED,
                        trace_id,
                        span_id,
                        span._parent[1],
                        scope,
                        span._name,
                        span._start_time,
                        span._end_time,
                        None,
                        0,
                        None,
                        failed,
                        span._events.dropped,
                        values,
                        said,
                    )
                    del branch.below[span_id]
                    if places:
                        places.pop(span_id, None)
                        if home.remembers:
                            branch.remember(span_id)
                    append(entry)
                    if not waiting % SAMPLED:
                        inbox.measured(characters(values, said))
                    return
        except (AttributeError, TypeError, KeyError):
            pass  # another SDK than those we know, a span that is none, an event whose name is anything, …
        long_way(span)

    return on_end


def _no_other_id(capture: Capture) -> Callable[[Any], bool] | None:
    """Returns the function that says whether attributes have an id under no further key; None if there is none."""
    others = frozenset(capture.vocabulary.id_keys) - {EXTERNAL_ID}
    return others.isdisjoint if others else None
