// Errors as the contract knows them.

export class ConnectorError extends Error {
  constructor(kind, code, message, { details, retryAfterMs } = {}) {
    super(message);
    this.name = "ConnectorError";
    this.kind = kind;
    this.code = code;
    this.details = details;
    this.retryAfterMs = retryAfterMs;
  }
}

export const internal = (code, message) => new ConnectorError("internal", code, message);
export const invalidInput = (code, message) => new ConnectorError("invalid-input", code, message);

const BY_STATUS = {
  401: "unauthenticated",
  403: "forbidden",
  404: "not-found",
  408: "timeout",
  409: "conflict",
  410: "not-found",
  412: "conflict",
  425: "unavailable",
  429: "rate-limited",
};

// What a status means for a flow.
export function kindOfStatus(status) {
  if (BY_STATUS[status]) return BY_STATUS[status];
  // What the upstream faults once it will fault again.
  if (status >= 400 && status < 500) return "invalid-input";
  if (status >= 500 && status < 600) return "unavailable";
  // 1xx and 3xx are no answers to a request that asked for one.
  return "internal";
}
