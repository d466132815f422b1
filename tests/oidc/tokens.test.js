// Connections that ask a real authorization server for access tokens: for themselves, and
// by the consent of a person. Run by `cargo xtask test oidc`.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import Provider from "oidc-provider";

const run = promisify(execFile);
const SECRET = "client-secret:of/the+test";
const world = { asked: [], heard: [] };

async function listen(server) {
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return `http://127.0.0.1:${server.address().port}`;
}

function provider(issuer) {
  const built = new Provider(issuer, {
    clients: [
      {
        client_id: "machine",
        client_secret: SECRET,
        grant_types: ["client_credentials"],
        redirect_uris: [],
        response_types: [],
      },
      {
        client_id: "person",
        client_secret: SECRET,
        application_type: "native",
        grant_types: ["authorization_code", "refresh_token"],
        redirect_uris: ["http://127.0.0.1/callback"],
        token_endpoint_auth_method: "client_secret_post",
      },
    ],
    features: { clientCredentials: { enabled: true } },
    pkce: { required: () => true },
    // Who sends a refresh token a second time loses the consent.
    rotateRefreshToken: true,
    ttl: { AccessToken: 3600, ClientCredentials: 3600, RefreshToken: 86400 },
    cookies: { keys: ["key-of-the-test"] },
    findAccount: (_, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
  });
  built.on("grant.success", (ctx) => world.asked.push(ctx.oidc.params.grant_type));
  built.on("grant.error", (ctx, error) => world.asked.push(error.error));
  return built;
}

/** An API that asks the provider what it thinks of the token. */
async function api(request, response) {
  const token = (request.headers.authorization ?? "").replace("Bearer ", "");
  const { AccessToken, ClientCredentials } = world.provider;
  const found = (await AccessToken.find(token)) ?? (await ClientCredentials.find(token));
  const status = found?.isValid ? 200 : 401;
  world.heard.push({ status, who: found?.accountId ?? found?.clientId, token });
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify({ who: found?.accountId ?? found?.clientId ?? null, token }));
}

/** What a person does in the browser: signs in, agrees, and comes back. */
async function browse(url) {
  const cookies = new Map();
  let form;
  for (let step = 0; step < 20; step += 1) {
    const jar = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const options = { headers: { cookie: jar }, redirect: "manual" };
    if (form) {
      options.method = "POST";
      options.body = new URLSearchParams(form);
      form = undefined;
    }
    const response = await fetch(url, options);
    for (const cookie of response.headers.getSetCookie()) {
      const [pair] = cookie.split(";");
      const at = pair.indexOf("=");
      cookies.set(pair.slice(0, at), pair.slice(at + 1));
    }
    if (response.status >= 300 && response.status < 400) {
      url = new URL(response.headers.get("location"), url).href;
      continue;
    }
    const page = await response.text();
    if (!url.startsWith(world.issuer)) {
      return page;
    }
    const action = page.match(/action="([^"]+)"/);
    assert.ok(action, page);
    const prompt = page.includes('value="login"') ? "login" : "consent";
    url = new URL(action[1], url).href;
    form = { prompt, login: "ana", password: "x" };
  }
  throw new Error("the consent does not end");
}

function environment() {
  const connection = (name, auth) => `
  ${name}:
    connector: http
    config: { base_url: '${world.api}' }
    auth: { ${auth}, origins: ['${world.api}'] }
    allow: ['* ${world.api}/*']
    private_addresses: [127.0.0.1/32]`;
  const token = `token_url: '${world.issuer}/token'`;
  const client = (id) => `client_id: { secret: ${id} }, client_secret: { secret: word }`;
  return `environment: test
secrets: { age: { file: secrets.age, identity_file: identity } }
connections:${connection("machine", `oauth2_client_credentials: { ${token}, ${client("machine")} }`)}${connection(
    "person",
    `oauth2_authorization_code: { authorization_url: '${world.issuer}/auth?prompt=consent', ${token},
             ${client("person")}, client_in: body, refresh_token: { secret: person_refresh },
             scopes: [openid, offline_access], owner: ana@example.com }`,
  )}
`;
}

