"""What people look at: a call as a text, and as one JSON document that everything else is drawn from.

This folder needs the standard library alone, and none of the package around it.
"""

from roark_otel.pages.document import document
from roark_otel.pages.outline import outline

__all__ = ["document", "outline"]
