/** Everything that can be wrong with Node-RED is found before the agent starts. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { isIPv6 } from 'node:net';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ConfigSource } from '@millrace/runtime/config.ts';
import { ConfigError } from '@millrace/runtime/errors.ts';
import type { GatewayId } from '@millrace/wire/names.ts';
import type { NodeRedConfig } from './config.ts';
import { prepareFolder } from './folder.ts';

export interface NodeRed {
  /** Node-RED's own main file. */
  readonly redFile: string;
  readonly settingsFile: string;
  readonly address: string;
  readonly user: string;
  /** Made just now, to be said once. */
  readonly newPassword: string | undefined;
}

/** Of the palette and of Node-RED, which have a lock file of their own. */
const palette = fileURLToPath(import.meta.resolve('../../node-red/'));

/**
 * Node-RED's settings and secrets, made and checked; undefined when it is not asked for.
 * @throws {ConfigError} when Node-RED is not installed, the door is shut, or the credential secret is not that of the flows' credentials.
 */
export function prepareNodeRed(
  edge: {
    readonly gateway: GatewayId;
    readonly nodeRed: NodeRedConfig;
    readonly local: { readonly enabled: boolean };
  },
  source: ConfigSource,
): NodeRed | undefined {
  const { gateway, nodeRed } = edge;
  if (!nodeRed.enabled) return undefined;
  if (!edge.local.enabled)
    throw ConfigError.of('edge.nodeRed.enabled', 'needs the local door: edge.local.enabled must not be false');
  const redFile = join(palette, 'node_modules', 'node-red', 'red.js');
  if (!existsSync(redFile) || !existsSync(join(palette, 'dist', 'agent.js')))
    throw ConfigError.of('edge.nodeRed.enabled', 'Node-RED is not installed: npm --prefix edge/node-red ci');
  const { hashSync } = createRequire(redFile)('bcryptjs') as { hashSync: (password: string, rounds: number) => string };
  const folder = resolve(join(source.env['MILLRACE_HOME'] ?? '.millrace', 'edge', gateway, 'node-red'));
  const prepared = prepareFolder(nodeRed, { folder, palette, hash: password => hashSync(password, 10) });
  const { host, port, user } = nodeRed;
  return { redFile, user, address: `http://${isIPv6(host) ? `[${host}]` : host}:${port}/`, ...prepared };
}
