// Every page, in light and dark, narrow and wide: nothing that keeps people out, nothing
// that sticks out at the side, nothing from elsewhere. Screenshots are kept.

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { SCREENSHOTS, World, axe } from "./world.mjs";

/** The colours are the same at every width. */
const WIDTHS = { light: [360, 1280, 2560], dark: [360, 2560] };
/** Where axe looks: the narrowest is laid out otherwise, the others are alike. */
const AXE_WIDTHS = [360, 2560];

let world;
let pages;
before(async () => {
  world = await World.start();
  pages = await fill();
  mkdirSync(SCREENSHOTS, { recursive: true });
});
after(() => world?.stop());

/** Something of everything; gives the pages by name. */
const fill = async () => {
  await world.switches(
    { route: "crm-contact", prefix: "P-", fail_times: 12, status: 404 },
    { route: "erp-create", prefix: "inv-R", fail_times: 2, status: 503 },
  );
  const parked = [];
  for (let at = 0; at < 12; at++) parked.push((await world.order(`P${at}`, { customer_id: `P-${at}` })).body.run);
  const ended = [];
  for (let at = 0; at < 24; at++) ended.push((await world.order(`K${at}`)).body.run);
  const retried = (await world.order("R1")).body.run;
  await world.order("broken", { lines: "none" });
  for (const run of [...parked, ...ended, retried]) await world.settled(run);
  await world.api("/flows/payment/runs", { invoice: "R-18", total: "1250.00", by: "cleo@example.com" });
  const discard = { reason: "ordered twice", command: { discard: {} } };
  await world.api(`/exceptions/${parked[0]}/decisions`, discard);
  const bulk = { reason: "the CRM is back", command: { retry: {} }, query: { flow: "order-to-invoice", limit: 3 } };
  const begun = await world.api("/exceptions/bulk", bulk);
  await world.until("the bulk operation ends", async () => (await world.api(`/exceptions/bulk/${begun.body.id}`)).body.state === "done");
  const quarantined = await world.until("a payload is in quarantine", async () =>
    (await world.api("/exceptions?class=quarantined")).body.exceptions[0]);
  const open = (await world.api("/exceptions?class=parked")).body.exceptions[0];
  return {
    overview: "",
    runs: "runs",
    "runs-none": "runs?key=nothing",
    "run-succeeded": `runs/${ended[0]}`,
    "run-retried": `runs/${retried}`,
    "run-parked": `runs/${open.id}`,
    search: "search?q=nothing-like-this",
    exceptions: "exceptions",
    exception: `exceptions/${open.id}`,
    quarantined: `exceptions/${quarantined.id}`,
    "bulk-list": "bulk",
    bulk: `bulk/${begun.body.id}`,
    approvals: "approvals",
    flows: "flows",
    flow: "flows/order-to-invoice",
    "flow-idle": "flows/nightly-report",
    environment: "environment",
    schedules: "schedules",
    connections: "connections",
    connectors: "connectors",
    events: "events",
    audit: "audit",
    code: "codes/DWL-4003",
    keys: "keys",
    missing: "no-such-page",
  };
};

const violations = async (page) => {
  await page.evaluate(axe);
  const found = await page.evaluate(() =>
    globalThis.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
  return found.violations.map(({ id, help, nodes }) => `${id}: ${help}\n    ${nodes.slice(0, 3).map((node) => `${node.html} ${node.failureSummary}`).join("\n    ")}`);
};

/** What is wider than the page and does not scroll by itself. */
const overflow = (page) =>
  page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) return [];
    const wide = [...document.querySelectorAll("main *, .top *, .side")]
      .filter((one) => one.getBoundingClientRect().right > width + 1 && !one.closest(".scroll, pre, nav"))
      .slice(0, 5)
      .map((one) => one.outerHTML.slice(0, 120));
    return wide.length ? wide : ["the page as a whole"];
  });

