"""Reads calls from Roark, the real one or a local one, over its public API."""

from __future__ import annotations

import re
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import quote, urlsplit

import httpx

from roark_otel._model.hosts import is_loopback
from roark_otel._settings.settings import Settings
from roark_otel.cli.problems import USAGE, Problem
from roark_otel.cli.progress import progress
from roark_otel.pages.values import Json, entries, part, text

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from roark_otel.cli.progress import Show

_CALLS: Final = "/v1/call"
_NOT_FOUND: Final = 404
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

_PAGE: Final = 100
"""The most calls that one answer has."""

_MOST: Final = 10_000
"""How many of the newest calls are looked at for an external id: Roark finds a call by its own id only."""

_LOCAL_KEY: Final = "any-key"
"""What a local Roark is asked with where no key is set: it takes any."""


class NotThereProblem(Problem):
    """Roark has nothing at the address of a call."""


class Roark:
    """A connection to Roark.

    Args:
        http: The client that it uses.
    """

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def calls(self, *, search: str | None = None) -> Iterator[Json]:
        """Yields the calls as `GET /v1/call` has them, the newest first.

        Raises:
            Problem: if Roark does not answer as it should, as where its pages lead to one another for ever.
        """
        followed: set[str] = set()
        query: dict[str, Any] = {"limit": _PAGE, "sortBy": "createdAt", "sortDirection": "desc"}
        if search:
            query["searchText"] = search
        while True:
            answer = self._get(_CALLS, query)
            yield from entries(answer, "data")
            following = text(part(answer, "pagination"), "nextCursor")
            if not following:
                return
            if following in followed:
                raise Problem(f"{self._http.base_url} does not answer as Roark does", USAGE)
            followed.add(following)
            query["after"] = following

    def call(self, wanted: str) -> tuple[Json, Json]:
        """Returns the details and the transcript of a call, by Roark's id of it or its external id.

        Where Roark has no transcript, as of a call that it still reads, that has no `entries`.

        Raises:
            Problem: if there is no such call.
        """
        path = f"/v1/call/{quote(self._id_of(wanted), safe='')}"
        details = part(self._get(path, {}), "data")
        try:
            return details, part(self._get(f"{path}/transcript", {}), "data")
        except NotThereProblem:
            return details, {}

    def document(self, call_id: str) -> Json:
        """Returns the document of a call as the pages of a local Roark have it; an empty one if it has none."""
        try:
            answer = self._http.get(f"/pages/calls/{quote(call_id, safe='')}")
            found: object = answer.raise_for_status().json()
        except (httpx.HTTPError, ValueError):  # an older one
            return {}
        return cast("Json", found) if isinstance(found, dict) else {}

    def _id_of(self, wanted: str) -> str:
        """Returns Roark's id of a call."""
        with progress(f"looking for {wanted}", _MOST, "calls") as show:
            return self._found(wanted, show)

    def _found(self, wanted: str, show: Show) -> str:
        for number, one in enumerate(self.calls()):
            show(number)
            if wanted in {text(one, "id"), text(one, "externalId")}:
                return text(one, "id")
            if number + 1 == _PAGE and _UUID.fullmatch(wanted):  # Roark's id of an older one, or an external id
                with suppress(Problem):
                    self._get(f"{_CALLS}/{wanted}", {})
                    return wanted
            if number + 1 == _MOST:
                among = f"of that id among the newest {_MOST:,}: name it by Roark's id"
                raise Problem(f"{self._http.base_url} has no call {among}", USAGE)
        raise Problem(f"{self._http.base_url} has no call of that id", USAGE)

    def _get(self, path: str, query: dict[str, Any]) -> dict[str, Any]:
        try:
            answer = self._http.get(path, params=query)
            if answer.status_code == _NOT_FOUND and path != _CALLS:
                raise NotThereProblem(f"{self._http.base_url} has no call of that id", USAGE)
            found = answer.raise_for_status().json()
        except httpx.HTTPStatusError as fault:
            status = fault.response.status_code
            cure = ": set ROARK_API_KEY" if status in {401, 403} else ""
            raise Problem(f"{self._http.base_url} answered {status}{cure}", USAGE) from None
        except (httpx.HTTPError, httpx.InvalidURL) as fault:
            raise Problem(
                f"cannot reach {self._http.base_url} ({type(fault).__name__}): see that it runs, or set ROARK_BASE_URL",
                USAGE,
            ) from None
        except ValueError:
            found = None
        if not isinstance(found, dict) or "data" not in found:
            raise Problem(f"{self._http.base_url} does not answer as Roark does", USAGE)
        return cast("dict[str, Any]", found)


@contextmanager
def connected() -> Generator[Roark]:
    """Connects to the Roark of the environment.

    Raises:
        Problem: if there is no key, or no address that can be used.
    """
    settings = Settings.from_env()
    is_local = is_loopback(urlsplit(settings.base_url).hostname or "")
    key = settings.api_key.get_secret_value() if settings.api_key else _LOCAL_KEY if is_local else None
    if not settings.address:
        raise Problem("ROARK_BASE_URL or ROARK_PROJECT_ID cannot be used: correct it", USAGE)
    if key is None:
        raise Problem("no key: set ROARK_API_KEY, or ROARK_BASE_URL to a local Roark", USAGE)
    headers = {"authorization": f"Bearer {key}", "user-agent": "roark-otel"}
    if settings.project_id:
        headers["x-roark-project-id"] = settings.project_id
    with httpx.Client(
        base_url=settings.base_url, headers=headers, timeout=settings.http_timeout_seconds, trust_env=not is_local
    ) as http:
        yield Roark(http)
