"""A WSGI app. `/ID` is a conversation; it is traced by `opentelemetry-instrument`, or sets itself up."""

import os

from opentelemetry import trace

import roark_otel

if "INSTRUMENTED" not in os.environ:
    roark_otel.configure()


def app(environ, start_response):
    """Answers `ok`."""
    call_id = environ["PATH_INFO"].strip("/")
    if call_id != "ping":
        about = {"roark.external_id": call_id, "roark.conversation.root": True}
        with trace.get_tracer("app").start_as_current_span("conversation", attributes=about) as span:
            span.add_event("roark.transcript", {"role": "customer", "text": "Where is my order?"})
            span.add_event("roark.transcript", {"role": "agent", "text": "It was shipped."})
    start_response("200 OK", [("content-type", "text/plain")])
    return [b"ok"]
