// HTTP through the host's gateway.

import { ConnectorError, internal, invalidInput, kindOfStatus } from "./errors.js";
import { parse, write } from "./json.js";
import { Misfit } from "./schema.js";
import { decode, encode } from "./text.js";
import { encodeComponent, expand, resolve, split } from "./url.js";

// The most redirects in a row. More are a loop, or an API that costs a request too many.
const MAX_REDIRECTS = 5;

// The longest body of an error answer that goes into the details, in bytes.
const MAX_ERROR_BODY = 8 * 1024;

const HOST_ONLY = {
  authorization: "the host adds it from the connection's `auth`",
  "proxy-authorization": "the host adds it where a proxy needs it",
  cookie: "the host keeps credentials; use the connection's `auth`",
  "idempotency-key": 'the host sends it for operations with `idempotency: "keyed"`',
};

// Nothing came back, or not all of it. `reason` is `timeout`, `unavailable`, `denied` (by the
// gateway) or `broken`; `code` is the name that wasi:http has for it.
export class TransportError extends Error {
  constructor(reason, code) {
    super(code);
    this.reason = reason;
    this.code = code;
  }
}

// Reads JSON with a shape. The error names the place and no value of the payload.
export function read(text, shape, { kind, code, what, strict }) {
  let value;
  try {
    value = parse(text);
  } catch {
    throw new ConnectorError(kind, code, `${what} is not JSON`);
  }
  try {
    return shape ? shape.read(value, strict) : value;
  } catch (error) {
    if (!(error instanceof Misfit)) throw error;
    const message = `${what} does not fit at ${error.path || "its top level"}: ${error.message}`;
    throw new ConnectorError(kind, code, message, { details: { path: error.path } });
  }
}

const ANSWER = { kind: "internal", code: "unexpected-answer", what: "the upstream's answer", strict: false };

export class Response {
  #answer;
  #now;

  constructor(answer, now) {
    this.#answer = answer;
    this.#now = now;
  }

  get status() {
    return this.#answer.status;
  }

  get isSuccess() {
    return this.status >= 200 && this.status < 300;
  }

  get body() {
    return this.#answer.body;
  }

  header(name) {
    const found = this.#answer.headers.find(([own]) => own.toLowerCase() === name.toLowerCase());
    try {
      return found && decode(found[1]);
    } catch {
      return undefined;
    }
  }

  text() {
    try {
      return decode(this.#answer.body);
    } catch {
      throw internal("unexpected-answer", "the upstream's answer is not UTF-8 text");
    }
  }

  json(shape) {
    return read(this.text(), shape, ANSWER);
  }

  // RFC 9110, section 10.2.3.
  retryAfterMs() {
    const value = (this.header("retry-after") ?? "").trim();
    const wait = /^[0-9]+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - this.#now;
    return Number.isSafeInteger(wait) ? Math.max(0, wait) : undefined;
  }

  error(kind) {
    const details = { status: this.status };
    if (this.body.length <= MAX_ERROR_BODY) {
      try {
        details.body = parse(decode(this.body));
      } catch {
        // An answer that is no JSON says nothing to a program.
      }
    }
    const message = `the upstream answered with status ${this.status}`;
    const more = { details, retryAfterMs: this.retryAfterMs() };
    return new ConnectorError(kind ?? kindOfStatus(this.status), `http-${this.status}`, message, more);
  }
}

export class Http {
  #host;
  #baseUrl;
  #ends;

  constructor(host, baseUrl, ends) {
    this.#host = host;
    this.#baseUrl = baseUrl;
    this.#ends = ends;
  }

  get(path, options) {
    return this.request("GET", path, options);
  }

  post(path, options) {
    return this.request("POST", path, options);
  }

  put(path, options) {
    return this.request("PUT", path, options);
  }

  patch(path, options) {
    return this.request("PATCH", path, options);
  }

  delete(path, options) {
    return this.request("DELETE", path, options);
  }

