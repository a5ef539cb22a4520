"""Which conversation a span belongs to.

1. A span with an external id of its own begins the conversation of that id, or goes on with it. The spans below belong
   to the nearest such ancestor. The id may come late: open ancestors are asked again at every end below them.
2. A voice framework's root and a marked root begin a conversation too, unless the one around them has no such root yet:
   then they become its root. A framework's root below another one's inherits no id. Pipecat's leaves being the root to
   an app's own span around it that has the same id and is open longer.
3. Where neither a span nor an ancestor has an id, `call_attributes` gives it, then W3C baggage.
4. All other spans of a trace wait together. If the trace shows exactly one id in the end, they belong to it; if it
   shows none and the resource has one, to that; else they are counted and dropped.
5. The resource's id names one conversation in a process; a further root under it is kept aside and reported.
6. A voice framework's conversation that none of this names gets an id of its own if the app asked for that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from roark_otel._conversation.conversation import Conversation, Origin, Root, State, Strength
from roark_otel._conversation.outputs import Noticed
from roark_otel._model.formats import is_external_id
from roark_otel.attributes import CONVERSATION_ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from roark_otel._conversation.outputs import Output
    from roark_otel._conversation.tree import Node, Trace
    from roark_otel._model.spans import SpanRecord, SpanStart
    from roark_otel._model.vocabulary import Vocabulary


class Ownership:
    """Places spans in conversations.

    Args:
        vocabulary: What the dialects know.
        traces: The traces of open conversations.
        begin: Makes a new conversation for a resource.
        drop: Closes one that turned out to be part of another.
        emit: Takes outputs of the state machine.
        auto_ids: Whether a voice framework's conversation without an id gets one.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        traces: Mapping[int, Trace],
        begin: Callable[[Mapping[str, object]], Conversation],
        drop: Callable[[Conversation], None],
        emit: Callable[[Output], None],
        *,
        auto_ids: bool,
    ) -> None:
        self._vocabulary = vocabulary
        self._traces = traces
        self._begin = begin
        self._drop = drop
        self._emit = emit
        self._auto_ids = auto_ids
        self._by_id: dict[str, Conversation] = {}
        self._hosts: dict[str, Conversation] = {}
        self._used_resource_ids: set[str] = set()

    def at_start(self, trace: Trace, node: Node, start: SpanStart) -> Conversation:
        """The conversation of a span that began."""
        strength = self._strength(start, marked=start.marked)
        external_id, origin = self._id_at_start(node, start)
        if external_id is not None or strength is not None:
            self._place(trace, node, start, external_id, origin, strength)
        return node.owner() or self._rest(trace, node, start)

    def at_end(self, trace: Trace, node: Node, record: SpanRecord) -> Conversation:
        """The conversation of a span that ended, which may carry more than at its start."""
        strength = self._strength(record, marked=record.attributes.get(CONVERSATION_ROOT) is True)
        external_id = self.valid(self._vocabulary.external_id(record.attributes), record.name)
        if external_id is not None or strength is not None:
            self._place(trace, node, record, external_id, Origin.SPAN, strength)
        self.ask_ancestors(trace, node)
        if strength is Strength.DIALECT and self._vocabulary.yields(record.scope):
            _yield_to_app(node)
        return node.owner() or self._rest(trace, node, record)

    def ask_ancestors(self, trace: Trace, node: Node) -> None:
        """Asks the open spans above, up to the nearest with an id, for one that came after their start."""
        for above in node.upward():
            known = above.conversation
            if known is not None and known.external_id is not None:
                return
            if above is node or above.live is None:
                continue
            external_id = self.valid(self._vocabulary.open_span_id(above.live), "open span")
            record = None if external_id is None else self._vocabulary.open_span(above.live)
            if record is not None:
                self._place(trace, above, record, external_id, Origin.SPAN, None)
                return

    def resolve(self, conversation: Conversation) -> Conversation:
        """Returns the conversation, named by its traces or the resource if they have an id, with all that waited."""
        if conversation.external_id is None:
            conversation = self._named_late(conversation)
        if conversation.external_id is not None:
            for trace in [self._traces[trace_id] for trace_id in conversation.trace_ids]:
                waiting = trace.rest.current() if trace.rest else conversation
                if waiting is not conversation and trace.external_ids() == {conversation.external_id}:
                    waiting.roots.clear()
                    self._merge(conversation, waiting)
        return conversation

    def close(self, conversation: Conversation) -> None:
        """Lets a conversation go: what comes under its id from now on is another."""
        external_id = conversation.external_id
        if external_id is None:
            return
        if conversation.origin is Origin.RESOURCE:
            self._used_resource_ids.add(external_id)
            self._hosts.pop(external_id, None)
        if self._by_id.get(external_id) is conversation:
            del self._by_id[external_id]

    def valid(self, external_id: object, where: str) -> str | None:
        """Returns a valid id: text of 1 to 255 characters. Any other value is reported and ignored."""
        if external_id is None:
            return None
        if isinstance(external_id, str) and is_external_id(external_id):
            return external_id
        self._emit(Noticed("bad_ids", None, where))
        return None

    def _strength(self, span: SpanStart | SpanRecord, *, marked: bool) -> Strength | None:
        if marked:
            return Strength.MARKED
        return Strength.DIALECT if self._vocabulary.is_root(span.scope, span.name) else None

    def _id_at_start(self, node: Node, start: SpanStart) -> tuple[str | None, Origin]:
        own = self.valid(start.external_id, start.name)
        owner = node.owner()
        if own is not None or (owner is not None and owner.external_id is not None):
            return own, Origin.SPAN
        context = self.valid(self._vocabulary.external_id(start.context), "call_attributes")
        if context is not None:
            return context, Origin.CONTEXT
        return self.valid(start.baggage_id, "baggage"), Origin.BAGGAGE

    def _place(
        self,
        trace: Trace,
        node: Node,
        span: SpanStart | SpanRecord,
        external_id: str | None,
        origin: Origin,
        strength: Strength | None,
    ) -> None:
        """Finds the conversation of a span with an id or with the strength of a root, and makes it a root of it."""
        around = node.owner()
        if around is None or self._begins_another(around, node, external_id, strength):
            around = self._conversation(external_id, strength, span.resource)
        if external_id is not None:
            around = self._name(around, external_id, origin)
        topmost = node.parent is None or node.parent.owner() is not around
        node.belongs_to(around)
        trace.shows(around)
        if strength is not None and around.external_id is None:
            self._host(around)
        if strength is not None or topmost:
            self._add_root(around, node, span, strength or Strength.IMPLIED)

    def _begins_another(
        self, around: Conversation, node: Node, external_id: str | None, strength: Strength | None
    ) -> bool:
        strong = around.strong_root
        if strength is not None and strong is not None and strong.span_id != node.span_id:
            # A framework's root below a marked one is part of that conversation, below a framework's it is another.
            return strength is Strength.MARKED or strong.strength is Strength.DIALECT
        if around.state is State.CLOSED and node.conversation is None:
            return True
        return external_id is not None and around.external_id not in {None, external_id}

    def _conversation(
        self, external_id: str | None, strength: Strength | None, resource: Mapping[str, object]
    ) -> Conversation:
        """The conversation of an id, unless it has a strong root already and a further one asks; else a new one."""
        known = None if external_id is None else self._by_id.get(external_id)
        if known is None or (strength is not None and known.strong_root is not None):
            return self._begin(resource)
        return known

    def _name(self, conversation: Conversation, external_id: str, origin: Origin) -> Conversation:
        """Gives a conversation its id, which may show that it is part of another."""
        known = self._by_id.setdefault(external_id, conversation)
        if known is not conversation and not (known.strong_root and conversation.strong_root):
            self._merge(known, conversation)
            conversation = known
        conversation.named(external_id, origin)
        return conversation

    def _merge(self, conversation: Conversation, other: Conversation) -> None:
        if other is not conversation and other.state is not State.CLOSED:
            conversation.absorb(other)
            self._drop(other)

    def _add_root(
        self, conversation: Conversation, node: Node, span: SpanStart | SpanRecord, strength: Strength
    ) -> None:
        known = conversation.roots.get(node.span_id)
        if known is not None:
            known.strength = max(known.strength, strength)
            return
        if strength is Strength.IMPLIED:
            # An id that came late to an ancestor makes that one the topmost.
            implied = [root for root in conversation.roots.values() if root.strength is Strength.IMPLIED]
            for below in [root for root in implied if node.span_id in root.above]:
                del conversation.roots[below.span_id]
        above = frozenset(other.span_id for other in node.upward() if other is not node)
        conversation.roots[node.span_id] = Root(span.trace_id, node.span_id, span.start_ns, strength, above)

    def _rest(self, trace: Trace, node: Node, span: SpanStart | SpanRecord) -> Conversation:
        """Where spans without an owner wait; under a resource's id their topmost span is a root."""
        if trace.rest is None or trace.rest.current().state is State.CLOSED:
            conversation = trace.rest = self._begin(span.resource)
            trace.shows(conversation)
            top = next(iter(list(node.upward())[-1:]))
            if self._vocabulary.external_id(span.resource) is not None:
                self._add_root(conversation, top, span, Strength.IMPLIED)
        return trace.rest.current()

    def _host(self, conversation: Conversation) -> None:
        """Makes the first strong root under a resource's id the one that the id is for."""
        resource_id = self._vocabulary.external_id(conversation.resource)
        if not isinstance(resource_id, str) or resource_id in self._used_resource_ids:
            return
        known = self._hosts.get(resource_id)
        if known is None or known.state is State.CLOSED:
            self._hosts[resource_id] = conversation

    def _named_late(self, conversation: Conversation) -> Conversation:
        """Names a conversation by the only id of its traces, else by that of the resource, else by its own."""
        traces = [self._traces[trace_id] for trace_id in conversation.trace_ids]
        ids = {external_id for trace in traces for external_id in trace.external_ids()}
        # The id may be the first session's, and this the second one of the trace.
        inherits = conversation.strong_root is None or not any(one.has_strong_root_but(conversation) for one in traces)
        if inherits and len(ids) == 1:
            return self._name(conversation, ids.pop(), Origin.SPAN)
        resource_id = self.valid(self._vocabulary.external_id(conversation.resource), "resource")
        if not ids and resource_id is not None and resource_id not in self._used_resource_ids:
            return self._named_by_resource(conversation, resource_id)
        if self._auto_ids and conversation.strong_root is not None and resource_id is None:
            return self._name(conversation, conversation.own_id(), Origin.AUTO)
        return conversation

    def _named_by_resource(self, conversation: Conversation, resource_id: str) -> Conversation:
        host = self._hosts.get(resource_id)
        if host is not None and conversation.strong_root is None and host.state is not State.CLOSED:
            conversation.roots.clear()
            self._merge(host, conversation)
            return host
        return self._name(conversation, resource_id, Origin.RESOURCE)


def _yield_to_app(node: Node) -> None:
    """Makes the app's own open span around a framework's root the root in its place."""
    conversation = node.owner()
    for above in node.upward():
        root = None if conversation is None or above is node else conversation.roots.get(above.span_id)
        if conversation is not None and root is not None and not root.is_over:
            root.strength = max(root.strength, Strength.DIALECT)
            conversation.roots.pop(node.span_id, None)
            return
