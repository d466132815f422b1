"""Errors as the contract knows them."""

from enum import Enum
from typing import Any


class ErrorKind(Enum):
    """What went wrong, as far as a retry policy has to know. The contract's `error-kind`."""

    #: The request can never succeed as it is.
    INVALID_INPUT = "invalid-input"
    #: The credential is missing or no longer valid.
    UNAUTHENTICATED = "unauthenticated"
    #: The credential is valid and not allowed to do this.
    FORBIDDEN = "forbidden"
    #: The thing does not exist.
    NOT_FOUND = "not-found"
    #: The thing is in another state than assumed.
    CONFLICT = "conflict"
    #: Too many requests.
    RATE_LIMITED = "rate-limited"
    #: The upstream cannot answer now.
    UNAVAILABLE = "unavailable"
    #: No answer in time.
    TIMEOUT = "timeout"
    #: The effect may or may not have happened.
    UNKNOWN_OUTCOME = "unknown-outcome"
    #: The upstream's business rules said no.
    REJECTED = "rejected"
    #: A defect in the connector, or an answer that makes no sense.
    INTERNAL = "internal"


class ConnectorError(Exception):
    """Why an operation failed.

    The message is one sentence for a person and holds neither credentials nor values of the
    payload; those may stand in the details, which the host masks. The code is stable and
    `kebab-case`, for programs. `retry_after` is how long the upstream asked to wait, in seconds.
    """

    def __init__(
        self,
        kind: ErrorKind,
        code: str,
        message: str,
        *,
        details: Any = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(f"{kind.value} ({code}): {message}")
        self.kind = kind
        self.code = code
        self.message = message
        self.details = details
        self.retry_after = retry_after


def internal(code: str, message: str) -> ConnectorError:
    """A defect, or an answer that makes no sense."""
    return ConnectorError(ErrorKind.INTERNAL, code, message)


def invalid_input(code: str, message: str) -> ConnectorError:
    """Input that can never succeed."""
    return ConnectorError(ErrorKind.INVALID_INPUT, code, message)


_BY_STATUS = {
    401: ErrorKind.UNAUTHENTICATED,
    403: ErrorKind.FORBIDDEN,
    404: ErrorKind.NOT_FOUND,
    408: ErrorKind.TIMEOUT,
    409: ErrorKind.CONFLICT,
    410: ErrorKind.NOT_FOUND,
    412: ErrorKind.CONFLICT,
    425: ErrorKind.UNAVAILABLE,
    429: ErrorKind.RATE_LIMITED,
}


def kind_of_status(status: int) -> ErrorKind:
    """What a status means for a flow."""
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if 400 <= status < 500:
        # What the upstream faults once it will fault again.
        return ErrorKind.INVALID_INPUT
    if 500 <= status < 600:
        return ErrorKind.UNAVAILABLE
    # 1xx and 3xx are no answers to a request that asked for one.
    return ErrorKind.INTERNAL
