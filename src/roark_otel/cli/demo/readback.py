"""Reads a call back from Roark over its public HTTP API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from typing_extensions import Self

API_KEY = "any-key"


@dataclass(frozen=True, slots=True)
class SeenCall:
    """A call as Roark has it.

    Attributes:
        title: Its heading on the screen.
        details: The answer to `GET /v1/call/{id}`.
        entries: The transcript of `GET /v1/call/{id}/transcript`.
        body: The call exactly as it was posted, which only a sandbox returns.
        traces: The number of spans of each trace that is linked to the call, by trace id.
    """

    title: str
    details: Mapping[str, Any]
    entries: Sequence[Mapping[str, Any]]
    body: Mapping[str, Any]
    traces: Mapping[str, int]


class LocalRoark:
    """A connection to a local Roark.

    Args:
        url: Its base URL.
    """

    def __init__(self, url: str) -> None:
        headers = {"Authorization": f"Bearer {API_KEY}"}
        self._http = httpx.Client(base_url=url, headers=headers, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def export(self, request: bytes) -> bool:
        """Posts spans as OTLP and returns whether all were accepted. Only a partial success has a body."""
        headers = {"Content-Type": "application/x-protobuf"}
        answer = self._http.post("/v1/traces", content=request, headers=headers)
        return answer.is_success and not answer.content

    def call(self, title: str, external_id: str, exported: Mapping[str, int]) -> SeenCall | None:
        """Reads the call with an external id; None if there is none.

        Args:
            title: Its heading on the screen.
            external_id: The sender's id.
            exported: The number of spans sent of each trace, by trace id.
        """
        listed = self._get("/v1/call", limit=100)
        found = next((one["id"] for one in listed if one["externalId"] == external_id), None)
        if found is None:
            return None
        details = self._get(f"/v1/call/{found}")
        entries = self._get(f"/v1/call/{found}/transcript")["entries"]
        only_here = details["sandbox"]
        traces = {trace_id: exported.get(trace_id, 0) for trace_id in only_here["traceIds"]}
        return SeenCall(title, details, entries, only_here["body"], traces)

    def page(self, call_id: str) -> str:
        """Returns the page of a call as one HTML file, with its sound."""
        answer = self._http.get(f"/pages/calls/{call_id}/file", params={"sound": "1"})
        return answer.raise_for_status().text

    def _get(self, path: str, **query: int) -> Any:  # noqa: ANN401 - JSON
        return self._http.get(path, params=query).raise_for_status().json()["data"]
