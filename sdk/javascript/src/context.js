// What an operation may use.

import { Http } from "./http.js";
import { write } from "./json.js";

// The most random bytes of one request, by the contract.
const MAX_RANDOM_BYTES = 4096;

export class Context {
  #call;
  #host;
  #ends;

  constructor(config, call, host) {
    this.#call = call;
    this.#host = host;
    this.#ends = host.monotonic() + call.deadlineMs;
    this.config = config;
    this.http = new Http(host, config.base_url, this.#ends);
  }

  get runId() {
    return this.#call.runId;
  }

  get step() {
    return this.#call.step;
  }

  get idempotencyKey() {
    return this.#call.idempotencyKey;
  }

  remainingMs() {
    return Math.max(0, this.#ends - this.#host.monotonic());
  }

  log(level, message, fields = {}) {
    this.#host.log(level, message, write(fields));
  }

  now() {
    return this.#host.now();
  }

  randomBytes(count) {
    if (!(count >= 0 && count <= MAX_RANDOM_BYTES)) {
      throw new RangeError(`the host gives ${MAX_RANDOM_BYTES} random bytes at most`);
    }
    return this.#host.randomBytes(count);
  }
}
