"""The error answers of the sandbox."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Issue:
    """One problem with a request.

    Attributes:
        path: The field, as in `transcript[3].startOffsetMs`.
        message: What the field should be.
    """

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


class ApiError(Exception):
    """An error that is answered with an HTTP status and a JSON body."""

    def __init__(self, status: int, kind: str, message: str, issues: Sequence[Issue] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.message = message
        self.issues: tuple[Issue, ...] = tuple(issues)

    def response(self) -> JSONResponse:
        """Makes the HTTP answer."""
        error: dict[str, object] = {"type": self.kind, "message": self.message}
        if self.issues:
            error["issues"] = [{"path": issue.path, "message": issue.message} for issue in self.issues]
        return JSONResponse({"error": error}, status_code=self.status)


def invalid(*issues: Issue) -> ApiError:
    """Makes a 400 for fields that break a rule."""
    return ApiError(400, "validation_error", "; ".join(str(issue) for issue in issues), issues)


def unreadable(message: str) -> ApiError:
    """Makes a 400 for a body that cannot be parsed."""
    return ApiError(400, "invalid_request", message)


def unauthorized() -> ApiError:
    """Makes a 401 for a missing or wrong key."""
    return ApiError(401, "unauthorized", "A valid API key is needed: Authorization: Bearer <key>")


def forbidden(why: str) -> ApiError:
    """Makes a 403 for a request that is not meant for this machine."""
    return ApiError(403, "forbidden", f"This is not for this sandbox: {why}")


def not_found(what: str) -> ApiError:
    """Makes a 404 for an unknown address or id."""
    return ApiError(404, "not_found", f"{what} was not found")


def conflict(external_id: str) -> ApiError:
    """Makes a 409 for an external id that a call of the project has already."""
    return ApiError(409, "conflict", f"A call with externalId {external_id!r} already exists")


def too_large(limit: int) -> ApiError:
    """Makes a 413 for a body that is longer than `limit` bytes."""
    return ApiError(413, "payload_too_large", f"The body is longer than {limit} bytes")
