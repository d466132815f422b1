// A shop, a host with a repository of its own, and a browser.

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const need = (name) => {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run \`cargo xtask e2e\``);
  return value;
};
const require = createRequire(join(need("E2E_MODULES"), "node_modules/"));
const { chromium } = require("playwright-core");
export const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const REPOSITORY = need("E2E_REPOSITORY");
const TARGET = join(REPOSITORY, "target/debug");
export const SCREENSHOTS = need("E2E_SCREENSHOTS");
const PATIENCE = 30_000;

const PAYMENT = `
language: dowel/v1
flow: payment
version: 1.0.0
owner: finance@example.com
description: Pay an invoice when somebody else than its author says so.
labels: { domain: finance }
sla: { success: 99%, within: 1d }
trigger: { manual: {} }
dedupe: { key: '\${ .invoice }', window: 7d }
steps:
  - id: ask
    approve:
      groups: [finance]
      exclude: ['\${ $trigger.by }']
      title: '\${ "Pay \\($trigger.total) EUR for \\($trigger.invoice)" }'
      show: { invoice: '\${ $trigger.invoice }', total: '\${ $trigger.total }' }
      within: 2d
output: { decision: '\${ $steps.ask.decision }', by: '\${ $steps.ask.by }' }
`;

const NIGHTLY = `
language: dowel/v1
flow: nightly-report
version: 2.1.0
description: Count the day.
trigger: { schedule: { every: 6h } }
steps:
  - id: count
    set: { orders: 7 }
`;

/** Waits for the one line by which a program says that it is ready. */
const ready = async (child, pattern) => {
  const lines = createInterface({ input: child.stdout });
  const [line] = await Promise.race([
    once(lines, "line"),
    once(child, "exit").then(([code]) => Promise.reject(new Error(`the program ended with ${code}`))),
  ]);
  const found = pattern.exec(line);
  if (!found) throw new Error(`not the line that was expected: ${line}`);
  return found;
};

export class World {
  static async start() {
    const world = new World();
    try {
      await world.begin();
    } catch (error) {
      await world.stop();
      throw error;
    }
    return world;
  }

  async begin() {
    const world = this;
    world.folder = mkdtempSync(join(tmpdir(), "dowel-e2e-"));
    world.shop = spawn(join(TARGET, "dowel-shop"), ["--listen", "127.0.0.1:0"], { stdio: ["ignore", "pipe", "inherit"] });
    const [, shop] = await ready(world.shop, /(http:\/\/\S+)/);
    world.shopUrl = shop;
    world.writeRepository(new URL(shop).host);
    world.host = spawn(
      join(TARGET, "dowel"),
      [
        "serve", "--repo", world.folder, "--env", "test",
        "--connectors", join(REPOSITORY, ".dowel/connectors"),
        "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0",
      ],
      {
        stdio: ["ignore", "pipe", "inherit"],
        env: {
          ...process.env,
          DOWEL_LOG: "error",
          DOWEL_SECRET_CRM_TOKEN: "crm-token",
          DOWEL_SECRET_ERP_TOKEN: "erp-token",
          DOWEL_SECRET_SHOP_HOOK: "hook-token",
          DOWEL_SECRET_SHOP_EVENTS: "events-token",
        },
      },
    );
    const [, open, admin, socket] = await ready(world.host, /^ready public=(\S+) admin=(\S+) socket=(\S+)$/);
    Object.assign(world, { public: open, admin, socket });
    world.browser = await chromium.launch({
      executablePath: need("E2E_CHROMIUM"),
      args: ["--no-sandbox", "--disable-dev-shm-usage"],
    });
  }

