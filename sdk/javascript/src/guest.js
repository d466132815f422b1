// The component: exports the contract, and reaches the host through its imports. Imported by the
// module that `dowel connector build` generates, and by nothing else.

import wit from "dowel:connector/host@0.2.0";
import http from "dowel:connector/http@0.2.0";
import { ConnectorError } from "./errors.js";
import { TransportError } from "./http.js";
import { write } from "./json.js";
import { manifest } from "./manifest.js";
import { encode } from "./text.js";

const now = () => Number(wit.now());

const host = {
  log: (level, message, fields) => wit.log(level, message, fields),
  now,
  randomBytes: (count) => Uint8Array.from(wit.randomBytes(count)),
  monotonic: now,
  send,
};

function send({ method, url, headers, body, timeoutMs }) {
  try {
    const answer = http.send({ method, url, headers, body: body ?? null, timeoutMs: Math.ceil(timeoutMs) });
    const bytes = answer.body instanceof Uint8Array ? answer.body : Uint8Array.from(answer.body);
    return { status: answer.status, headers: answer.headers.map(([name, value]) => [name, encode(value)]), body: bytes };
  } catch (error) {
    // What the contract throws is its `failure`.
    throw error?.reason ? new TransportError(error.reason, error.code) : error;
  }
}

function answered(run) {
  try {
    return run();
  } catch (error) {
    const known =
      error instanceof ConnectorError
        ? error
        : new ConnectorError("internal", "unhandled-exception", `the SDK failed: ${error?.name}`);
    // What is thrown is the contract's `error`.
    throw {
      kind: known.kind,
      code: known.code,
      message: known.message,
      details: known.details === undefined ? null : write(known.details),
      retryAfterMs: known.retryAfterMs === undefined ? null : Math.ceil(known.retryAfterMs),
    };
  }
}

export function exportsOf(connector, name, version) {
  const context = (ctx) => {
    const { runId, step, idempotencyKey } = ctx;
    const call = { runId, step, idempotencyKey, deadlineMs: Number(ctx.deadlineMs) };
    return connector.context(ctx.connection, call, host);
  };
  const operations = {
    call: (operation, input, ctx) => answered(() => connector.callOperation(operation, input, context(ctx))),
    check: (ctx) => answered(() => connector.checkConnection(context(ctx))),
  };
  const sources = {
    read: (source, params, cursor, limit, ctx) =>
      answered(() => {
        const position = { cursor: cursor ?? undefined, limit };
        const page = connector.readSource(source, params, position, context(ctx));
        const events = page.events.map(({ id, kind, subject, time, data }) => ({
          id,
          kind,
          subject: subject ?? null,
          time: time ?? null,
          data,
        }));
        return { events, cursor: page.cursor ?? null, more: page.more };
      }),
    ack: (source, params, cursor, ctx) => answered(() => connector.ackSource(source, params, cursor, context(ctx))),
  };
  return { operations, sources, describe: { manifest: () => manifest(connector, name, version) } };
}
