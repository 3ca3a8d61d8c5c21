/** Who asks, and whether they may. */
import { randomBytes } from 'node:crypto';
import { ConfigError } from '@millrace/runtime/errors.ts';
import type { Logger } from '@millrace/runtime/log.ts';
import type { FastifyRequest } from 'fastify';
import type { Role, Session } from '../answers.ts';
import type { AccessConfig } from '../config.ts';
import { checkOidc, type Oidc, openOidc } from './oidc.ts';
import { type Identity, identitySchema, openSealer, type Sealer } from './sessions.ts';
import { openUsers, type Users } from './users.ts';

export const sessionCookie = 'millrace_session';
const loopbackNames = new Set(['localhost', '127.0.0.1', '[::1]', '::1']);
/** Shown as who acknowledged an alert where there are no accounts. */
const thisMachine = 'this machine';

export interface Access {
  readonly users: Users | undefined;
  readonly oidc: Oidc | undefined;
  readonly sealer: Sealer;
  readonly sessionSeconds: number;
  /** Who asks; undefined: nobody we know, who may see nothing. */
  identify(request: FastifyRequest): Promise<(Pick<Session, 'user'> & { readonly role: Role }) | undefined>;
}

/** @throws {ConfigError} for what lets everybody in unsaid, or nobody. */
export function openAccess(config: AccessConfig, host: string, log: Logger): Access {
  const { users: file, oidc, public: open, sessionKey, sessionHours } = config;
  const hasLogin = file !== undefined || oidc !== undefined;
  const onLoopback = loopbackNames.has(host);
  if (!hasLogin && open === false)
    throw ConfigError.of('dashboard.access.public', 'is false, and neither users nor oidc says who may log in');
  if (!hasLogin && !onLoopback && open === undefined)
    throw ConfigError.of(
      'dashboard.access',
      `${host} can be reached from other machines: set users or oidc for a login, or public: true to show everything to everybody`,
    );
  if (oidc !== undefined) checkOidc(oidc);
  const users = file === undefined ? undefined : openUsers(file, message => log.warn(message));
  const sealer = openSealer(sessionKey === undefined ? randomBytes(32) : Buffer.from(sessionKey, 'base64'));
  const anonymous = (request: FastifyRequest): Role | undefined => {
    if (open === true) return 'viewer';
    if (hasLogin) return undefined;
    // Under another name it may be a page elsewhere whose name leads here (DNS rebinding): it may look and change nothing.
    return loopbackNames.has(request.hostname) ? 'operator' : 'viewer';
  };
  return {
    users,
    oidc: oidc === undefined ? undefined : openOidc(oidc),
    sealer,
    sessionSeconds: sessionHours * 3600,
    async identify(request) {
      const known = await identityOf(request, sealer, users);
      if (known !== undefined) return known;
      const role = anonymous(request);
      return role === undefined ? undefined : { user: role === 'operator' ? thisMachine : null, role };
    },
  };
}

/** Whom the cookie names; a user of the file has the role that the file gives now. */
async function identityOf(
  request: FastifyRequest,
  sealer: Sealer,
  users: Users | undefined,
): Promise<Identity | undefined> {
  const parsed = identitySchema.safeParse(await sealer.open(request.cookies[sessionCookie], 'session'));
  if (!parsed.success) return undefined;
  const { user, role, by } = parsed.data;
  if (by === 'oidc') return { user, role, by };
  const current = users?.roleOf(user);
  return current === undefined ? undefined : { user, role: current, by };
}

/** A page elsewhere may send a form here with the viewer's cookie; what changes something is taken from our own page only. */
export function isOwnPage(request: FastifyRequest): boolean {
  const site = request.headers['sec-fetch-site'];
  if (site !== undefined) return site === 'same-origin' || site === 'none';
  const { origin } = request.headers;
  if (origin === undefined) return true; // No browser.
  try {
    return new URL(origin).host === request.host;
  } catch {
    return false;
  }
}
