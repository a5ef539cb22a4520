"""What chat messages have in common, whichever convention writes them on spans. Pure.

a span's messages -> shapes (what a message holds) -> dialogue (which of it was said) -> transcript (each thing once)
-> calls (what messages say of tools), runs (what spans say of them) -> tools (each tool is used once)
"""

from roark_otel.dialects.chat.agents import Agents, KnownAgents, utterance
from roark_otel.dialects.chat.dialogue import Dialogue, Exchange
from roark_otel.dialects.chat.inner import BelowTools
from roark_otel.dialects.chat.langchain import unwrapped
from roark_otel.dialects.chat.lists import Listing, Lists, Mark, indexed
from roark_otel.dialects.chat.recital import Recital, Said, Span, as_span, has_times, in_order, lines, texts
from roark_otel.dialects.chat.runs import Ran
from roark_otel.dialects.chat.shapes import Answer, Call, Message, Role, fields_of, holds_message, is_unheard, messages
from roark_otel.dialects.chat.speech import spoken
from roark_otel.dialects.chat.tools import Tools
from roark_otel.dialects.chat.turns import Turns
from roark_otel.dialects.chat.values import Gave, failure, gave, given, without_wrapper

__all__ = [
    "Agents",
    "Answer",
    "BelowTools",
    "Call",
    "Dialogue",
    "Exchange",
    "Gave",
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
    "Turns",
    "as_span",
    "failure",
    "fields_of",
    "gave",
    "given",
    "has_times",
    "holds_message",
    "in_order",
    "indexed",
    "is_unheard",
    "lines",
    "messages",
    "spoken",
    "texts",
    "unwrapped",
    "utterance",
    "without_wrapper",
]
