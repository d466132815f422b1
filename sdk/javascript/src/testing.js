// Runs a connector under `node --test`, without Wasm: what stands in the place of the network is
// a script of expected exchanges. The types, with what they mean, are in testing.d.ts.

import { TransportError } from "./http.js";
import { parse, write } from "./json.js";
import { decode, encode } from "./text.js";

// 2026-01-01T00:00:00Z.
const START_MS = 1_767_225_600_000;

export class FakeHost {
  #connector;
  #config;
  #base;
  #script = [];
  #elapsed = 0;
  #deadlineMs;

  constructor(connector, config, { deadlineMs = 30_000 } = {}) {
    this.#connector = connector;
    this.#config = config;
    this.#base = String(config.base_url ?? "").replace(/\/+$/, "");
    this.#deadlineMs = deadlineMs;
    this.sent = [];
    this.logs = [];
  }

  expect(method, url, answer = {}) {
    this.#script.push({ method, url, status: 200, reply: "", headers: {}, ...answer });
    return this;
  }

  advance(milliseconds) {
    this.#elapsed += milliseconds;
  }

  // Throws if an expected request never came.
  done() {
    const left = this.#script[0];
    if (left) throw new Error(`${left.method} ${left.url} is expected and never came`);
  }

  context() {
    const runId = "019b76da-a800-7000-8000-000000000000";
    const call = { runId, step: "step", idempotencyKey: "dowel-test-key", deadlineMs: this.#deadlineMs };
    return this.#connector.context(write(this.#config), call, this);
  }

  call(operation, input) {
    return this.#connector.callOperation(operation, input, this.context());
  }

  read(source, params, cursor, limit) {
    return this.#connector.readSource(source, params, { cursor, limit }, this.context());
  }

  ack(source, params, cursor) {
    this.#connector.ackSource(source, params, cursor, this.context());
  }

  check() {
    this.#connector.checkConnection(this.context());
  }

  // Every operation has examples, and they fit its shapes.
  checkExamples() {
    for (const [name, says] of this.#connector.operations) {
      for (const [example, shape, strict] of [
        [says.exampleInput, says.input, true],
        [says.exampleOutput, says.output, false],
      ]) {
        if (example === undefined) throw new Error(`\`${name}\` lacks an example`);
        shape.read(parse(write(example)), strict);
      }
    }
  }

  log(level, message, fields) {
    this.logs.push({ level, message, fields });
  }

  now() {
    return START_MS + this.#elapsed;
  }

  monotonic() {
    return this.#elapsed;
  }

  // The same in every test run.
  randomBytes(count) {
    return Uint8Array.from({ length: count }, (_, index) => index % 256);
  }

  send(request) {
    this.sent.push(request);
    const came = `${request.method} ${request.url}`;
    if (!this.#connector.egress.some((rule) => this.#allows(rule, request))) {
      throw new Error(`the egress does not name ${came}`);
    }
    const expected = this.#script.shift();
    if (!expected) throw new Error(`${came} is not expected`);
    const url = expected.url.startsWith("/") ? this.#base + expected.url : expected.url;
    if (came !== `${expected.method} ${url}`) throw new Error(`${came} came, and ${expected.method} ${url} is expected`);
    if (expected.body !== undefined && decode(request.body) !== expected.body) {
      throw new Error(`the body ${decode(request.body)} came, and ${expected.body} is expected`);
    }
    if (expected.fails) throw new TransportError(expected.fails, `test-${expected.fails}`);
    const headers = Object.entries(expected.headers).map(([name, value]) => [name, encode(value)]);
    return { status: expected.status, headers, body: encode(expected.reply) };
  }

  #allows(rule, { method, url }) {
    const [methods, target] = rule.split(" ");
    const value = (name) => String(this.#config[name] ?? "").replace(/\/+$/, "");
    const filled = target.replace(/\{(\w+)\}/g, (_, name) => value(name));
    const path = url.split("?")[0];
    const fits = filled.endsWith("*") ? path.startsWith(filled.slice(0, -1)) : path === filled;
    return fits && (methods === "*" || methods.split(",").includes(method));
  }
}
