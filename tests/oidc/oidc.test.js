// People sign in at a real OpenID Connect provider, with a real `dowel serve`.
// Run by `cargo xtask test oidc`.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import Provider from "oidc-provider";

const SECRET = "client-secret-of-the-test";
const POLICY = `
groups: { finance: [] }
roles: [{ role: operator, groups: [finance] }]
identity_groups: { finance: [idp-finance] }
`;
const PEOPLE = {
  ana: { email: "ana@example.com", email_verified: true, groups: ["idp-finance"] },
  eve: { email: "ana@example.com", email_verified: false, groups: ["idp-finance"] },
  oto: { email: "oto@example.com", email_verified: true, groups: [] },
};

/** For whom tokens of programs are made. */
const AUDIENCE = "https://flows.example.com";
const OTHER = "https://other.example.com";

const world = {};

/** A key that the provider signs with. */
function key(kid) {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return { ...privateKey.export({ format: "jwk" }), kid, use: "sig", alg: "RS256" };
}

/** A token of a program, by the client credentials grant. */
async function tokenOf(client, resource = AUDIENCE) {
  const response = await fetch(`${world.issuer}/token`, {
    method: "POST",
    headers: { authorization: `Basic ${Buffer.from(`${client}:${SECRET}`).toString("base64")}` },
    body: new URLSearchParams({ grant_type: "client_credentials", resource }),
  });
  const answer = await response.json();
  assert.ok(answer.access_token, JSON.stringify(answer));
  return answer.access_token;
}

/** What the host says to a bearer token. */
async function me(token) {
  const headers = { authorization: `Bearer ${token}` };
  const response = await fetch(`${world.admin}/api/v1/me`, { headers });
  return { status: response.status, body: await response.json() };
}

/** A token with other contents and the old signature. */
function changed(token, change) {
  const [header, payload, signature] = token.split(".");
  const claims = JSON.parse(Buffer.from(payload, "base64url"));
  const changed = Buffer.from(JSON.stringify({ ...claims, ...change })).toString("base64url");
  return [header, changed, signature].join(".");
}

/** What a browser keeps. */
class Browser {
  cookies = new Map();

  async get(url, form) {
    const jar = [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const headers = { cookie: jar };
    const options = { headers, redirect: "manual" };
    if (form) {
      options.method = "POST";
      options.body = new URLSearchParams(form);
    }
    const response = await fetch(url, options);
    for (const cookie of response.headers.getSetCookie()) {
      const [pair] = cookie.split(";");
      const at = pair.indexOf("=");
      const value = pair.slice(at + 1);
      if (value && !/expires=Thu, 01 Jan 1970/i.test(cookie)) {
        this.cookies.set(pair.slice(0, at), value);
      } else {
        this.cookies.delete(pair.slice(0, at));
      }
    }
    return response;
  }

  /** Follows redirects, fills the provider's forms, and stops where the host has answered. */
  async signIn(person) {
    let response = await this.get(`${world.admin}/login/oidc?next=/there`);
    let url = world.admin;
    for (let step = 0; step < 20; step += 1) {
      if (response.status >= 300 && response.status < 400) {
        url = new URL(response.headers.get("location"), url).href;
        world.last = url;
        if (url === `${world.admin}/there`) {
          return { status: 303 };
        }
        response = await this.get(url);
      } else if (url.startsWith(world.issuer) && response.status === 200) {
        const page = await response.text();
        const prompt = page.includes('value="login"') ? "login" : "consent";
        const action = page.match(/action="([^"]+)"/)[1];
        url = new URL(action, url).href;
        response = await this.get(url, { prompt, login: person, password: "x" });
      } else {
        return { status: response.status, text: await response.text() };
      }
    }
    throw new Error("the login does not end");
  }
}

function machine(client_id) {
  const nothing = { redirect_uris: [], response_types: [] };
  return { client_id, client_secret: SECRET, grant_types: ["client_credentials"], ...nothing };
}

function provider(issuer, redirect, keys) {
  return new Provider(issuer, {
    clients: [
      { client_id: "dowel", client_secret: SECRET, redirect_uris: [redirect] },
      machine("ci"),
      machine("stranger"),
    ],
    jwks: { keys },
    features: {
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_, audience) => ({
          audience,
          scope: "",
          accessTokenTTL: 300,
          accessTokenFormat: "jwt",
        }),
      },
    },
    extraTokenClaims: (_, token) => ({ groups: token.clientId === "ci" ? ["idp-finance"] : [] }),
    claims: {
      openid: ["sub"],
      email: ["email", "email_verified"],
      groups: ["groups"],
    },
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    cookies: { keys: ["key-of-the-test"] },
    findAccount: (_, id) => ({ accountId: id, claims: async () => ({ sub: id, ...PEOPLE[id] }) }),
  });
}

function dowel(...arguments_) {
  return execFileSync(process.env.DOWEL, arguments_, { encoding: "utf8" });
}

