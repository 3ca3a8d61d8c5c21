/** Who may see and do what: no login, public, users of a file, an identity provider; in front of the real QuestDB. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request as httpRequest } from 'node:http';
import { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { sharedStack } from '@millrace/stack/testing.ts';
import { stringify } from 'yaml';
import {
  createTables,
  eventually,
  failingDashboard,
  insert,
  type QuestdbAddresses,
  type RunningDashboard,
  startDashboard,
} from '../test/running.ts';
import { hashPassword, isPassword } from './access/passwords.ts';
import type { Alert, Session } from './answers.ts';

const gateway = `door-${randomBytes(4).toString('hex')}`;
const alert = `${gateway}/1`;
const folder = mkdtempSync(join(tmpdir(), 'millrace-access-'));
const file = join(folder, 'users.yaml');
let questdb: QuestdbAddresses;
let dashboard: RunningDashboard;

before(async () => {
  ({ questdb } = await sharedStack());
  await createTables(questdb);
  await insert(
    questdb,
    `alerts,gateway=${gateway},sensor=s,metric=m,rule=hot,severity=CRITICAL,state=RAISED value=41,message="41 Cel",id="${alert}" ${(Date.now() - 60_000) * 1000}`,
    `alerts,gateway=${gateway},sensor=s,metric=m,rule=wet,severity=WARNING,state=RAISED value=1,message="wet",id="${alert}-wet" ${(Date.now() - 50_000) * 1000}`,
    `alerts,gateway=${gateway},sensor=s,metric=m,rule=wet,severity=WARNING,state=CLEARED value=0,message="dry",id="${alert}-wet" ${(Date.now() - 40_000) * 1000}`,
  );
  writeUsers({
    ada: { role: 'operator', password: await hashPassword('Analytical!') },
    bob: { role: 'viewer', password: await hashPassword('builder') },
  });
  dashboard = await startDashboard(questdb, { ACCESS__USERS: file, ACCESS__LOGINS_PER_MINUTE: '1000' });
});

after(async () => {
  await dashboard?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

const writeUsers = (users: unknown): void => writeFileSync(file, stringify(users));

interface Ask {
  readonly method?: string;
  readonly body?: unknown;
  readonly cookie?: string | undefined;
  readonly headers?: Record<string, string>;
}

function ask(url: string, path: string, { method = 'GET', body, cookie, headers = {} }: Ask = {}): Promise<Response> {
  return fetch(url + path, {
    method,
    redirect: 'manual',
    headers: {
      ...headers,
      ...(cookie !== undefined && { cookie }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
}

async function login(user: string, password: string, url = dashboard.url): Promise<string> {
  const response = await ask(url, '/api/session', { method: 'POST', body: { user, password } });
  assert.equal(response.status, 200, await response.clone().text());
  return cookieOf(response, 'millrace_session');
}

function cookieOf(response: Response, name: string): string {
  const header = response.headers.getSetCookie().find(text => text.startsWith(`${name}=`))!;
  assert.match(header, /HttpOnly; SameSite=Lax$|HttpOnly/);
  return header.split(';', 1)[0]!;
}

const acknowledge = (cookie: string | undefined, url = dashboard.url, headers: Record<string, string> = {}) =>
  ask(url, `/api/alerts/${encodeURIComponent(alert)}/acknowledgement`, {
    method: 'POST',
    body: { note: 'on my way' },
    cookie,
    headers,
  });

test('without a login nothing is shown but the way to log in', async () => {
  for (const path of [
    '/api/series',
    '/api/live',
    '/api/export?format=csv',
    '/api/outlines',
    '/api/openapi.json',
    '/api/nothing',
  ])
    assert.equal((await ask(dashboard.url, path)).status, 401, path);
  const session = (await (await ask(dashboard.url, '/api/session')).json()) as Session;
  assert.deepEqual(session, { user: null, role: null, login: ['password'] });
  const wrong = await ask(dashboard.url, '/api/session', {
    method: 'POST',
    body: { user: 'ada', password: 'builder' },
  });
  assert.deepEqual([wrong.status, wrong.headers.getSetCookie()], [401, []]);
  for (const user of ['nobody', '__proto__', 'constructor'])
    assert.equal(
      (await ask(dashboard.url, '/api/session', { method: 'POST', body: { user, password: 'x' } })).status,
      401,
    );
});

test('a viewer looks, an operator acknowledges, and everybody sees who did', async () => {
  const [ada, bob] = [await login('ada', 'Analytical!'), await login('bob', 'builder')];
  assert.equal((await ask(dashboard.url, '/api/series', { cookie: bob })).status, 200);
  assert.equal((await acknowledge(bob)).status, 403);
  assert.equal((await acknowledge(undefined)).status, 401);
  assert.equal((await acknowledge(ada)).status, 201);
  const own = async (query: string): Promise<Alert[]> => {
    const response = await ask(dashboard.url, `/api/alerts?gateway=${gateway}${query}`, { cookie: bob });
    return ((await response.json()) as { alerts: Alert[] }).alerts;
  };
  const [raised, ...rest] = await own('&state=raised');
  assert.equal(rest.length, 0);
  assert.deepEqual(
    [raised?.id, raised?.severity, raised?.value, raised?.acknowledged?.by, raised?.acknowledged?.note],
    [alert, 'critical', 41, 'ada', 'on my way'],
  );
  const cleared = await own('&state=cleared');
  assert.deepEqual(
    cleared.map(({ id, clearedAt, raisedAt, acknowledged }) => [id, clearedAt! - raisedAt!, acknowledged]),
    [[`${alert}-wet`, 10_000, null]],
  );
  assert.equal((await own('')).length, 2);
  assert.equal((await own('&severity=info')).length, 0);
  const missing = await ask(dashboard.url, '/api/alerts/none/acknowledgement', {
    method: 'POST',
    body: {},
    cookie: ada,
  });
  assert.equal(missing.status, 404);
});

test('a cookie that was changed, made elsewhere or logged out is nobody; a user who is taken out of the file is out', async () => {
  const bob = await login('bob', 'builder');
  const [name, value] = bob.split('=') as [string, string];
  const parts = value.split('.');
  parts[3] = Buffer.from(randomBytes(40)).toString('base64url');
  assert.equal((await ask(dashboard.url, '/api/series', { cookie: `${name}=${parts.join('.')}` })).status, 401);
  await using other = await startDashboard(questdb, { ACCESS__USERS: file });
  assert.equal((await ask(other.url, '/api/series', { cookie: bob })).status, 401);
  const out = await ask(dashboard.url, '/api/session', { method: 'DELETE', cookie: bob });
  assert.match(out.headers.getSetCookie()[0]!, /^millrace_session=;/);
  assert.equal((await ask(dashboard.url, '/api/series', { cookie: bob })).status, 200);
  writeUsers({ ada: { role: 'operator', password: await hashPassword('Analytical!') } });
  assert.equal((await ask(dashboard.url, '/api/series', { cookie: bob })).status, 401);
});

test('what changes something is taken from our own page only', async () => {
  const ada = await login('ada', 'Analytical!');
  assert.equal((await acknowledge(ada, dashboard.url, { origin: 'https://elsewhere.example' })).status, 403);
  assert.equal((await acknowledge(ada, dashboard.url, { 'sec-fetch-site': 'cross-site' })).status, 403);
  assert.equal((await acknowledge(ada, dashboard.url, { origin: new URL(dashboard.url).origin })).status, 201);
});

test('logins and requests of one address are limited', async () => {
  await using slow = await startDashboard(questdb, {
    ACCESS__USERS: file,
    ACCESS__LOGINS_PER_MINUTE: '3',
    ACCESS__REQUESTS_PER_MINUTE: '20',
  });
  const tries = [];
  for (let i = 0; i < 4; i++)
    tries.push(
      (await ask(slow.url, '/api/session', { method: 'POST', body: { user: 'ada', password: 'guess' } })).status,
    );
  assert.deepEqual(tries, [401, 401, 401, 429]);
  const asked = [];
  for (let i = 0; i < 25; i++) asked.push(await ask(slow.url, '/api/session'));
  assert.equal(asked[0]!.status, 200);
  const last = asked.at(-1)!;
  assert.equal(last.status, 429);
  assert.match(((await last.json()) as { error: string }).error, /more requests than one address may make/);
});

test('public: everybody looks, nobody changes anything; alone on this machine: its user is the operator', async () => {
  await using open = await startDashboard(questdb, { ACCESS__PUBLIC: 'true', HOST: '0.0.0.0' });
  const url = open.url.replace('0.0.0.0', '127.0.0.1');
  assert.equal((await ask(url, '/api/series')).status, 200);
  assert.equal((await acknowledge(undefined, url)).status, 403);
  await using alone = await startDashboard(questdb);
  const session = (await (await ask(alone.url, '/api/session')).json()) as Session;
  assert.deepEqual(session, { user: 'this machine', role: 'operator', login: [] });
  // A page elsewhere whose name leads to 127.0.0.1: fetch sets Host by itself, so this asks without it.
  const { port } = new URL(alone.url);
  const role = await new Promise<string>((resolve, reject) => {
    const headers = { host: `rebound.example:${port}` };
    httpRequest({ host: '127.0.0.1', port, path: '/api/session', headers }, response => {
      response.setEncoding('utf8').once('data', (text: string) => resolve((JSON.parse(text) as { role: string }).role));
    })
      .once('error', reject)
      .end();
  });
  assert.equal(role, 'viewer');
});

test('a start that would let everybody in unsaid, or nobody, or with a broken file of users, is refused', async () => {
  const reasons = await Promise.all(
    [
      { HOST: '0.0.0.0' },
      { ACCESS__PUBLIC: 'false' },
      { ACCESS__USERS: join(folder, 'none.yaml') },
      {
        ACCESS__USERS:
          (writeFileSync(join(folder, 'bad.yaml'), 'eve: { role: king, password: plain }'), join(folder, 'bad.yaml')),
      },
      { ACCESS__SESSION_KEY: 'short' },
    ].map(settings => failingDashboard(settings)),
  );
  assert.deepEqual(
    // A mistake in the configuration itself is told by the command line, which is not here: 1.
    reasons.map(({ code }) => code),
    [78, 78, 78, 78, 1],
  );
  const [exposed, shut, none, bad, key] = reasons.map(({ log }) => log) as [string, string, string, string, string];
  assert.match(exposed, /0\.0\.0\.0 can be reached from other machines: set users or oidc/);
  assert.match(shut, /neither users nor oidc/);
  assert.match(none, /none\.yaml cannot be read/);
  assert.match(bad, /eve\.role: must be one of viewer, operator; eve\.password: must be a hash/);
  assert.doesNotMatch(bad, /plain/);
  assert.match(key, /must be 32 bytes in base64/);
});

test('a password is known by its hash alone, and a hash that would cost too much is none', async () => {
  const hash = await hashPassword('Grüße');
  assert.equal(await isPassword('Gru\u0308ße', hash), true);
  assert.equal(await isPassword('Grusse', hash), false);
  assert.equal(await isPassword('x', hash.replace('$16384$', '$1073741824$')), false);
  assert.notEqual(hash, await hashPassword('Grüße'));
});

test('a login at an identity provider: who may is who the provider says, and a way back that was not begun here is refused', async () => {
  const port = await freePort();
  const issuer = `http://127.0.0.1:${port}`;
  const dashboardPort = await freePort();
  const redirectUrl = `http://127.0.0.1:${dashboardPort}/api/session/oidc/callback`;
  await using _provider = await startProvider(issuer, port, redirectUrl);
  await using city = await startDashboard(questdb, {
    PORT: String(dashboardPort),
    ACCESS__OIDC__ISSUER: issuer,
    ACCESS__OIDC__CLIENT_ID: 'millrace',
    ACCESS__OIDC__CLIENT_SECRET: 'a secret of the test',
    ACCESS__OIDC__REDIRECT_URL: redirectUrl,
    ACCESS__OIDC__SCOPE: 'openid groups',
    ACCESS__OIDC__OPERATORS: '[roads]',
    ACCESS__OIDC__VIEWERS: '[staff]',
  });
  assert.equal((await ask(city.url, '/api/series')).status, 401);
  const asUser = async (user: string): Promise<Response> => {
    const begin = await ask(city.url, '/api/session/oidc');
    assert.equal(begin.status, 302);
    const trip = cookieOf(begin, 'millrace_login');
    const back = await walkThroughLogin(begin.headers.get('location')!, user);
    assert.equal((await ask(city.url, back)).status, 400, 'without the cookie of the way there');
    return ask(city.url, back, { cookie: trip });
  };
  const operator = await asUser('roads');
  assert.equal(operator.status, 302, await operator.clone().text());
  const cookie = cookieOf(operator, 'millrace_session');
  const session = (await (await ask(city.url, '/api/session', { cookie })).json()) as Session;
  assert.deepEqual(session, { user: 'roads', role: 'operator', login: ['oidc'] });
  const viewer = cookieOf(await asUser('staff'), 'millrace_session');
  assert.equal(((await (await ask(city.url, '/api/session', { cookie: viewer })).json()) as Session).role, 'viewer');
  const stranger = await asUser('stranger');
  assert.equal(stranger.status, 403);
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise(resolve => server.close(resolve));
  return port;
}

/** `oidc-provider`, a certified implementation; its development pages take any name and no password. */
async function startProvider(issuer: string, port: number, redirectUrl: string): Promise<AsyncDisposable> {
  const { Provider } = await import('oidc-provider');
  const provider = new Provider(issuer, {
    clients: [{ client_id: 'millrace', client_secret: 'a secret of the test', redirect_uris: [redirectUrl] }],
    claims: { openid: ['sub'], groups: ['groups'] },
    conformIdTokenClaims: false,
    findAccount: (_context: unknown, id: string) => ({
      accountId: id,
      claims: () => ({ sub: id, groups: [id] }),
    }),
  });
  const server = provider.listen(port, '127.0.0.1');
  await eventually('the provider listens', async () => {
    const response = await fetch(`${issuer}/.well-known/openid-configuration`).catch(() => undefined);
    return response?.ok;
  });
  return {
    [Symbol.asyncDispose]: () =>
      new Promise<void>(resolve => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

/** What a browser does: follows redirects with the provider's cookies, and sends its forms. @returns path and query of the way back. */
async function walkThroughLogin(start: string, user: string): Promise<string> {
  const cookies = new Map<string, string>();
  let [url, body] = [start, undefined as URLSearchParams | undefined];
  for (let step = 0; step < 20; step++) {
    const response = await fetch(url, {
      method: body === undefined ? 'GET' : 'POST',
      redirect: 'manual',
      headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
      ...(body !== undefined && { body }),
    });
    for (const text of response.headers.getSetCookie()) {
      const [name, value] = text.split(';', 1)[0]!.split('=') as [string, string];
      cookies.set(name, value);
    }
    const location = response.headers.get('location');
    if (location !== null) {
      const next = new URL(location, url);
      if (next.pathname === '/api/session/oidc/callback') return next.pathname + next.search;
      [url, body] = [next.href, undefined];
      continue;
    }
    const html = await response.text();
    const action = /<form[^>]*action="([^"]+)"/.exec(html)?.[1];
    assert.ok(action, html.slice(0, 500));
    const fields = [...html.matchAll(/<input[^>]*type="hidden"[^>]*name="([^"]+)"[^>]*value="([^"]*)"/g)];
    body = new URLSearchParams(fields.map((match): [string, string] => [match[1]!, match[2]!]));
    if (html.includes('name="login"')) {
      body.set('login', user);
      body.set('password', 'any');
    }
    url = new URL(action.replaceAll('&amp;', '&'), url).href;
  }
  throw new Error(`the login did not come to its end; last at ${url}`);
}
