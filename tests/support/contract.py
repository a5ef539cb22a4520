"""Checks the body of a call against the model `Call` and the schema that the sandbox holds."""

from __future__ import annotations

import json

from pydantic import ValidationError

from roark_otel._model.call import Call, UnrecordedCall
from roark_otel.sandbox.validation import call_issues


def broken(body: bytes) -> list[str]:
    """Returns what is wrong with a body, with or without its recording: a model that reads it writes the same bytes."""
    fields = json.loads(body)
    model = Call if "recordingUrl" in fields else UnrecordedCall
    try:
        rewritten = model.model_validate(fields).to_json()
    except ValidationError as fault:
        return [str(fault)]
    faults = [] if rewritten == body else [f"the model writes {rewritten!r} instead of {body!r}"]
    issues = call_issues({"recordingUrl": "https://example.com/a.wav", **fields})
    return faults + [f"{issue.path}: {issue.message}" for issue in issues]
