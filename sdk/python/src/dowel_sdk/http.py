"""HTTP through the host's gateway."""

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar, overload
from urllib.parse import quote, unquote, urljoin, urlsplit

from . import json_text
from .errors import ConnectorError, ErrorKind, internal, invalid_input, kind_of_status
from .host import Answer, Host, OutgoingRequest, TransportError
from .shape import Misfit, reader, write

T = TypeVar("T")

#: The most redirects in a row. More are a loop, or an API that costs a request too many.
_MAX_REDIRECTS = 5

#: The longest body of an error answer that goes into the details, in bytes.
_MAX_ERROR_BODY = 8 * 1024

#: Seconds of `Retry-After` beyond which a date is not a wait.
_MAX_WAIT = 2**53

_HOST_ONLY = {
    "authorization": "the host adds it from the connection's `auth`",
    "proxy-authorization": "the host adds it where a proxy needs it",
    "cookie": "the host keeps credentials; use the connection's `auth`",
    "idempotency-key": "the host sends it for operations with `idempotency=\"keyed\"`",
}

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_PARAMETER = re.compile(r"\{(\+?)([^{}]*)\}")
_SECONDS = re.compile(r"[0-9]+")


class Response:
    """An answer."""

    def __init__(self, answer: Answer, now_ms: int) -> None:
        self._answer = answer
        self._now_ms = now_ms

    @property
    def status(self) -> int:
        """The status code."""
        return self._answer.status

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self._answer.status < 300

    @property
    def body(self) -> bytes:
        """The body as it came."""
        return self._answer.body

    def header(self, name: str) -> str | None:
        """The first header of this name."""
        for own, value in self._answer.headers:
            if own.lower() == name.lower():
                try:
                    return value.decode()
                except UnicodeDecodeError:
                    return None
        return None

    def text(self) -> str:
        """The body as text."""
        try:
            return self._answer.body.decode()
        except UnicodeDecodeError:
            raise internal("unexpected-answer", "the upstream's answer is not UTF-8 text") from None

    @overload
    def json(self) -> Any: ...
    @overload
    def json(self, tp: type[T]) -> T: ...
    def json(self, tp: Any = Any) -> Any:
        """The body as a value of a type. Fields that the type does not have are passed over."""
        return read(self.text(), tp, _ANSWER)

    def retry_after(self) -> float | None:
        """How long the upstream asks to wait (RFC 9110, section 10.2.3), in seconds."""
        value = (self.header("retry-after") or "").strip()
        if _SECONDS.fullmatch(value):
            wait = float(value)
            return wait if wait < _MAX_WAIT else None
        try:
            at = parsedate_to_datetime(value)
        except ValueError:
            return None
        return max(0.0, at.timestamp() - self._now_ms / 1000)

    def error(self, kind: ErrorKind | None = None) -> ConnectorError:
        """What the status means for a flow; `kind` says otherwise."""
        status = self.status
        details: dict[str, Any] = {"status": status}
        if len(self.body) <= _MAX_ERROR_BODY:
            try:
                details["body"] = json_text.parse(self.body.decode())
            except ValueError:
                pass
        return ConnectorError(
            kind or kind_of_status(status),
            f"http-{status}",
            f"the upstream answered with status {status}",
            details=details,
            retry_after=self.retry_after(),
        )


_ANSWER = (ErrorKind.INTERNAL, "unexpected-answer", "the upstream's answer", False)


def read(text: str, tp: Any, how: tuple[ErrorKind, str, str, bool]) -> Any:
    """Reads JSON into a type. The error names the place and no value of the payload."""
    kind, code, what, strict = how
    try:
        return reader(tp, strict)(json_text.parse(text))
    except Misfit as misfit:
        place = misfit.path or "its top level"
        message = f"{what} does not fit at {place}: {misfit.expected}"
        raise ConnectorError(kind, code, message, details={"path": misfit.path}) from None
    except ValueError:
        raise ConnectorError(kind, code, f"{what} is not JSON") from None