  writeRepository(shop) {
    for (const flow of ["order-to-invoice", "refund-order"]) {
      cpSync(join(REPOSITORY, "flows", flow), join(this.folder, "flows", flow), { recursive: true });
    }
    for (const [name, text] of [["payment", PAYMENT], ["nightly-report", NIGHTLY]]) {
      mkdirSync(join(this.folder, "flows", name), { recursive: true });
      writeFileSync(join(this.folder, "flows", name, "flow.yaml"), text);
    }
    const environment = readFileSync(join(REPOSITORY, "environments/dev.yaml"), "utf8")
      .replaceAll("127.0.0.1:9100", shop)
      .replace("environment: dev", "environment: test");
    mkdirSync(join(this.folder, "environments"));
    const fourEyes = "\nexceptions: { four_eyes: [discard] }\n";
    writeFileSync(join(this.folder, "environments/test.yaml"), environment + fourEyes);
    cpSync(join(REPOSITORY, "policy.yaml"), join(this.folder, "policy.yaml"));
  }

  async stop() {
    await this.browser?.close();
    for (const child of [this.host, this.shop]) {
      if (child && child.exitCode === null) {
        child.kill("SIGTERM");
        await once(child, "exit");
      }
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** A page for somebody: a browser of their own. */
  async visitor(options = {}) {
    const context = await this.browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
    context.setDefaultTimeout(PATIENCE);
    const page = await context.newPage();
    page.on("pageerror", (error) => {
      throw error;
    });
    return page;
  }

  /** Somebody with a browser of their own who has signed in by a one-time link. */
  async person(name, role, options = {}) {
    const command = ["admin", "invite", name, "--role", role, "--host", `unix:${this.socket}`, "--format", "json"];
    const { link } = JSON.parse(execFileSync(join(TARGET, "dowel"), command, { encoding: "utf8" }));
    const page = await this.visitor(options);
    const secret = new URL(link).searchParams.get("link");
    await page.goto(`${this.admin}/login?link=${encodeURIComponent(secret)}&next=/desk`);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.waitForURL("**/desk");
    return page;
  }

  async call(base, path, body, headers = {}) {
    const answer = await fetch(base + path, {
      method: body === undefined ? "GET" : "POST",
      headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
      body: body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body),
    });
    const text = await answer.text();
    return { status: answer.status, body: text && JSON.parse(text) };
  }

  /** The API, as the machine itself. */
  api(path, body) {
    const sent = body === undefined ? undefined : JSON.stringify(body);
    const headers = sent === undefined ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(sent) };
    const method = sent === undefined ? "GET" : "POST";
    return new Promise((done, fail) => {
      const asked = request({ socketPath: this.socket, path: `/api/v1${path}`, method, headers }, (answer) => {
        let text = "";
        answer.setEncoding("utf8");
        answer.on("data", (part) => (text += part));
        answer.on("end", () => done({ status: answer.statusCode, body: text && JSON.parse(text) }));
      });
      asked.on("error", fail);
      asked.end(sent);
    });
  }

  /** An order from the shop. */
  order(id, fields = {}) {
    const order = {
      order_id: id,
      customer_id: "C-1001",
      currency: "EUR",
      lines: [{ sku: "SKU-1", qty: 2, price: "49.95" }],
      ...fields,
    };
    return this.call(this.public, "/hooks/orders", order, { authorization: "Bearer hook-token" });
  }

  async switches(...rules) {
    await fetch(`${this.shopUrl}/switches`, {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ rules }),
    });
  }

  /** Asks until the answer is what is waited for. */
  async until(what, ask) {
    const end = Date.now() + PATIENCE;
    for (;;) {
      const found = await ask();
      if (found) return found;
      if (Date.now() > end) throw new Error(`did not happen in time: ${what}`);
      await new Promise((next) => setTimeout(next, 50));
    }
  }

  async settled(run) {
    return this.until(`the run ${run} comes to rest`, async () => {
      const { body } = await this.api(`/runs/${run}`);
      return ["pending", "running", "waiting", "compensating"].includes(body.status) ? undefined : body;
    });
  }

  openExceptions() {
    return this.api("/exceptions/groups").then(({ body }) => body.groups.reduce((sum, group) => sum + group.count, 0));
  }
}