for (const theme of ["light", "dark"]) {
  test(`every page in ${theme}: accessible, inside its width, from here alone`, async () => {
    const page = await world.person("ana@example.com", "admin", { colorScheme: theme });
    const strangers = [];
    page.on("request", (request) => {
      if (!request.url().startsWith(world.admin)) strangers.push(request.url());
    });
    const refusals = [];
    page.on("console", (message) => {
      if (/Content Security Policy/i.test(message.text())) refusals.push(message.text());
    });
    const wrong = [];
    for (const [name, path] of Object.entries(pages)) {
      await page.goto(`${world.admin}/desk/${path}`.replace(/\/$/, ""));
      for (const width of WIDTHS[theme]) {
        await page.setViewportSize({ width, height: 900 });
        const out = await overflow(page);
        if (out.length) wrong.push(`${name} at ${width}: wider than the window\n    ${out.join("\n    ")}`);
        if (AXE_WIDTHS.includes(width)) {
          for (const one of await violations(page)) wrong.push(`${name} at ${width}: ${one}`);
        }
        await page.screenshot({ path: join(SCREENSHOTS, `${name}-${theme}-${width}.png`), fullPage: true });
      }
    }
    assert.deepEqual(wrong, []);
    assert.deepEqual(strangers, []);
    assert.deepEqual(refusals, []);
  });
}

for (const theme of ["light", "dark"]) {
  test(`the page on which people sign in, in ${theme}`, async () => {
    const page = await world.visitor({ colorScheme: theme });
    await page.goto(`${world.admin}/login?next=/desk`);
    const wrong = [];
    for (const width of WIDTHS[theme]) {
      await page.setViewportSize({ width, height: 900 });
      wrong.push(...(await overflow(page)), ...(await violations(page)));
      await page.screenshot({ path: join(SCREENSHOTS, `login-${theme}-${width}.png`), fullPage: true });
    }
    assert.deepEqual(wrong, []);
    await page.fill("#token", "dwl_nothing");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("alert").waitFor();
    await page.screenshot({ path: join(SCREENSHOTS, `login-refused-${theme}.png`), fullPage: true });
  });
}

test("drift is shown with who has decided and why", async () => {
  const page = await world.person("ana@example.com", "admin");
  await world.api("/flows/nightly-report/disable", { reason: "the warehouse counts stock" });
  await page.goto(`${world.admin}/desk/environment`);
  const row = page.locator("[data-part=drift] tr", { hasText: "nightly-report" });
  assert.match(await row.textContent(), /the warehouse counts stock/);
  await page.getByText("differs from its file").waitFor();
  await world.api("/flows/nightly-report/enable", { reason: "done" });
});

test("pages can be read without a script", async () => {
  const page = await world.person("ana@example.com", "admin", { javaScriptEnabled: false });
  for (const [name, path] of Object.entries(pages)) {
    const answer = await page.goto(`${world.admin}/desk/${path}`.replace(/\/$/, ""));
    assert.equal(answer.status(), name === "missing" ? 404 : 200, name);
    assert.ok((await page.textContent("h1")).trim(), name);
  }
  // A theme is chosen without a script as well.
  await page.goto(`${world.admin}/desk`);
  await page.getByRole("button", { name: "dark" }).click();
  assert.equal(await page.getAttribute("html", "data-theme"), "dark");
});

test("a run that is at work is shown live", async () => {
  await world.switches({ route: "crm-contact", prefix: "L-", fail_times: 1, status: 503, retry_after_s: 2 });
  const { body } = await world.order("L1", { customer_id: "L-1" });
  const page = await world.person("ana@example.com", "admin");
  await page.goto(`${world.admin}/desk/runs/${body.run}`);
  await page.locator("[data-part=badge] .badge.good").waitFor();
  assert.equal((await world.settled(body.run)).status, "succeeded");
});

test("nobody sends forms from elsewhere, and strangers are sent to sign in", async () => {
  const page = await world.person("ana@example.com", "admin");
  const refused = await page.evaluate(async () => {
    const body = new URLSearchParams({ csrf: "guessed", reason: "fun" });
    return (await fetch("/desk/flows/payment/disable", { method: "POST", body })).status;
  });
  assert.equal(refused, 403);
  const stranger = await world.visitor();
  await stranger.goto(`${world.admin}/desk/exceptions`);
  assert.equal(new URL(stranger.url()).pathname, "/login");
  const { body } = await world.api("/flows");
  assert.ok(body.flows.every((flow) => flow.enabled));
});

test("a viewer sees and does not decide", async () => {
  const page = await world.person("vera@example.com", "viewer");
  await page.goto(`${world.admin}/desk/${pages.exception}`);
  assert.equal(await page.locator("details.choice").count(), 0);
  assert.equal(await page.getByRole("link", { name: "Audit" }).count(), 0);
  await page.goto(`${world.admin}/desk/exceptions`);
  assert.equal(await page.getByRole("button", { name: "Preview" }).count(), 0);
});