before(async () => {
  const server = http.createServer();
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  world.server = server;
  world.issuer = `http://127.0.0.1:${server.address().port}`;
  world.folder = mkdtempSync(join(tmpdir(), "dowel-oidc-"));
  const repo = world.folder;
  for (const folder of ["flows", "environments", ".dowel/connectors"]) {
    mkdirSync(join(repo, folder), { recursive: true });
  }
  writeFileSync(join(repo, "environments/test.yaml"), "environment: test\n");
  writeFileSync(join(repo, "policy.yaml"), POLICY);
  const options = ["serve", "--repo", repo, "--env", "test", "--oidc-issuer", world.issuer];
  options.push("--oidc-audience", AUDIENCE);
  const ports = ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
  world.host = spawn(process.env.DOWEL, [...options, ...ports], {
    env: { ...process.env, DOWEL_SECRET_OIDC_CLIENT_SECRET: SECRET, DOWEL_LOG: "error" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  for await (const line of createInterface({ input: world.host.stdout })) {
    world.admin = line.match(/admin=(\S+)/)[1];
    world.socket = line.match(/socket=(\S+)/)[1];
    break;
  }
  world.signsWith = (...keys) => {
    const callback = provider(world.issuer, `${world.admin}/login/callback`, keys).callback();
    server.removeAllListeners("request").on("request", callback);
  };
  world.signsWith(key("first"));
});

after(() => {
  world.host?.kill();
  world.server?.close();
  world.server?.closeAllConnections();
  rmSync(world.folder, { recursive: true, force: true });
});

test("nobody comes in before the machine has said who the first admin is", async () => {
  const response = await new Browser().get(`${world.admin}/login/oidc`);
  assert.equal(response.status, 401);
  assert.match(await response.text(), /DWL-5061/);
  dowel("admin", "invite", "root@example.com", "--role", "admin", "--host", `unix:${world.socket}`);
});

test("a person signs in, and the groups of the provider give roles", async () => {
  const browser = new Browser();
  assert.deepEqual(await browser.signIn("ana"), { status: 303 });
  const me = await (await browser.get(`${world.admin}/api/v1/me`)).json();
  assert.equal(me.id, "ana@example.com");
  assert.deepEqual(me.roles, ["operator"]);
});

test("who has no role stays outside", async () => {
  const { status, text } = await new Browser().signIn("oto");
  assert.equal(status, 401);
  assert.match(text, /DWL-5079/);
});

test("an address that the provider has not verified is nobody's name", async () => {
  const { status, text } = await new Browser().signIn("eve");
  assert.equal(status, 401);
  assert.match(text, /email_verified|not verified/);
});

test("a code of another login is refused", async () => {
  const browser = new Browser();
  await browser.get(`${world.admin}/login/oidc`);
  const state = browser.cookies.get("dowel-login");
  const response = await browser.get(`${world.admin}/login/callback?code=forged&state=${state}`);
  assert.equal(response.status, 401);
  assert.match(await response.text(), /refused the code/);
});

test("an answer without its browser is refused", async () => {
  const first = new Browser();
  await first.get(`${world.admin}/login/oidc`);
  const state = first.cookies.get("dowel-login");
  const other = await new Browser().get(`${world.admin}/login/callback?code=x&state=${state}`);
  assert.equal(other.status, 401);
});

test("a program calls with a token of the provider, and its groups give roles", async () => {
  const { status, body } = await me(await tokenOf("ci"));
  assert.equal(status, 200, JSON.stringify(body));
  assert.equal(body.id, "client:ci");
  assert.deepEqual(body.roles, ["operator"]);
  const stranger = await me(await tokenOf("stranger"));
  assert.equal(stranger.status, 200);
  assert.deepEqual(stranger.body.roles, []);
  const audit = await fetch(`${world.admin}/api/v1/runs`, {
    headers: { authorization: `Bearer ${await tokenOf("stranger")}` },
  });
  assert.equal(audit.status, 403);
});

test("a token that is not the provider's, or not for this host, does not count", async () => {
  const token = await tokenOf("ci");
  const [, payload] = token.split(".");
  const none = Buffer.from(JSON.stringify({ alg: "none", kid: "first" })).toString("base64url");
  const refused = {
    "another group": changed(token, { groups: ["idp-finance", "admins"] }),
    "another issuer": changed(token, { iss: "https://evil.example" }),
    "no signature": `${none}.${payload}.`,
    "another audience": await tokenOf("ci", OTHER),
    "no token": "eyJhbGciOiJSUzI1NiJ9.e30.AAAA",
  };
  for (const [what, sent] of Object.entries(refused)) {
    const { status, body } = await me(sent);
    assert.equal(status, 401, `${what}: ${JSON.stringify(body)}`);
    assert.equal(body.code, "DWL-5064", what);
  }
});

test("the provider exchanges its key, and tokens of the old one end", async () => {
  const old = await tokenOf("ci");
  assert.equal((await me(old)).status, 200);
  world.signsWith(key("second"));
  const fresh = await tokenOf("ci");
  const patience = Date.now() + 60_000;
  let answer = await me(fresh);
  while (answer.status !== 200 && Date.now() < patience) {
    await new Promise((done) => setTimeout(done, 3_000));
    answer = await me(fresh);
  }
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  assert.equal((await me(old)).status, 401);
});