const env = { ...process.env, DOWEL_LOG: "error" };

function dowel(...arguments_) {
  const all = [...arguments_, "--repo", world.folder, "--env", "test"];
  return run(process.env.DOWEL, all, { env });
}

async function call(connection) {
  const { stdout } = await dowel("connector", "call", `${connection}.get`, "--with", '{"path":"me"}', "--format", "json");
  assert.ok(!stdout.includes(world.heard.at(-1).token), "the token is shown");
  return JSON.parse(stdout);
}

async function set(name, value) {
  const child = spawn(process.env.DOWEL, ["secret", "set", name, "--repo", world.folder, "--env", "test"], { env });
  child.stdin.end(value);
  const code = await new Promise((done) => child.on("exit", done));
  assert.equal(code, 0);
}

/** `dowel connection authorize`, with what the person sees in the end. */
async function authorize() {
  const all = ["connection", "authorize", "person", "--repo", world.folder, "--env", "test"];
  const child = spawn(process.env.DOWEL, all, { env, stdio: ["ignore", "pipe", "pipe"] });
  const exit = new Promise((done) => child.on("exit", done));
  let page;
  for await (const line of createInterface({ input: child.stderr })) {
    if (line.startsWith("http")) {
      page = await browse(line);
    }
  }
  return { page, code: await exit };
}

before(async () => {
  world.folder = mkdtempSync(join(tmpdir(), "dowel-tokens-"));
  const server = http.createServer();
  world.issuer = await listen(server);
  world.provider = provider(world.issuer);
  server.on("request", world.provider.callback());
  const upstream = http.createServer(api);
  world.api = await listen(upstream);
  world.servers = [server, upstream];
  for (const folder of ["flows", "environments", ".dowel"]) {
    mkdirSync(join(world.folder, folder), { recursive: true });
  }
  cpSync(process.env.CONNECTORS, join(world.folder, ".dowel/connectors"), { recursive: true });
  writeFileSync(join(world.folder, "environments/test.yaml"), environment());
  await dowel("secret", "init");
  await set("machine", "machine");
  await set("person", "person");
  await set("word", SECRET);
});

after(() => {
  for (const server of world.servers ?? []) {
    server.close();
    server.closeAllConnections();
  }
  rmSync(world.folder, { recursive: true, force: true });
});

test("a connection asks for a token for itself", async () => {
  await call("machine");
  assert.deepEqual(world.asked, ["client_credentials"]);
  assert.equal(world.heard.at(-1).status, 200);
  assert.equal(world.heard.at(-1).who, "machine");
});

test("without consent the error says who has to do what", async () => {
  const failure = await dowel("connector", "call", "person.get", "--with", '{"path":"me"}').catch((error) => error);
  const said = `${failure.stdout}${failure.stderr}`;
  assert.match(said, /DWL-2216/);
  assert.match(said, /ana@example.com has to run `dowel connection authorize person`/);
});

test("a person gives consent, and every new refresh token is kept encrypted", async () => {
  const { page, code } = await authorize();
  assert.match(page, /Consent was given/);
  assert.equal(code, 0);
  world.asked.length = 0;
  for (let time = 0; time < 3; time += 1) {
    await call("person");
    assert.equal(world.heard.at(-1).status, 200);
    assert.equal(world.heard.at(-1).who, "ana");
  }
  // Each call is a process of its own, and uses what the one before has stored.
  assert.deepEqual(world.asked, ["refresh_token", "refresh_token", "refresh_token"]);
  const kept = readFileSync(join(world.folder, "secrets.age"), "utf8");
  assert.match(kept, /^-----BEGIN AGE ENCRYPTED FILE-----/);
});

test("a consent that was taken back is an error with an owner", async () => {
  await set("person_refresh", "no-token-of-this-server");
  const failure = await dowel("connector", "call", "person.get", "--with", '{"path":"me"}').catch((error) => error);
  const said = `${failure.stdout}${failure.stderr}`;
  assert.match(said, /DWL-2216/);
  assert.match(said, /invalid_grant/);
  assert.ok(!said.includes("no-token-of-this-server"));
});
