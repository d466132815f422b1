// The connector with a fake host: `npm test`.

import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeHost } from "dowel-sdk/testing";
import { connector } from "../dist/connector.js";

const host = () => new FakeHost(connector, { base_url: "https://api.example/v1" });

test("an item keeps its digits", () => {
  const reply = '{ "id": 12345678901234567890, "name": "anvil", "price": 19.90 }';
  const fake = host().expect("GET", "/items/17", { reply });
  const expected = '{"id":12345678901234567890,"name":"anvil","price":"19.90"}';
  assert.equal(fake.call("get-item", '{ "id": 17 }'), expected);
});

test("a no is a rejection", () => {
  const fake = host().expect("POST", "/items", { status: 422, reply: '{ "error": "sold out" }' });
  assert.throws(() => fake.call("create-item", '{ "name": "anvil", "price": 1 }'), { kind: "rejected" });
});

test("the examples fit", () => host().checkExamples());