class Http:
    """The way to an HTTP API. Paths that begin with `/` are appended to the field `base_url`
    of the connection's configuration; full URLs are taken as they are.

    The path is a template: `{name}` takes one segment and encodes everything else, `{+name}`
    takes a path with its slashes (RFC 6570, level 2). Give values with `path=`, never by
    formatting them into the template.

    Any status but 2xx raises a :class:`ConnectorError` of the kind that the status stands for;
    `errors={422: ErrorKind.REJECTED}` says otherwise, and `check=False` gives the response
    whatever its status is.
    """

    def __init__(self, host: Host, base_url: str | None, ends: float) -> None:
        self._host = host
        self._base_url = base_url
        self._ends = ends

    def get(self, path_template: str, **options: Any) -> Response:
        """A `GET` request; the options are those of :meth:`request`."""
        return self.request("GET", path_template, **options)

    def post(self, path_template: str, **options: Any) -> Response:
        """A `POST` request."""
        return self.request("POST", path_template, **options)

    def put(self, path_template: str, **options: Any) -> Response:
        """A `PUT` request."""
        return self.request("PUT", path_template, **options)

    def patch(self, path_template: str, **options: Any) -> Response:
        """A `PATCH` request."""
        return self.request("PATCH", path_template, **options)

    def delete(self, path_template: str, **options: Any) -> Response:
        """A `DELETE` request."""
        return self.request("DELETE", path_template, **options)

    def request(
        self,
        method: str,
        path_template: str,
        *,
        path: Mapping[str, Any] | None = None,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        body: bytes | None = None,
        media_type: str = "application/octet-stream",
        timeout: float | None = None,
        errors: Mapping[int, ErrorKind] | None = None,
        check: bool = True,
    ) -> Response:
        """Sends a request and waits for the whole answer.

        `path` and `query` are parameters; one of the query that is `None` is left out. `json`
        is a body of any type with a shape, `body` one of bytes with its `media_type`. `timeout`
        is in seconds; the call's own deadline holds in any case.
        """
        url = _full(self._base_url, path_template, path or {})
        for name, value in (query or {}).items():
            if value is not None:
                mark = "&" if "?" in url else "?"
                url += f"{mark}{quote(name, safe='')}={quote(_text(value), safe='')}"
        given = {"accept": "application/json", **{k.lower(): v for k, v in (headers or {}).items()}}
        if json is not None:
            try:
                body = write(json).encode()
            except (TypeError, ValueError):
                message = "the body cannot be written as JSON"
                raise internal("body-not-json", message) from None
            given.setdefault("content-type", "application/json")
        elif body is not None:
            given.setdefault("content-type", media_type)
        for name, value in given.items():
            _check_header(name, value)
        answer = self._exchange(OutgoingRequest(method, url, list(given.items()), body), timeout)
        response = Response(answer, self._host.now())
        if check and not response.is_success:
            raise response.error((errors or {}).get(response.status))
        return response

    def _exchange(self, request: OutgoingRequest, timeout: float | None) -> Answer:
        ends = self._ends
        if timeout is not None:
            ends = min(ends, self._host.monotonic() + timeout)
        for _ in range(_MAX_REDIRECTS + 1):
            request.timeout = ends - self._host.monotonic()
            if request.timeout <= 0:
                raise _transport(TransportError("timeout", "deadline-exceeded"))
            try:
                answer = self._host.send(request)
            except TransportError as error:
                raise _transport(error) from None
            following = _redirected(request, answer)
            if following is None:
                return answer
            request = following
        message = "the upstream redirects more than five times in a row"
        raise internal("too-many-redirects", message)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:f}" if hasattr(value, "is_finite") else str(value)


def _full(base_url: str | None, template: str, params: Mapping[str, Any]) -> str:
    path = _expand(template, params)
    if template.startswith(("https://", "http://")):
        return path
    if base_url is None:
        message = "the configuration has no field `base_url`: give full URLs"
        raise internal("no-base-url", message)
    if not path.startswith("/"):
        message = f"the path `{template}` does not begin with `/`"
        raise internal("invalid-template", message)
    return base_url.rstrip("/") + path


def _expand(template: str, params: Mapping[str, Any]) -> str:
    used = set()

    def put(match: re.Match[str]) -> str:
        plus, name = match.groups()
        if name not in params:
            message = f"the path `{template}` needs a value of `{name}`"
            raise internal("invalid-template", message)
        used.add(name)
        value = _text(params[name])
        segments = re.split(r"[/\\]", unquote(value)) if plus else [value]
        leads_away = any(segment in (".", "..") for segment in segments)
        if leads_away or (not plus and value == ""):
            message = f"`{name}` cannot stand in a path: it is empty, `.` or `..`"
            raise invalid_input("invalid-path", message)
        return quote(value, safe="/%:@!$&'()*+,;=" if plus else "")

    expanded = _PARAMETER.sub(put, template)
    if len(used) < len(params) or "{" in _PARAMETER.sub("", template):
        message = f"the path `{template}` does not have every parameter that is given, or has a `{{` without `}}`"
        raise internal("invalid-template", message)
    return expanded


def _check_header(name: str, value: str) -> None:
    if name in _HOST_ONLY:
        message = f"a connector does not set the header `{name}`: {_HOST_ONLY[name]}"
        raise internal("header-not-allowed", message)
    if not _TOKEN.fullmatch(name):
        message = "a header's name has characters that HTTP does not allow"
        raise invalid_input("invalid-header", message)
    if _CONTROL.search(value):
        message = "a header's value has control characters, which HTTP does not allow"
        raise invalid_input("invalid-header", message)


def _redirected(request: OutgoingRequest, answer: Answer) -> OutgoingRequest | None:
    """The request that follows a redirect of one that only reads: the gateway checks it like
    any other."""
    if answer.status not in (301, 302, 303, 307, 308) or request.method not in ("GET", "HEAD"):
        return None
    location = Response(answer, 0).header("location")
    if location is None:
        return None
    try:
        url = urljoin(request.url, location).split("#")[0]
        here, there = urlsplit(request.url), urlsplit(url)
    except ValueError:
        return None
    if there.scheme not in ("https", "http") or " " in url:
        return None
    headers = request.headers
    if (here.scheme, here.netloc) != (there.scheme, there.netloc):
        # What the author set was meant for the first origin.
        headers = [(name, value) for name, value in headers if name == "accept"]
    return OutgoingRequest(request.method, url, headers, request.body)


_TRANSPORT = {
    "timeout": (ErrorKind.TIMEOUT, "the upstream did not answer in time"),
    "unavailable": (ErrorKind.UNAVAILABLE, "the upstream cannot be reached or broke off"),
    "denied": (
        ErrorKind.FORBIDDEN,
        "the gateway refused the request: the environment's `allow` and the connector's `egress` "
        "must both name its method and address",
    ),
    "broken": (ErrorKind.INTERNAL, "the request or the answer breaks a rule or a limit of HTTP"),
}


def _transport(error: TransportError) -> ConnectorError:
    kind, message = _TRANSPORT[error.reason]
    return ConnectorError(kind, error.code, message, details={"transport": error.code})
