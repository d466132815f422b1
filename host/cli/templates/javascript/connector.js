// The connector `{{name}}`. Replace the items by what your API has.

import { Connector, s } from "dowel-sdk";

const Config = s.object({
  base_url: s.string({
    format: "uri",
    description: "Where the API begins, such as `https://api.example.com/v1`.",
  }),
});

const name = s.string({ description: "The name." });
const id = s.id({ description: "The API's id." });
const Item = s.object({ id, name, price: s.decimal({ description: "What it costs, with every digit." }) });
const anvil = { id: 17, name: "anvil", price: "19.90" };

export const connector = new Connector({
  summary: "Reads and creates items.",
  config: Config,
  egress: ["GET,POST {base_url}/items", "GET {base_url}/items/*"],
});

connector.operation(
  "get-item",
  {
    summary: "Gets an item.",
    effect: "read",
    idempotency: "natural",
    input: s.object({ id }),
    output: Item,
    exampleInput: { id: 17 },
    exampleOutput: anvil,
  },
  (ctx, { id }) => ctx.http.get("/items/{id}", { path: { id } }).json(Item),
);

const Items = s.object({
  items: s.array(Item, { description: "The items." }),
  next: s.optional(s.string(), { description: "Where the next page begins; absent on the last one." }),
});

connector.operation(
  "list-items",
  {
    summary: "Lists the items, page by page.",
    effect: "read",
    idempotency: "natural",
    input: s.object({
      cursor: s.optional(s.string(), { description: "Where the page begins; the first page without it." }),
    }),
    output: Items,
    pagination: { cursorIn: "/cursor", cursorOut: "/next", items: "/items" },
    exampleInput: {},
    exampleOutput: { items: [anvil] },
  },
  (ctx, { cursor }) => ctx.http.get("/items", { query: { cursor } }).json(Items),
);

connector.operation(
  "create-item",
  {
    // Say `keyed` only if the API honours the header `Idempotency-Key`.
    summary: "Creates an item.",
    effect: "write",
    idempotency: "keyed",
    input: s.object({ name, price: s.decimal({ description: "What it costs." }) }),
    output: Item,
    exampleInput: { name: "anvil", price: "19.90" },
    exampleOutput: anvil,
  },
  // Here 422 is the business saying no.
  (ctx, json) => ctx.http.post("/items", { json, errors: { 422: "rejected" } }).json(Item),
);
