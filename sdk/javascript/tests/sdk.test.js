// The SDK without a component.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Connector, NumberText, s } from "../src/index.js";
import { parse, write } from "../src/json.js";
import { manifest } from "../src/manifest.js";
import { Misfit, schemaOf } from "../src/schema.js";
import { FakeHost } from "../src/testing.js";
import { decode, encode } from "../src/text.js";
import { expand, resolve } from "../src/url.js";

test("digits stay", () => {
  const text = '{"a":1.10,"b":12345678901234567890,"c":1e400,"d":-0,"e":[0.0000001,"é\\u0001",true,null],"1.5":"2.50"}';
  assert.equal(write(parse(text)), text);
});

test("texts that look like what the reader writes are texts", () => {
  for (const text of ['"\\u0000n1.10"', '["\\u0000s",1.10]', '{"\\u0000n":1.10}', '"a\\"1.10"', '"\\\\",1.10'.slice(0, 4)]) {
    assert.equal(write(parse(text)), text);
  }
});

test("what is no JSON is refused", () => {
  for (const bad of ["01", "1.", ".5", "1.5.5", "-", "NaN", "[1.10,]", "1.10 2", "", "{", "+1", "1e"]) {
    assert.throws(() => parse(bad), SyntaxError, bad);
  }
  for (const wrong of [1.5, 2 ** 60, NaN, () => 1, Symbol("x")]) assert.throws(() => write(wrong), TypeError);
});

const Line = s.object({ qty: s.integer({ minimum: 0, maximum: 99 }), amount: s.decimal() });
const Order = s.object(
  {
    order_id: s.id(),
    lines: s.optional(s.array(Line)),
    color: s.optional(s.oneOf(["red", "green"])),
    rest: s.optional(s.record(s.any())),
    weight: s.optional(s.number()),
  },
  { description: "An order." },
);

test("what is read is written", () => {
  const text = '{"order_id":12345678901234567890,"lines":[{"qty":1,"amount":19.90}],"color":"red","rest":{"x":1.10},"weight":2}';
  const order = Order.read(parse(text), true);
  assert.ok(order.weight instanceof NumberText);
  assert.equal(write(Order.write(order)), text.replace("19.90", '"19.90"'));
});

test("the place is named and no value", () => {
  for (const [text, path, message] of [
    ['{"order_id":1,"lines":[{"qty":"secret","amount":1}]}', "/lines/0/qty", "found string, expected an integer"],
    ['{"order_id":1,"lines":[{"qty":1,"amount":"1,5 secret"}]}', "/lines/0/amount", 'found another value, expected a decimal number such as "19.90"'],
    ["{}", "", "missing field `order_id`"],
    ['{"order_id":true}', "/order_id", "found boolean, expected a text or an integer"],
    ['{"order_id":1.5}', "/order_id", "found number, expected a text or an integer"],
    ['{"order_id":1,"lines":[{"qty":100,"amount":1}]}', "/lines/0/qty", "the value is not acceptable"],
    ['{"order_id":1,"color":"secret"}', "/color", "the value is not one of those that are possible"],
    ["[]", "", "found array, expected an object"],
  ]) {
    assert.throws(() => Order.read(parse(text), true), (error) => error instanceof Misfit && error.path === path && error.message === message, text);
  }
  assert.throws(() => Order.read(parse('{"order_id":1,"secret":1}'), true), /^Error: unknown field, expected one of `order_id`/);
  assert.deepEqual(Order.read(parse('{"order_id":1,"more":1}'), false), { order_id: 1 });
});

test("schemas", () => {
  const made = schemaOf(Order);
  assert.equal(made.description, "An order.");
  assert.deepEqual(made.required, ["order_id"]);
  assert.deepEqual(made.properties.color, { type: ["string", "null"], enum: ["red", "green", null] });
  assert.deepEqual(made.properties.lines.type, ["array", "null"]);
  assert.equal(made.additionalProperties, false);
  const amount = schemaOf(Line, { output: true }).properties.amount;
  assert.equal(amount.type, "string");
});

test("paths, and where redirects lead", () => {
  assert.equal(expand("/c/{id}/x", { id: "a/b?c#d é%" }), "/c/a%2Fb%3Fc%23d%20%C3%A9%25/x");
  assert.equal(expand("/{+path}", { path: "a/b%20c?d" }), "/a/b%20c%3Fd");
  for (const bad of ["", ".", ".."]) assert.throws(() => expand("/c/{id}", { id: bad }), { code: "invalid-path" });
  for (const bad of ["a/../b", "%2e%2e/x", "a/..\\b"]) assert.throws(() => expand("/{+p}", { p: bad }), { code: "invalid-path" });
  for (const [template, params] of [["/c/{id}", {}], ["/c/{id", { id: 1 }], ["/c", { id: 1 }]]) {
    assert.throws(() => expand(template, params), { code: "invalid-template" });
  }
  const base = "https://api.example/v1/a?b=c";
  for (const [to, url] of [
    ["/x", "https://api.example/x"],
    ["b#f", "https://api.example/v1/b"],
    ["../../y", "https://api.example/y"],
    ["//other.example/z", "https://other.example/z"],
    ["http://api.example/", "http://api.example/"],
    ["?q", "https://api.example/v1/a?q"],
    ["javascript:alert(1)", undefined],
  ]) {
    assert.equal(resolve(base, to), url, to);
  }
});

