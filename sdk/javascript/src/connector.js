// The connector: what it has, and the way from a call to a function.

import { Context } from "./context.js";
import { ConnectorError, internal, invalidInput } from "./errors.js";
import { read } from "./http.js";
import { write } from "./json.js";

const asked = (code, what) => ({ kind: "invalid-input", code, what, strict: true });
const INPUT = asked("invalid-input", "the input");
const PARAMS = asked("invalid-params", "the source's parameters");
const CONFIG = asked("invalid-config", "the connection's configuration");

export class Connector {
  constructor({ summary, config, egress = [], check }) {
    if (!summary || !config) throw new TypeError("a connector needs `summary` and `config`");
    this.summary = summary;
    this.config = config;
    this.egress = egress;
    this.check = check;
    this.operations = new Map();
    this.sources = new Map();
  }

  operation(name, says, run) {
    added(this.operations, "operation", name);
    needs(`operation \`${name}\``, says, ["summary", "effect", "idempotency", "input", "output"]);
    oneOf("effect", says.effect, ["read", "write"]);
    oneOf("idempotency", says.idempotency, ["natural", "keyed", "none"]);
    this.operations.set(name, { ...says, run });
    return this;
  }

  source(name, says, run) {
    added(this.sources, "source", name);
    needs(`source \`${name}\``, says, ["summary", "params", "event"]);
    this.sources.set(name, { ...says, run });
    return this;
  }

  // JSON text in, JSON text out; throws ConnectorErrors alone.
  callOperation(name, input, ctx) {
    const found = this.operations.get(name) ?? unknown("operation");
    const value = read(input, found.input, INPUT);
    const output = guarded(() => found.run(ctx, value));
    return written(found.output, output, "output-not-json", "the output");
  }

  checkConnection(ctx) {
    if (this.check) guarded(() => this.check(ctx));
  }

  readSource(name, params, position, ctx) {
    const found = this.sources.get(name) ?? unknown("source");
    const value = read(params, found.params, PARAMS);
    const page = guarded(() => found.run(ctx, value, position));
    if (page.events.length > position.limit) {
      throw internal("page-over-limit", "the source gave more events than it was asked for");
    }
    const events = page.events.map((event) => ({
      ...event,
      data: written(found.event, event.data, "event-not-json", "an event"),
    }));
    return { events, cursor: page.cursor, more: page.more ?? false };
  }

  ackSource(name, params, cursor, ctx) {
    const found = this.sources.get(name) ?? unknown("source");
    const value = read(params, found.params, PARAMS);
    if (found.ack) guarded(() => found.ack(ctx, value, cursor));
  }

  // Reads the configuration and starts the clock.
  context(config, call, host) {
    return new Context(read(config, this.config, CONFIG), call, host);
  }
}

function added(map, what, name) {
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name)) throw new TypeError(`\`${name}\` is not in kebab-case`);
  if (map.has(name)) throw new TypeError(`the connector has the ${what} \`${name}\` twice`);
}

function needs(what, says, names) {
  const missing = names.find((name) => says[name] === undefined);
  if (missing) throw new TypeError(`the ${what} needs \`${missing}\``);
}

function oneOf(what, given, possible) {
  if (!possible.includes(given)) throw new TypeError(`\`${what}\` is one of ${possible.join(", ")}, not \`${given}\``);
}

function unknown(what) {
  const message = `this connector has no ${what} of that name; \`dowel connector inspect\` lists those that it has`;
  throw invalidInput(`unknown-${what}`, message);
}

function written(shape, value, code, what) {
  try {
    return write(shape.write(value));
  } catch (error) {
    const at = error.path ? ` at ${error.path}` : "";
    throw internal(code, `${what} does not fit its schema${at}: ${error.message}`);
  }
}

// Calls the author's function. An exception that is no ConnectorError is a defect: it is told by
// type and place, since its text may hold values of the payload.
function guarded(run) {
  try {
    const made = run();
    if (typeof made?.then === "function") {
      throw internal("async-function", "operations are plain functions: `ctx.http` waits by itself");
    }
    return made;
  } catch (error) {
    if (error instanceof ConnectorError) throw error;
    const name = error?.constructor?.name ?? typeof error;
    throw internal("unhandled-exception", `${name} at ${place(error)}`);
  }
}

const PLACE = /([^/\\\s(]+\.[jt]s:[0-9]+)/;

// The innermost line of the stack that is the author's.
function place(error) {
  const lines = String(error?.stack ?? "").split("\n");
  const own = lines.find((line) => PLACE.test(line) && !/dowel-sdk|sdk\/javascript\/src/.test(line));
  return own ? PLACE.exec(own)[1] : "an unknown place";
}
