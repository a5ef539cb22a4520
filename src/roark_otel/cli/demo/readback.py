"""What Roark says about a call: read over HTTP, as anybody could."""

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
        title: What the reader is told that it is.
        details: The answer to `GET /v1/call/{id}`.
        entries: The transcript of `GET /v1/call/{id}/transcript`.
        body: The call exactly as it was posted, which only a sandbox tells.
        traces: The traces that are linked to it, with the number of their spans.
    """

    title: str
    details: Mapping[str, Any]
    entries: Sequence[Mapping[str, Any]]
    body: Mapping[str, Any]
    traces: Mapping[str, int]


class LocalRoark:
    """A connection to a local Roark.

    Args:
        url: Where it is.
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
        """Posts spans as OTLP; says whether all were taken. A partial success has a body, a whole one has none."""
        headers = {"Content-Type": "application/x-protobuf"}
        answer = self._http.post("/v1/traces", content=request, headers=headers)
        return answer.is_success and not answer.content

    def call(self, title: str, external_id: str, exported: Mapping[str, int]) -> SeenCall | None:
        """The call with an external id, if there is one.

        Args:
            title: What the reader is told that it is.
            external_id: The sender's id.
            exported: How many spans of each trace were sent.
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

    def _get(self, path: str, **query: int) -> Any:  # noqa: ANN401 - JSON
        return self._http.get(path, params=query).raise_for_status().json()["data"]
