/** Logging in and out: `/api/session`. */
import cookies, { type CookieSerializeOptions } from '@fastify/cookie';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { type Session, sessionAnswer } from '../answers.ts';
import { type Answers, RequestError } from '../http.ts';
import { loginBody, noParameters } from '../parameters.ts';
import { type Access, isOwnPage, sessionCookie } from './guard.ts';
import type { Trip } from './oidc.ts';
import type { Identity } from './sessions.ts';

const tripCookie = 'millrace_login';
const tripSeconds = 600;
const open = ['/api/session', '/api/session/oidc', '/api/session/oidc/callback'];

declare module 'fastify' {
  interface FastifyRequest {
    who: { readonly user: string | null; readonly role: 'viewer' | 'operator' } | undefined;
  }
}

/** Every request under `/api/` is asked who it is from; what is not about logging in needs an answer. */
export async function addAccess(
  server: FastifyInstance,
  access: Access,
  answers: Answers,
  loginsPerMinute: number,
): Promise<void> {
  await server.register(cookies);
  server.decorateRequest('who', undefined);
  server.addHook('onRequest', async request => {
    const path = request.url.split('?', 1)[0]!;
    if (!path.startsWith('/api/')) return;
    request.who = await access.identify(request);
    if (request.method !== 'GET' && request.method !== 'HEAD' && !isOwnPage(request))
      throw new RequestError(403, 'This comes from another page.');
    if (request.who === undefined && !open.includes(path)) throw new RequestError(401, 'Log in to see this.');
  });

  const login: Session['login'] = [
    ...(access.users === undefined ? [] : ['password' as const]),
    ...(access.oidc === undefined ? [] : ['oidc' as const]),
  ];
  const sessionOf = (who: FastifyRequest['who']): Session => ({
    user: who?.user ?? null,
    role: who?.role ?? null,
    login,
  });
  const enter = async (request: FastifyRequest, reply: FastifyReply, identity: Identity): Promise<void> => {
    const seal = await access.sealer.seal({ purpose: 'session', ...identity }, access.sessionSeconds);
    reply.setCookie(sessionCookie, seal, { ...cookieOf(request), maxAge: access.sessionSeconds });
  };
  const schema = { tags: ['session'], response: answers(sessionAnswer) };
  const limited = { rateLimit: { max: loginsPerMinute, timeWindow: 60_000 } };

  server.get('/api/session', { schema: { ...schema, summary: 'Who asks', querystring: noParameters } }, async request =>
    sessionOf(request.who),
  );
  server.post(
    '/api/session',
    { schema: { ...schema, summary: 'Log in', body: loginBody }, config: limited },
    async (request, reply) => {
      const { user, password } = request.body as z.output<typeof loginBody>;
      const role = await access.users?.check(user, password);
      if (role === undefined) throw new RequestError(401, 'The name or the password is wrong.');
      await enter(request, reply, { user, role, by: 'password' });
      return sessionOf({ user, role });
    },
  );
  server.delete('/api/session', { schema: { ...schema, summary: 'Log out' } }, async (request, reply) => {
    reply.clearCookie(sessionCookie, cookieOf(request));
    return { user: null, role: null, login };
  });

  const { oidc } = access;
  if (oidc === undefined) return;
  server.get('/api/session/oidc', { schema: { hide: true }, config: limited }, async (request, reply) => {
    const { url, trip } = await oidc.begin();
    const seal = await access.sealer.seal({ purpose: 'trip', ...trip }, tripSeconds);
    reply.setCookie(tripCookie, seal, { ...cookieOf(request), maxAge: tripSeconds });
    return reply.redirect(url.href);
  });
  server.get('/api/session/oidc/callback', { schema: { hide: true }, config: limited }, async (request, reply) => {
    const trip = await access.sealer.open(request.cookies[tripCookie], 'trip');
    reply.clearCookie(tripCookie, cookieOf(request));
    if (trip === undefined)
      throw new RequestError(400, 'This login has taken too long, or began elsewhere; begin again.');
    const who = await oidc.finish(new URL(request.url, 'http://callback'), trip as unknown as Trip);
    if (who === undefined)
      throw new RequestError(403, 'The identity provider knows you, and this dashboard lets you not in.');
    await enter(request, reply, { ...who, by: 'oidc' });
    return reply.redirect('/');
  });
}

/** Lax: the way back from the identity provider comes from another page, and carries it. */
function cookieOf(request: FastifyRequest): CookieSerializeOptions {
  return { path: '/', httpOnly: true, sameSite: 'lax', secure: request.protocol === 'https' };
}
