"""The spans of a trace and their parents, for as long as they are needed.

A node is held by its open span and by the nodes below it, so a span that ends with nothing below it leaves nothing
behind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from roark_otel._conversation.conversation import State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from roark_otel._conversation.conversation import Conversation
    from roark_otel._model.spans import SpanEvent, SpanRecord, SpanStart

MANY = 1_000
"""The number of open spans from which a trace is searched for those that can never end."""

MAX_CLOSED = 64
"""The most closed conversations of a trace that are remembered, to know whether it shows one id or more."""


class Node:
    """One span in its trace. `conversation` is set where one begins or goes on, and holds for all below."""

    __slots__ = ("_conversation", "_events", "_missed_events", "_next_event", "live", "parent", "span_id")

    def __init__(self, span_id: int, parent: Node | None, live: object) -> None:
        self.span_id = span_id
        self.parent = parent
        self.live = live
        self._conversation: Conversation | None = None
        self._events: tuple[SpanEvent, ...] = ()
        self._next_event = 0
        self._missed_events = 0

    @property
    def conversation(self) -> Conversation | None:
        """The conversation that begins or goes on here."""
        return None if self._conversation is None else self._conversation.current()

    def belongs_to(self, conversation: Conversation) -> None:
        """Makes this node and all below part of a conversation."""
        self._conversation = conversation

    def is_waited_for(self) -> bool:
        """Returns whether an open conversation begins here: news that its span can never end may be on its way."""
        return self.conversation is not None and self.conversation.state is not State.CLOSED

    def upward(self) -> Iterator[Node]:
        """This node, its parent, and so on."""
        node: Node | None = self
        while node is not None:
            yield node
            node = node.parent

    def owner(self) -> Conversation | None:
        """The conversation of the nearest node that has one."""
        return next((node.conversation for node in self.upward() if node.conversation is not None), None)

    def add_events(self, first: int, events: tuple[SpanEvent, ...]) -> None:
        """Takes in events of which the first has this index; those seen before are passed over."""
        if first > self._next_event:
            self._missed_events += first - self._next_event
            self._next_event = first
        new = events[self._next_event - first :]
        self._events += new
        self._next_event += len(new)

    def with_events(self, record: SpanRecord) -> tuple[SpanRecord, int]:
        """The record of this span with all of its events that were ever seen, and how many were not."""
        if not self._next_event and not record.dropped_events:
            return record, 0
        self.add_events(record.dropped_events, record.events)
        return record._replace(events=self._events, dropped_events=0), self._missed_events

    def close(self) -> None:
        """Lets go of what only an open span needs."""
        self.live, self._events = None, ()


class Trace:
    """The open spans of a trace, and the conversations that it has shown.

    `rest` is the conversation of the spans below none that is known.
    """

    __slots__ = ("_crowd", "conversations", "nodes", "rest", "touched", "trace_id")

    def __init__(self, trace_id: int) -> None:
        self.trace_id = trace_id
        self.nodes: dict[int, Node] = {}
        self.conversations: dict[Conversation, None] = {}
        self.rest: Conversation | None = None
        self.touched = 0.0
        self._crowd = MANY

    def begin(self, start: SpanStart) -> Node:
        """The node of a span that began."""
        node = self.nodes[start.span_id] = Node(start.span_id, self._node(start.parent_id), start.live)
        return node

    def node_of(self, record: SpanRecord) -> Node:
        """Returns the node of a span that ended; a new one if its start was not seen."""
        return self.nodes.get(record.span_id) or Node(record.span_id, self._node(record.parent_id), None)

    def _node(self, span_id: int | None) -> Node | None:
        return None if span_id is None else self.nodes.get(span_id)

    def shows(self, conversation: Conversation) -> None:
        """Notes that a conversation has spans in this trace."""
        self.conversations[conversation] = None
        conversation.trace_ids[self.trace_id] = None

    def is_crowded(self) -> bool:
        """Returns whether there are so many nodes and conversations that pruning is worthwhile."""
        return len(self.nodes) + len(self.conversations) >= self._crowd

    def prune(self, is_held: Callable[[object], bool]) -> None:
        """Forgets open spans that the app let go of, and most of the conversations that are closed."""
        self.nodes = {
            key: node
            for key, node in self.nodes.items()
            if node.live is None or is_held(node.live) or node.is_waited_for()
        }
        closed = [one for one in self.conversations if one.current().state is State.CLOSED]
        for one in closed[:-MAX_CLOSED]:
            del self.conversations[one]
        self._crowd = max(MANY, 2 * (len(self.nodes) + len(self.conversations)))

    def open_conversations(self) -> list[Conversation]:
        """The conversations of this trace that are not closed, each once."""
        found = dict.fromkeys(one.current() for one in self.conversations)
        return [one for one in found if one.state is not State.CLOSED]

    def external_ids(self) -> set[str]:
        """The ids that this trace has shown."""
        found = (one.current().external_id for one in self.conversations)
        return {external_id for external_id in found if external_id is not None}

    def has_strong_root_but(self, conversation: Conversation) -> bool:
        """Whether a marked or a framework's root of this trace belongs to another conversation with an id."""
        others = (one.current() for one in self.conversations)
        return any(one is not conversation and one.external_id and one.strong_root for one in others)
