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

from opentelemetry.trace import StatusCode

from roark_otel._capture import call_context
from roark_otel._capture.inbox import SAMPLED
from roark_otel._capture.open_spans import OpenSpan
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
    capture: Capture, life: Awake, long_way: Callable[[Any, Context | None], object]
) -> Callable[[Any, Context | None], None]:
    """Makes the function that is called with each span that begins."""
    home_of, open_spans, on_death = capture.branches.homes.get, capture.branches.open, capture.branches.on_death
    opened_of = open_spans.get
    roots_of, id_keys = capture.vocabulary.roots.get, capture.vocabulary.id_keys
    has_other_ids, in_use, scopes = len(id_keys) > 1, call_context.in_use, capture.vocabulary.scopes
    are_irrelevant, inbox, new = capture.relevance.irrelevant.issuperset, capture.inbox, OpenSpan.__new__

    call_attributes_in = call_context.call_attributes_in

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
            elif home.ids and home.unnamed is None and not has_other_ids and life.is_awake:
                parent = span._parent
                if parent is not None and not parent[2]:
                    attributes = span._attributes._dict
                    above = opened_of((context[0], parent[1]))
                    names = roots_of(span._instrumentation_scope._name)
                    if (
                        above is not None
                        and EXTERNAL_ID not in attributes
                        and CONVERSATION_ROOT not in attributes
                        and (names is None or span._name not in names)
                        and inbox.has_space
                        and not (in_use and call_attributes_in(parent_context))
                    ):
                        key = context[0], context[1]
                        if key not in open_spans:
                            above.has_below = True
                            branch: Any = above.branch or above
                            opened = new(OpenSpan, span, on_death)
                            opened.key = key
                            opened.branch = branch
                            opened.at_start = None
                            opened.has_below = False
                            open_spans[key] = opened  # before `below`, whose readers look it up
                            branch.below[context[1]] = None
                            branch.activity += 1
                        return
        except AttributeError:
            pass  # another SDK than those we know, or a span that is none
        long_way(span, parent_context)

    return on_start


def end_hook(capture: Capture, life: Awake, long_way: Callable[[Any], object]) -> Callable[[Any], None]:
    """Makes the function that is called with each span that has ended."""
    homes, open_spans = capture.branches.homes, capture.branches.open
    opened_of, pop = open_spans.get, open_spans.pop
    scopes, roots_of = capture.vocabulary.scopes, capture.vocabulary.roots.get
    has_other_ids = len(capture.vocabulary.id_keys) > 1
    relevant, irrelevant = capture.relevance.relevant, capture.relevance.irrelevant
    are_irrelevant, inbox = irrelevant.issuperset, capture.inbox
    entries = inbox.entries
    append = entries.append

    def on_end(span: Any) -> None:  # noqa: ANN401 - as above
        try:
            context = span._context
            attributes = span._attributes._dict
            events = span._events._dq
            scope = span._instrumentation_scope._name
            if context[0] not in homes:
                if scope not in scopes and are_irrelevant(attributes):
                    for event in events:
                        if event._name not in irrelevant:
                            break
                    else:
                        return
                long_way(span)
                return
            key = context[0], context[1]
            opened = opened_of(key)
            names = roots_of(scope)
            if (
                opened is not None
                and opened.at_start is None
                and (branch := opened.branch) is not None
                and branch.outer is None
                and (branch.queue is None or len(branch.queue) < branch.read_at)
                # What is irrelevant is neither an id nor a mark.
                and (
                    (is_bare := scope not in scopes and are_irrelevant(attributes))
                    or (EXTERNAL_ID not in attributes and CONVERSATION_ROOT not in attributes)
                )
                and (names is None or span._name not in names)
                and not has_other_ids
                and life.is_awake
            ):
                says_something = scope in scopes
                if not says_something:
                    for event in events:
                        if event._name not in irrelevant:
                            says_something = event._name in relevant
                            break
                    else:
                        if is_bare and not opened.has_below and span._status._status_code is not _ERROR:
                            pop(key, None)
                            branch.below.pop(context[1], None)
                            return
                waiting = len(entries)
                if (
                    says_something
                    and waiting < inbox.rings_at
                    and (waiting + 1) % SAMPLED
                    and span._resource is branch.sdk_resource
                ):
                    pop(key, None)
                    branch.below.pop(context[1], None)
                    values = [
                        branch.number,
                        branch.resource,
                        None,
                        _ENDED,
                        context[0],
                        context[1],
                        span._parent[1],
                        scope,
                        span._name,
                        span._start_time,
                        span._end_time,
                        None,
                        0,
                        None,
                        span._status._status_code is _ERROR,
                        span._events.dropped,
                        len(attributes),
                        *attributes,
                        *attributes.values(),
                    ]
                    extend = values.extend
                    for event in events:
                        found = event._attributes._dict
                        values += event._name, event._timestamp, len(found)
                        extend(found)
                        extend(found.values())
                    append(tuple(values))
                    return
        except (AttributeError, TypeError):
            pass  # another SDK than those we know, a span that is none, or an event whose name is anything
        long_way(span)

    return on_end
