/** What makes a card the card of one gateway: the files of the folder `millrace/` on its boot partition. */
import { readFileSync } from 'node:fs';
import { edgeSchema } from '@millrace/edge/config.ts';
import { readYaml } from '@millrace/runtime/config.ts';
import { ConfigError, type ConfigMistake } from '@millrace/runtime/errors.ts';
import { parse, stringify } from 'yaml';
import type { GatewayRow } from './gateways.ts';
import { hostnameOf } from './hostname.ts';

export interface Credentials {
  readonly caPem: string;
  readonly certPem: string;
  readonly keyPem: string;
}

export const defaultSources: readonly unknown[] = [{ type: 'host', intervalMs: 1000 }];

/** Where the first boot puts what came on the boot partition. */
const tls = { ca: '/etc/millrace/tls/ca.pem', cert: '/etc/millrace/tls/cert.pem', key: '/etc/millrace/tls/key.pem' };

/** File names and contents. Those of `secretFiles` leave the boot partition at the first boot. */
export function identityFiles(
  row: GatewayRow,
  credentials: Credentials,
  sources: readonly unknown[] = defaultSources,
): ReadonlyMap<string, string> {
  const files = new Map([
    ['edge.yaml', stringify({ edge: edgeSection(row, sources) })],
    ['ca.pem', credentials.caPem],
    ['cert.pem', credentials.certPem],
    ['key.pem', credentials.keyPem],
    ['hostname', `${hostnameOf(row.gateway)}\n`],
    ['network.json', `${JSON.stringify(networkFile(row), null, 2)}\n`],
  ]);
  if (row.ssh_key !== '') files.set('authorized_keys', `${row.ssh_key}\n`);
  return files;
}

function edgeSection(row: GatewayRow, sources: readonly unknown[]): object {
  const { gateway, site, zone, lat, lon, broker } = row;
  return {
    gateway,
    site,
    zone,
    ...(lat === undefined ? {} : { lat, lon }),
    mqtt: { url: broker, ...(broker.startsWith('mqtts:') ? { tls } : {}) },
    outbox: { path: '/var/lib/millrace/outbox.db' },
    sources,
  };
}

function networkFile({ network, wifi_ssid: ssid, wifi_psk: psk, wifi_country: country }: GatewayRow): object {
  const { kind, ...fixed } = network;
  return { network: kind === 'dhcp' ? 'dhcp' : fixed, ...(ssid === '' ? {} : { wifi: { ssid, psk, country } }) };
}

/**
 * A list of sources, or a configuration whose `edge.sources` is one; the agent's own schema checks it here, as a mistake
 * found on a lamp post costs a ladder.
 * @throws {ConfigError}
 */
export function readSources(file: string): readonly unknown[] {
  const mistakes: ConfigMistake[] = [];
  let sources: unknown;
  let text = '';
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    // readYaml says it below.
  }
  const list: unknown = /^\s*(#.*\n|\n)*\s*[-[]/.test(text) ? parse(text) : undefined;
  if (Array.isArray(list)) sources = list;
  else {
    const { tree } = readYaml(file, '--sources', 'a list of sources, or a mapping with edge.sources', mistakes) ?? {};
    sources = (tree?.['edge'] as { sources?: unknown } | undefined)?.sources ?? tree?.['sources'];
  }
  if (mistakes.length === 0) {
    const result = edgeSchema.shape.sources.safeParse(sources);
    if (!result.success)
      for (const { path, message } of result.error.issues)
        mistakes.push({ key: ['sources', ...path].join('.'), place: file, message });
  }
  if (mistakes.length > 0) throw new ConfigError(mistakes);
  return sources as readonly unknown[];
}
