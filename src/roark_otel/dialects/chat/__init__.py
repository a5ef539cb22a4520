"""What chat messages have in common, whichever convention writes them on spans. Pure.

a span's messages -> shapes (what a message holds) -> transcript (each thing is said once)
-> tools (each tool is used once)
"""

from roark_otel.dialects.chat.agents import Agents, KnownAgents, utterance
from roark_otel.dialects.chat.lists import Listing, Lists, Mark, indexed
from roark_otel.dialects.chat.recital import Recital, Said, Span, as_span, has_times, in_order, lines, texts
from roark_otel.dialects.chat.shapes import Answer, Call, Message, Role, fields_of, holds_message, messages
from roark_otel.dialects.chat.speech import spoken
from roark_otel.dialects.chat.tools import Ran, Tools, failure, parameters, result
from roark_otel.dialects.chat.transcript import Transcript
from roark_otel.dialects.chat.turns import Turns

__all__ = [
    "Agents",
    "Answer",
    "Call",
    "KnownAgents",
    "Listing",
    "Lists",
    "Mark",
    "Message",
    "Ran",
    "Recital",
    "Role",
    "Said",
    "Span",
    "Tools",
    "Transcript",
    "Turns",
    "as_span",
    "failure",
    "fields_of",
    "has_times",
    "holds_message",
    "in_order",
    "indexed",
    "lines",
    "messages",
    "parameters",
    "result",
    "spoken",
    "texts",
    "utterance",
]