  request(method, template, options = {}) {
    let url = full(this.#baseUrl, template, options.path ?? {});
    for (const [name, value] of Object.entries(options.query ?? {})) {
      if (value === undefined || value === null) continue;
      url += `${url.includes("?") ? "&" : "?"}${encodeComponent(name)}=${encodeComponent(String(value))}`;
    }
    const headers = { accept: "application/json" };
    for (const [name, value] of Object.entries(options.headers ?? {})) headers[name.toLowerCase()] = value;
    const body = bodyOf(options, headers);
    for (const [name, value] of Object.entries(headers)) checkHeader(name, value);
    const request = { method, url, headers: Object.entries(headers), body };
    const response = new Response(this.#exchange(request, options.timeoutMs), this.#host.now());
    if ((options.check ?? true) && !response.isSuccess) throw response.error(options.errors?.[response.status]);
    return response;
  }

  #exchange(request, timeoutMs) {
    const own = timeoutMs === undefined ? Infinity : this.#host.monotonic() + timeoutMs;
    const ends = Math.min(this.#ends, own);
    for (let count = 0; count <= MAX_REDIRECTS; count++) {
      request.timeoutMs = ends - this.#host.monotonic();
      if (request.timeoutMs <= 0) throw transport({ reason: "timeout", code: "deadline-exceeded" });
      let answer;
      try {
        answer = this.#host.send(request);
      } catch (error) {
        throw error instanceof TransportError ? transport(error) : error;
      }
      const next = redirected(request, answer);
      if (!next) return answer;
      request = next;
    }
    throw internal("too-many-redirects", "the upstream redirects more than five times in a row");
  }
}

function bodyOf(options, headers) {
  if (options.json !== undefined) {
    headers["content-type"] ??= "application/json";
    try {
      const value = options.shape ? options.shape.write(options.json) : options.json;
      return encode(write(value));
    } catch {
      throw internal("body-not-json", "the body cannot be written as JSON");
    }
  }
  if (options.body === undefined) return undefined;
  headers["content-type"] ??= options.mediaType ?? "application/octet-stream";
  return typeof options.body === "string" ? encode(options.body) : options.body;
}

function full(baseUrl, template, params) {
  const path = expand(template, params);
  if (/^https?:\/\//.test(template)) return path;
  if (baseUrl === undefined) {
    throw internal("no-base-url", "the configuration has no field `base_url`: give full URLs");
  }
  if (!path.startsWith("/")) {
    throw internal("invalid-template", `the path \`${template}\` does not begin with \`/\``);
  }
  return baseUrl.replace(/\/+$/, "") + path;
}

function checkHeader(name, value) {
  if (Object.hasOwn(HOST_ONLY, name)) {
    throw internal("header-not-allowed", `a connector does not set the header \`${name}\`: ${HOST_ONLY[name]}`);
  }
  if (!/^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(name)) {
    throw invalidInput("invalid-header", "a header's name has characters that HTTP does not allow");
  }
  if (/[\x00-\x08\x0a-\x1f\x7f]/.test(value)) {
    throw invalidInput("invalid-header", "a header's value has control characters, which HTTP does not allow");
  }
}

// The request that follows a redirect of one that only reads: the gateway checks it like any other.
function redirected(request, answer) {
  const redirects = [301, 302, 303, 307, 308].includes(answer.status);
  if (!redirects || !["GET", "HEAD"].includes(request.method)) return undefined;
  const location = new Response(answer, 0).header("location");
  const url = location === undefined ? undefined : resolve(request.url, location);
  if (url === undefined) return undefined;
  const [here, there] = [split(request.url), split(url)];
  const isSame = here.scheme === there.scheme && here.authority === there.authority;
  // What the author set was meant for the first origin.
  const headers = isSame ? request.headers : request.headers.filter(([name]) => name === "accept");
  return { ...request, url, headers };
}

const TRANSPORT = {
  timeout: ["timeout", "the upstream did not answer in time"],
  unavailable: ["unavailable", "the upstream cannot be reached or broke off"],
  denied: [
    "forbidden",
    "the gateway refused the request: the environment's `allow` and the connector's `egress` must both name its method and address",
  ],
  broken: ["internal", "the request or the answer breaks a rule or a limit of HTTP"],
};

function transport({ reason, code }) {
  const [kind, message] = TRANSPORT[reason];
  return new ConnectorError(kind, code, message, { details: { transport: code } });
}
