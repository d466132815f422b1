// The connector with a fake host: `npm test`.

import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeHost } from "dowel-sdk/testing";
import { connector } from "../dist/connector.js";

const USD = '{"base":"EUR","currency":"USD","rate":"1.08340","at":"2026-01-05T15:00:00Z"}';
const CHANGE = USD.replace("{", '{"id":"c-7",');
const EUR = '{"base":"EUR"}';
const host = () => new FakeHost(connector, { base_url: "https://rates.example/v1/" });

test("asks for the page behind the cursor", () => {
  const fake = host();
  const page = `{"rates":[${USD}],"next":"EUR/USD"}`;
  fake.expect("GET", "/rates?limit=1", { reply: page });
  assert.equal(fake.call("list-rates", '{"limit":1}'), page);
  fake.expect("GET", "/rates?after=EUR%2FUSD", { reply: '{"rates":[],"next":null}' });
  assert.equal(fake.call("list-rates", '{"after":"EUR/USD"}'), '{"rates":[]}');
  fake.done();
});

test("digits arrive as they are", () => {
  const body = '{"base":"EUR","currency":"USD","rate":"1.08340"}';
  const fake = host().expect("POST", "/rates", { body, status: 201, reply: USD });
  assert.equal(fake.call("put-rate", body.replace('"1.08340"', "1.08340")), USD);
});

test("each error has its kind", () => {
  for (const [status, kind] of [
    [422, "rejected"],
    [429, "rate-limited"],
    [503, "unavailable"],
    [404, "not-found"],
  ]) {
    const fake = host().expect("POST", "/rates", { status, headers: { "Retry-After": "2" } });
    const input = '{"base":"EUR","currency":"XXX","rate":"1"}';
    assert.throws(() => fake.call("put-rate", input), { kind, retryAfterMs: 2000 });
  }
});

test("input that does not fit sends nothing", () => {
  const fake = host();
  const input = '{"base":"EUR","currency":"USD","rate":"1,08"}';
  assert.throws(() => fake.call("put-rate", input), { kind: "invalid-input", message: /\/rate/ });
  assert.equal(fake.sent.length, 0);
});

test("the source goes on behind the cursor", () => {
  const fake = host();
  fake.expect("GET", "/changes?limit=1&base=EUR", { reply: `{"changes":[${CHANGE}],"next":"a/7"}` });
  const page = fake.read("new-rates", EUR, undefined, 1);
  assert.deepEqual([page.cursor, page.more], ["a/7", true]);
  const event = { id: "c-7", kind: "rate.changed", subject: "EUR/USD", time: "2026-01-05T15:00:00Z", data: USD };
  assert.deepEqual(page.events, [event]);
  fake.expect("GET", "/changes?after=a%2F7&limit=9&base=EUR", { reply: '{"changes":[],"next":null}' });
  assert.deepEqual(fake.read("new-rates", EUR, "a/7", 9), { events: [], cursor: undefined, more: false });
  fake.ack("new-rates", EUR, "a/7");
});

test("the examples fit", () => host().checkExamples());
