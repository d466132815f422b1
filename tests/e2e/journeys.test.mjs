// Three people at the desk: an author, an operator, an approver.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { World } from "./world.mjs";

let world;
before(async () => {
  world = await World.start();
});
after(() => world?.stop());

const ANA = "ana@example.com";
const BEN = "ben@example.com";

test("an author follows a run from the webhook to the failure to the fix", async () => {
  await world.switches({ route: "crm-contact", prefix: "C-4711", fail_times: 1, status: 404 });
  const { body } = await world.order("4711", { customer_id: "C-4711" });
  await world.settled(body.run);

  const page = await world.person(ANA, "operator");
  await page.goto(`${world.admin}/`);
  assert.equal(new URL(page.url()).pathname, "/desk");
  // All that is known is the number of the order.
  await page.keyboard.press("/");
  await page.keyboard.type("4711");
  await page.keyboard.press("Enter");
  await page.waitForURL(`**/desk/runs/${body.run}`);
  assert.match(await page.textContent("h1"), /order-to-invoice · 4711/);
  const step = page.locator("details.step", { hasText: "customer" });
  assert.ok(await step.getAttribute("open") !== null, "the step that failed is open");
  assert.match(await step.textContent(), /get-contact/);

  await page.getByRole("link", { name: "Decide at the exception desk" }).click();
  await page.waitForURL(`**/desk/exceptions/${body.run}`);
  const edit = page.locator("details.choice", { hasText: "Correct the input" });
  await edit.locator("summary").click();
  const input = edit.locator("textarea.json");
  const old = await input.inputValue();
  assert.equal(JSON.parse(old).id, "C-4711");

  // What is no JSON is said while it is typed; what breaks the schema, with its place.
  await input.fill("{ nothing");
  await edit.getByText("Not JSON yet").waitFor();
  await input.fill('{\n  "ident": 7\n}');
  const said = edit.locator("[data-checked]", { hasText: "nothing was changed" });
  await said.waitFor();
  assert.match(await said.textContent(), /id/, "the host says so while it is typed");
  await edit.getByRole("button", { name: "Correct the input" }).click();
  const refused = page.getByRole("alert");
  await refused.waitFor();
  assert.match(await refused.textContent(), /DWL-\d{4}/);
  assert.match(await refused.textContent(), /id/);
  // What the code means is a click away.
  const meaning = await page.context().newPage();
  await meaning.goto(world.admin + (await refused.getByRole("link", { name: /DWL-/ }).getAttribute("href")));
  assert.ok((await meaning.textContent("main")).includes("What to do"));
  assert.equal(await page.locator("details.choice[open] textarea.json").inputValue(), '{\n  "ident": 7\n}');

  const again = page.locator("details.choice[open]");
  await again.locator("textarea.json").fill('{ "id": "C-1001" }');
  await again.getByText("The value follows its schema").waitFor();
  await again.getByRole("button", { name: "Correct the input" }).click();
  await page.getByText("Nothing waits for a person here any more").waitFor();
  const story = await world.settled(body.run);
  assert.equal(story.status, "succeeded", JSON.stringify(story.error));
  await page.goto(`${world.admin}/desk/runs/${body.run}`);
  await page.locator(".badge.good", { hasText: "succeeded" }).first().waitFor();
  assert.match(await page.textContent("main"), /ana@example.com/, "who decided is told");
});