test("UTF-8 without the engine's own coder", () => {
  const [own, other] = [globalThis.TextEncoder, globalThis.TextDecoder];
  const text = "aé€😀\u0000";
  const bytes = encode(text);
  globalThis.TextEncoder = globalThis.TextDecoder = undefined;
  try {
    assert.deepEqual(encode(text), bytes);
    assert.equal(decode(bytes), text);
    assert.equal(decode(encode("x".repeat(10_000))).length, 10_000);
    for (const bad of [[0xff], [0xc0, 0x80], [0xe2, 0x82], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0x80]]) {
      assert.throws(() => decode(Uint8Array.from(bad)), TypeError);
    }
  } finally {
    [globalThis.TextEncoder, globalThis.TextDecoder] = [own, other];
  }
});

const says = { summary: "Gets it.", effect: "read", idempotency: "natural", input: Order, output: s.any() };
const connector = new Connector({ summary: "Tests.", config: s.object({ base_url: s.string() }), egress: ["* {base_url}/*"] })
  .operation("get-it", says, (ctx, { order_id }) => ctx.http.get("/x/{id}", { path: { id: order_id }, query: { q: "a&b", no: undefined } }).json())
  .operation("fail", says, (_, { order_id }) => order_id.missing.deeper)
  .operation("wait", says, async () => 1);
const host = () => new FakeHost(connector, { base_url: "https://api.example/v1/" });

test("redirects are followed, to an end", () => {
  const fake = host();
  fake.expect("GET", "/x/a%2Fb?q=a%26b", { status: 307, headers: { Location: "../y?z#f" } });
  fake.expect("GET", "https://api.example/v1/y?z", { reply: '{"n":1.10}' });
  assert.equal(fake.call("get-it", '{"order_id":"a/b"}'), '{"n":1.10}');
  const loop = host().expect("GET", "/x/1?q=a%26b", { status: 302, headers: { Location: "/v1/loop" } });
  for (let i = 0; i < 5; i++) loop.expect("GET", "/loop", { status: 302, headers: { Location: "/v1/loop" } });
  assert.throws(() => loop.call("get-it", '{"order_id":1}'), { code: "too-many-redirects" });
});

test("transport, dates, headers and defects", () => {
  const failing = host().expect("GET", "/x/1?q=a%26b", { fails: "timeout" });
  assert.throws(() => failing.call("get-it", '{"order_id":1}'), { kind: "timeout" });
  const busy = host().expect("GET", "/x/1?q=a%26b", { status: 429, headers: { "Retry-After": "Thu, 01 Jan 2026 00:00:07 GMT" } });
  assert.throws(() => busy.call("get-it", '{"order_id":1}'), { kind: "rate-limited", retryAfterMs: 7000 });
  for (const [name, value, code] of [
    ["Authorization", "x", "header-not-allowed"],
    ["IDEMPOTENCY-KEY", "x", "header-not-allowed"],
    ["a", "x\r\nb: c", "invalid-header"],
    ["a b", "x", "invalid-header"],
  ]) {
    assert.throws(() => host().context().http.get("/x", { headers: { [name]: value } }), { code });
  }
  assert.throws(() => host().call("fail", '{"order_id":"secret"}'), { code: "unhandled-exception", message: /^TypeError at sdk\.test\.js:[0-9]+$/ });
  assert.throws(() => host().call("wait", '{"order_id":1}'), { code: "async-function" });
  assert.throws(() => host().call("none", "{}"), { code: "unknown-operation" });
});

test("the manifest, and mistakes in it", () => {
  const made = JSON.parse(manifest(connector, "tests", "1.2.3"));
  assert.deepEqual([made.name, made.version, made.contract, made.operations[0].name], ["tests", "1.2.3", "0.2.0", "get-it"]);
  assert.throws(() => connector.operation("get-it", says, () => 1), /twice/);
  assert.throws(() => connector.operation("Get", says, () => 1), /kebab-case/);
  assert.throws(() => connector.operation("more", { ...says, effect: "reads" }, () => 1), /`effect` is one of read, write/);
  assert.throws(() => connector.operation("more", { ...says, input: undefined }, () => 1), /needs `input`/);
});
