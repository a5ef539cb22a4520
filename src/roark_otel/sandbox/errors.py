"""What the sandbox answers when it cannot do as asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Issue:
    """One thing that is wrong with a request.

    Attributes:
        path: The field, as in `transcript[3].startOffsetMs`.
        message: What it should have been.
    """

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


class ApiError(Exception):
    """A request that is answered with an error status."""

    def __init__(self, status: int, kind: str, message: str, issues: Sequence[Issue] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.message = message
        self.issues = tuple(issues)

    def response(self) -> JSONResponse:
        """The error as an HTTP answer."""
        error: dict[str, object] = {"type": self.kind, "message": self.message}
        if self.issues:
            error["issues"] = [{"path": issue.path, "message": issue.message} for issue in self.issues]
        return JSONResponse({"error": error}, status_code=self.status)


def invalid(*issues: Issue) -> ApiError:
    """The request names a field that breaks a rule."""
    return ApiError(400, "validation_error", "; ".join(str(issue) for issue in issues), issues)


def unreadable(message: str) -> ApiError:
    """The request is not what its content type says."""
    return ApiError(400, "invalid_request", message)


def unauthorized() -> ApiError:
    """The key is missing or is not the one that was asked for."""
    return ApiError(401, "unauthorized", "A valid API key is needed: Authorization: Bearer <key>")


def not_found(what: str) -> ApiError:
    """Nothing has that address or id."""
    return ApiError(404, "not_found", f"{what} was not found")


def conflict(external_id: str) -> ApiError:
    """The project has a call with this external id."""
    return ApiError(409, "conflict", f"A call with externalId {external_id!r} already exists")


def too_large(limit: int) -> ApiError:
    """The body is longer than the sandbox takes."""
    return ApiError(413, "payload_too_large", f"The body is longer than {limit} bytes")