test("an operator clears a queue of 500 exceptions", async () => {
  const count = 500;
  await world.switches({ route: "crm-contact", prefix: "Q-", fail_times: count, status: 404 });
  const before = await world.openExceptions();
  const orders = Array.from({ length: count }, (_, at) => at);
  while (orders.length) {
    const some = orders.splice(0, 25);
    await Promise.all(some.map((at) => world.order(`Q${at}`, { customer_id: `Q-${at}` })));
  }
  await world.until("all of them wait", async () => (await world.openExceptions()) === before + count);

  const page = await world.person(ANA, "operator");
  await page.goto(`${world.admin}/desk/exceptions`);
  assert.match(await page.locator("nav .count.bad").textContent(), new RegExp(`^${before + count} `));
  // Two of them by hand first.
  await page.keyboard.press("j");
  await page.keyboard.press("x");
  await page.keyboard.press("j");
  await page.keyboard.press("x");
  assert.equal(await page.locator("[data-picked]").first().textContent(), "2");
  await page.getByRole("button", { name: "Preview" }).click();
  await page.getByText("2 that were picked").waitFor();
  await page.getByRole("button", { name: "retry 2" }).click();
  await page.waitForURL("**/desk/bulk/*");
  await page.locator(".badge.good", { hasText: "done" }).waitFor();

  // The rest by what they have in common.
  await page.goto(`${world.admin}/desk/exceptions`);
  await page.selectOption("select[name=flow]", "order-to-invoice");
  await page.waitForURL("**flow=order-to-invoice**");
  await page.getByLabel("All that match").check();
  await page.getByRole("button", { name: "Preview" }).click();
  await page.getByText("498").first().waitFor();
  await page.fill("input[name=reason]", "the CRM knows them now");
  await page.getByRole("button", { name: /retry 498/ }).click();
  await page.waitForURL("**/desk/bulk/*");
  await page.getByText(/498 of 498 dealt with: 498 done/).waitFor();
  await page.locator(".badge.good", { hasText: "done" }).waitFor();
  await world.until("nothing waits", async () => (await world.openExceptions()) === before);
  await page.goto(`${world.admin}/desk/exceptions`);
  await page.getByText("Nothing waits for a person").waitFor();
});

test("an approver decides, and four eyes are four", async () => {
  const { body } = await world.api("/flows/payment/runs", { invoice: "R-17", total: "99.00", by: ANA });
  await world.until("the question is asked", async () => (await world.api("/approvals")).body.approvals.length === 1);

  const ana = await world.person(ANA, "admin");
  await ana.goto(`${world.admin}/desk/approvals`);
  const asked = ana.locator("article", { hasText: "Pay 99.00 EUR for R-17" });
  await asked.getByRole("button", { name: "approved" }).click();
  // Who has asked for it may not approve it.
  await ana.getByText(/DWL-\d{4}/).first().waitFor();
  assert.equal((await world.api(`/runs/${body.run}`)).body.status, "waiting");

  const ben = await world.person(BEN, "admin");
  await ben.goto(`${world.admin}/desk/approvals`);
  const question = ben.locator("article", { hasText: "Pay 99.00 EUR for R-17" });
  await question.locator("textarea[name=comment]").fill("the goods are here");
  await question.getByRole("button", { name: "approved" }).click();
  await ben.getByText("Recorded: approved").waitFor();
  const story = await world.settled(body.run);
  assert.deepEqual(story.output, { decision: "approved", by: BEN });

  // A decision of the desk that wants a second person.
  await world.switches({ route: "crm-contact", prefix: "D-", fail_times: 1, status: 404 });
  const twice = await world.order("D1", { customer_id: "D-1" });
  await world.settled(twice.body.run);
  await ana.goto(`${world.admin}/desk/exceptions/${twice.body.run}`);
  const discard = ana.locator("details.choice", { hasText: "Discard" });
  await discard.locator("summary").click();
  await discard.locator("input[name=reason]").fill("ordered twice");
  await discard.getByRole("button", { name: "Discard" }).click();
  await ana.waitForURL("**/desk/approvals**");
  const own = ana.locator("article", { hasText: "ordered twice" });
  await own.getByRole("button", { name: "Confirm" }).click();
  await ana.getByText("DWL-5037").first().waitFor();

  await ben.goto(`${world.admin}/desk/approvals`);
  const others = ben.locator("article", { hasText: "ordered twice" });
  await others.getByRole("button", { name: "Confirm" }).click();
  await ben.getByText("Recorded: confirmed").waitFor();
  assert.equal((await world.settled(twice.body.run)).status, "cancelled");
  await ben.goto(`${world.admin}/desk/audit?about=${twice.body.run}`);
  await ben.getByText("confirmed by ben@example.com").waitFor();
});
