"""One exchange over `wasi:http/outgoing-handler` 0.2."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from componentize_py_types import Err, Ok
from wit_world.imports import monotonic_clock, outgoing_handler, poll, streams
from wit_world.imports import wasi_http_types as http

from .host import Answer, OutgoingRequest, TransportError

#: How much of an answer is asked for at once, in bytes.
_READ_SIZE = 64 * 1024

#: The most that one `blocking-write-and-flush` takes, by wasi:io 0.2.
_WRITE_SIZE = 4096

_NANOSECONDS = 1_000_000_000

_METHODS = {
    "GET": http.Method_Get(),
    "HEAD": http.Method_Head(),
    "POST": http.Method_Post(),
    "PUT": http.Method_Put(),
    "PATCH": http.Method_Patch(),
    "DELETE": http.Method_Delete(),
}

_REASONS = {
    "timeout": "DNS-timeout connection-timeout connection-read-timeout connection-write-timeout "
    "HTTP-response-timeout",
    "denied": "destination-IP-prohibited HTTP-request-denied",
    "broken": "HTTP-request-URI-invalid HTTP-request-URI-too-long HTTP-request-body-size "
    "HTTP-request-header-section-size HTTP-request-header-size HTTP-response-body-size "
    "HTTP-response-header-section-size HTTP-response-header-size "
    "HTTP-response-transfer-coding HTTP-response-content-coding loop-detected "
    "configuration-error",
}
_REASON_OF = {
    code.lower(): reason for reason, codes in _REASONS.items() for code in codes.split()
}


def monotonic() -> float:
    """Seconds from some moment."""
    return monotonic_clock.now() / _NANOSECONDS


def send(request: OutgoingRequest) -> Answer:
    """Sends the request and reads the whole answer. Its size is the gateway's to limit."""
    try:
        return _send(request)
    except Err as error:
        raise _transport_error(error.value) from None


def _send(request: OutgoingRequest) -> Answer:
    nanos = max(1, int(request.timeout * _NANOSECONDS))
    ends = monotonic_clock.now() + nanos
    outgoing = _outgoing(request)
    body = None if request.body is None else outgoing.body()
    with outgoing_handler.handle(outgoing, _options(nanos)) as future:
        if body is not None:
            _write(body, request.body or b"")
        while (outcome := future.get()) is None:
            with future.subscribe() as ready:
                _wait(ready, ends)
        with _value(_value(outcome)) as response:
            with response.headers() as fields:
                headers = fields.entries()
            with response.consume() as incoming, incoming.stream() as stream:
                return Answer(response.status(), headers, b"".join(_chunks(stream, ends)))


def _value(outcome: Any) -> Any:
    """The generated code gives a nested `result` as a value."""
    if isinstance(outcome, Ok):
        return outcome.value
    if isinstance(outcome, Err):
        raise outcome
    return outcome


def _outgoing(request: OutgoingRequest) -> http.OutgoingRequest:
    url = urlsplit(request.url)
    headers = [(name, value.encode()) for name, value in request.headers]
    if request.body is not None:
        headers.append(("content-length", str(len(request.body)).encode()))
    outgoing = http.OutgoingRequest(http.Fields.from_list(headers))
    method = _METHODS.get(request.method) or http.Method_Other(request.method)
    outgoing.set_method(method)
    outgoing.set_scheme(http.Scheme_Https() if url.scheme == "https" else http.Scheme_Http())
    outgoing.set_authority(url.netloc)
    query = f"?{url.query}" if url.query else ""
    outgoing.set_path_with_query((url.path or "/") + query)
    return outgoing


def _options(nanos: int) -> http.RequestOptions:
    options = http.RequestOptions()
    for limit in (
        options.set_connect_timeout,
        options.set_first_byte_timeout,
        options.set_between_bytes_timeout,
    ):
        try:
            limit(nanos)
        except Err:
            # A gateway may not know an option; the clock of `_wait` holds in any case.
            pass
    return options


def _write(body: http.OutgoingBody, data: bytes) -> None:
    try:
        with body.write() as stream:
            for start in range(0, len(data), _WRITE_SIZE):
                stream.blocking_write_and_flush(data[start : start + _WRITE_SIZE])
    except Err as error:
        # An upstream that answers early closes the stream: its answer says why.
        with body, _let_go(error.value):
            return
    http.OutgoingBody.finish(body, None)


def _chunks(stream: streams.InputStream, ends: int) -> Iterator[bytes]:
    while True:
        try:
            data = stream.read(_READ_SIZE)
        except Err as error:
            if isinstance(error.value, streams.StreamError_Closed):
                return
            raise
        if data:
            yield data
        else:
            with stream.subscribe() as ready:
                _wait(ready, ends)


def _wait(ready: poll.Pollable, ends: int) -> None:
    """Waits until something is ready or the time is over."""
    with monotonic_clock.subscribe_instant(ends) as over:
        if 0 not in poll.poll([ready, over]):
            raise TransportError("timeout", "http-response-timeout")


@contextmanager
def _let_go(error: Any) -> Iterator[Any]:
    """A resource inside an error goes with it: an instance that holds one is not used again."""
    held = getattr(error, "value", None)
    if held is not None and hasattr(held, "__exit__"):
        with held:
            yield held
    else:
        yield None


def _transport_error(error: Any) -> TransportError:
    if isinstance(error, streams.StreamError_LastOperationFailed):
        with _let_go(error) as cause:
            known = http.http_error_code(cause)
        if known is None:
            return TransportError("unavailable", "http-response-incomplete")
        error = known
    name = type(error).__name__
    if not name.startswith("ErrorCode_"):
        return TransportError("broken", "http-request-uri-invalid")
    code = _kebab(name.removeprefix("ErrorCode_"))
    return TransportError(_REASON_OF.get(code, "unavailable"), code)


def _kebab(name: str) -> str:
    """`DnsTimeout` is `dns-timeout`."""
    return "".join(f"-{c.lower()}" if c.isupper() else c for c in name).lstrip("-")
