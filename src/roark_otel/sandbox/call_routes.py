"""The endpoints under `/v1/call`: each reads a request, asks the store, and shapes the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response
from typing_extensions import assert_never

from roark_otel.sandbox import shapes
from roark_otel.sandbox.errors import ApiError, Issue, conflict, invalid, not_found, too_large, unreadable
from roark_otel.sandbox.json_values import JsonObject, NotJsonError, object_at, objects_at, parse_object
from roark_otel.sandbox.listing import page_request
from roark_otel.sandbox.refusals import shown_headers
from roark_otel.sandbox.stored import CallRecord, Patched, Taken, WrongType
from roark_otel.sandbox.transcripts import POSTED_SOURCE, SOURCES, transcript
from roark_otel.sandbox.validation import call_issues, properties_issues, tool_invocations_issues

if TYPE_CHECKING:
    from starlette.requests import Request

    from roark_otel.sandbox.calls import Calls
    from roark_otel.sandbox.news import News
    from roark_otel.sandbox.spans import Spans

# The project of a request without the header X-Roark-Project-Id, as with a key that belongs to one project.
DEFAULT_PROJECT = "sandbox-project"


class CallRoutes:
    """The endpoints of calls.

    Args:
        calls: Stores the calls.
        spans: Stores the spans.
        news: Hears of calls, and of changes to them.
        max_body: The largest body of a request, in bytes.
    """

    def __init__(self, calls: Calls, spans: Spans, news: News, max_body: int) -> None:
        self._calls = calls
        self._spans = spans
        self._news = news
        self._max_body = max_body

    def create(self, request: Request, body: bytes) -> Response:
        """Answers `POST /v1/call`."""
        call = self._parsed(body)
        _refuse(call_issues(call))
        outcome = self._calls.create(_project(request), body.decode("utf-8"), call, shown_headers(request.headers))
        match outcome:
            case CallRecord() as record:
                counts = len(objects_at(call, "transcript")), len(objects_at(call, "toolInvocations"))
                self._news.call(record.id, record.external_id, *counts)
                return JSONResponse(shapes.created(record), status_code=201)
            case Taken(external_id):
                raise conflict(external_id)
            case WrongType() as wrong:
                raise _wrong_type(wrong)
            case _:
                assert_never(outcome)

    def list(self, request: Request, _body: bytes) -> Response:
        """Answers `GET /v1/call`."""
        wanted = page_request(request.query_params)
        try:
            page = self._calls.page(_project(request), wanted)
        except KeyError as error:
            raise invalid(Issue("after", "is not a cursor of this project")) from error
        properties = [self._calls.properties(record.id) for record in page.records]
        return JSONResponse(shapes.listing(page, properties))

    def get(self, request: Request, _body: bytes) -> Response:
        """Answers `GET /v1/call/{id}`."""
        record = self._record(request)
        properties = self._calls.properties(record.id)
        return JSONResponse(shapes.detailed(record, properties, self._spans.linked_to(record.body)))

    def get_transcript(self, request: Request, _body: bytes) -> Response:
        """Answers `GET /v1/call/{id}/transcript`."""
        source = request.query_params.get("source", POSTED_SOURCE)
        if source not in SOURCES:
            raise invalid(Issue("source", "must be one of " + ", ".join(SOURCES)))
        return JSONResponse(transcript(self._record(request), source))

    def append_tool_invocations(self, request: Request, body: bytes) -> Response:
        """Answers `POST /v1/call/{id}/tool-invocations`."""
        record = self._record(request)
        sent = self._parsed(body)
        _refuse(tool_invocations_issues(sent, record.body))
        outcome = self._calls.append_tools(record.id, objects_at(sent, "toolInvocations"))
        self._news.ring()
        return JSONResponse(shapes.appended(record, outcome, sent))

    def update_properties(self, request: Request, body: bytes) -> Response:
        """Answers `PATCH /v1/call/{id}/properties`."""
        record = self._record(request)
        sent = self._parsed(body)
        _refuse(properties_issues(sent))
        outcome = self._calls.patch_properties(record.project_id, record.id, object_at(sent, "properties"))
        match outcome:
            case Patched():
                self._news.ring()
                properties = self._calls.properties(record.id)
                return JSONResponse(shapes.patched(record, outcome, properties, sent))
            case WrongType() as wrong:
                raise _wrong_type(wrong)
            case _:
                assert_never(outcome)

    def _record(self, request: Request) -> CallRecord:
        call_id = str(request.path_params["call_id"])
        try:
            return self._calls.get(_project(request), call_id)
        except KeyError as error:
            raise not_found(f"The call {call_id!r}") from error

    def _parsed(self, body: bytes) -> JsonObject:
        if len(body) > self._max_body:
            raise too_large(self._max_body)
        try:
            return parse_object(body)
        except NotJsonError as error:
            raise unreadable(str(error)) from error


def _project(request: Request) -> str:
    return request.headers.get("x-roark-project-id", DEFAULT_PROJECT)


def _refuse(issues: tuple[Issue, ...]) -> None:
    if issues:
        raise invalid(*issues)


def _wrong_type(wrong: WrongType) -> ApiError:
    message = f"must be of type {wrong.stored}, the type that this property has in the project"
    return invalid(Issue(f"properties.{wrong.key}", message))
