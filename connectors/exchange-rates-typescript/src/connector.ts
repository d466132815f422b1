// Exchange rates: a table that is read and written, and its changes as a source.

import { Connector, type Infer, s, type SourceEvent } from "dowel-sdk";

const baseUrl = s.string({
  format: "uri",
  description: "Where the API begins, such as `https://rates.example.com/v1`.",
});
const base = s.string({ description: "ISO 4217, such as `EUR`." });
const currency = s.string({ description: "ISO 4217, such as `USD`." });

const Rate = s.object(
  {
    base,
    currency,
    rate: s.decimal({ description: "A decimal number as a text, such as `1.0834`: it keeps every digit." }),
    at: s.string({ description: "Since when it holds (RFC 3339)." }),
  },
  { description: "What one unit of the base costs in another currency." },
);

const example = { base: "EUR", currency: "USD", rate: "1.0834", at: "2026-01-05T15:00:00Z" };

export const connector = new Connector({
  summary: "Reads, publishes and follows exchange rates.",
  config: s.object({ base_url: baseUrl }, { description: "A connection to the service." }),
  egress: ["GET,POST {base_url}/rates", "GET {base_url}/changes"],
});

const Query = s.object({
  after: s.optional(s.string(), { description: "Where the page begins; the first page without it." }),
  limit: s.optional(s.integer({ minimum: 1, maximum: 100 }), {
    description: "Rates on a page; the service decides without it.",
  }),
});

const Rates = s.object({
  rates: s.array(Rate, { description: "The rates, by base and currency." }),
  next: s.optional(s.string(), { description: "Where the next page begins; absent on the last one." }),
});

connector.operation(
  "list-rates",
  {
    summary: "Lists the rates that hold now, page by page.",
    effect: "read",
    idempotency: "natural",
    input: Query,
    output: Rates,
    pagination: { cursorIn: "/after", cursorOut: "/next", items: "/rates" },
    exampleInput: { limit: 1 },
    exampleOutput: { rates: [example], next: "EUR/USD" },
  },
  (ctx, { after, limit }) => ctx.http.get("/rates", { query: { after, limit } }).json(Rates),
);

const NewRate = s.object({
  base,
  currency,
  rate: s.decimal({ description: "What one unit of the base costs, such as `1.0834`." }),
});

connector.operation(
  "put-rate",
  {
    summary: "Sets a rate in place of the one before. Repeating it with the same key changes nothing.",
    effect: "write",
    idempotency: "keyed",
    input: NewRate,
    output: Rate,
    exampleInput: { base: "EUR", currency: "USD", rate: "1.0834" },
    exampleOutput: example,
  },
  (ctx, json) => ctx.http.post("/rates", { json, errors: { 422: "rejected" } }).json(Rate),
);

const Change = s.object({ id: s.string(), base, currency, rate: s.decimal(), at: s.string() });
const Changes = s.object({ changes: s.array(Change), next: s.optional(s.string()) });

connector.source(
  "new-rates",
  {
    summary: "Rates of a base currency, as they change.",
    params: s.object({ base: s.string({ description: "The base of the rates, such as `EUR`." }) }),
    event: Rate,
  },
  (ctx, params, { cursor, limit }) => {
    const query = { after: cursor, limit, base: params.base };
    const { changes, next } = ctx.http.get("/changes", { query }).json(Changes);
    // A full page without a cursor could only be read again.
    const more = changes.length >= limit && next !== undefined;
    return { events: changes.map(event), cursor: next, more };
  },
);

function event({ id, ...rate }: Infer<typeof Change>): SourceEvent<Infer<typeof Rate>> {
  return { id, kind: "rate.changed", subject: `${rate.base}/${rate.currency}`, time: rate.at, data: rate };
}
