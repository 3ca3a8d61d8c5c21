/** Login at the city's identity provider: OpenID Connect, authorization code flow with PKCE (RFC 7636). */
import { ConfigError, messageOf, TransientError } from '@millrace/runtime/errors.ts';
import {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  type Configuration,
  calculatePKCECodeChallenge,
  discovery,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
} from 'openid-client';
import { z } from 'zod';
import type { Role } from '../answers.ts';

export const oidcSchema = z.strictObject({
  /** Address of the provider, to which `/.well-known/openid-configuration` is added. */
  issuer: z.url({ protocol: /^https?$/, error: 'must be an http(s) URL' }),
  clientId: z.string().min(1),
  clientSecret: z.string().min(1),
  /** Where the browser comes back to, as the provider knows it: `https://dashboard.example/api/session/oidc/callback`. */
  redirectUrl: z.url({ protocol: /^https?$/, error: 'must be an http(s) URL' }),
  scope: z.string().default('openid profile email'),
  /** The claim that holds the user's groups or roles: a text, or a list of them. */
  claim: z.string().default('groups'),
  /** Values of the claim that make an operator. Everybody else whom the provider lets in is a viewer … */
  operators: z.array(z.string()).default([]),
  /** … or, when this is given, only those with one of these values. */
  viewers: z.array(z.string()).optional(),
});
export type OidcConfig = z.output<typeof oidcSchema>;

/** What must be remembered between the way there and the way back. */
export interface Trip {
  readonly verifier: string;
  readonly state: string;
  readonly nonce: string;
}

export interface Oidc {
  begin(): Promise<{ readonly url: URL; readonly trip: Trip }>;
  /** Undefined: the provider let the user in, and the configuration does not. @throws {TransientError} */
  finish(callback: URL, trip: Trip): Promise<{ readonly user: string; readonly role: Role } | undefined>;
}

export function openOidc(config: OidcConfig): Oidc {
  const redirect = new URL(config.redirectUrl);
  let provider: Promise<Configuration> | undefined;
  // Asked for at the first login and not at the start: the dashboard shows what it has while the provider is away.
  const discovered = (): Promise<Configuration> => {
    const insecure = new URL(config.issuer).protocol === 'http:' ? { execute: [allowInsecureRequests] } : {};
    provider ??= discovery(new URL(config.issuer), config.clientId, config.clientSecret, undefined, insecure);
    provider.catch(() => (provider = undefined));
    return provider;
  };
  return {
    async begin() {
      const trip = { verifier: randomPKCECodeVerifier(), state: randomState(), nonce: randomNonce() };
      const url = buildAuthorizationUrl(await reached(discovered()), {
        redirect_uri: redirect.href,
        scope: config.scope,
        code_challenge: await calculatePKCECodeChallenge(trip.verifier),
        code_challenge_method: 'S256',
        state: trip.state,
        nonce: trip.nonce,
      });
      return { url, trip };
    },
    async finish(callback, { verifier, state, nonce }) {
      const url = new URL(redirect);
      url.search = callback.search;
      const tokens = await reached(
        authorizationCodeGrant(await discovered(), url, {
          pkceCodeVerifier: verifier,
          expectedState: state,
          expectedNonce: nonce,
          idTokenExpected: true,
        }),
      );
      const claims = tokens.claims()!;
      const role = roleOf(claims[config.claim], config);
      const user = [claims['preferred_username'], claims['email'], claims.sub].find(name => typeof name === 'string');
      return role === undefined ? undefined : { user: String(user), role };
    },
  };
}

async function reached<T>(step: Promise<T>): Promise<T> {
  try {
    return await step;
  } catch (error) {
    throw new TransientError(`The login at the identity provider failed: ${messageOf(error)}`);
  }
}

function roleOf(claim: unknown, { operators, viewers }: OidcConfig): Role | undefined {
  const values = (Array.isArray(claim) ? claim : [claim]).filter(value => typeof value === 'string');
  if (values.some(value => operators.includes(value))) return 'operator';
  if (viewers === undefined || values.some(value => viewers.includes(value))) return 'viewer';
  return undefined;
}

/** A login over plain HTTP shows everybody on the way who is logged in. @throws {ConfigError} */
export function checkOidc({ issuer, redirectUrl }: OidcConfig): void {
  for (const [key, url] of [
    ['issuer', issuer],
    ['redirectUrl', redirectUrl],
  ] as const) {
    const { protocol, hostname } = new URL(url);
    if (protocol === 'http:' && !['127.0.0.1', 'localhost', '[::1]'].includes(hostname))
      throw ConfigError.of(`dashboard.access.oidc.${key}`, 'must be https, except on this machine');
  }
}
