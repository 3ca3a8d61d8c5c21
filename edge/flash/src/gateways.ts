/** `gateways.csv`: one gateway a line, everything that its card is given. */
import { readFileSync } from 'node:fs';
import { isIPv4 } from 'node:net';
import { basename } from 'node:path';
import { ConfigError, type ConfigMistake, messageOf } from '@millrace/runtime/errors.ts';
import { type GatewayId, gatewayRule, isGatewayId } from '@millrace/wire/names.ts';
import { parse } from 'csv-parse/sync';
import { z } from 'zod';
import { hostnameOf } from './hostname.ts';

/** Beyond that it is another file: nobody flashes so many cards from one table. */
const maxBytes = 16 * 1024 * 1024;

const text = z.string().max(255, 'must be at most 255 characters');
const degrees = (limit: number) =>
  z
    .string()
    .regex(/^(-?\d+(\.\d+)?)?$/, `must be a number from −${limit} to ${limit}, or empty`)
    .transform(value => (value === '' ? undefined : Number(value)))
    .refine(
      value => value === undefined || Math.abs(value) <= limit,
      `must be a number from −${limit} to ${limit} (degrees, WGS 84)`,
    );

export type Network =
  | { readonly kind: 'dhcp' }
  | { readonly kind: 'static'; readonly address: string; readonly gateway: string; readonly dns: readonly string[] };

const networkRule = 'must be dhcp, or static:ADDRESS/PREFIX,ROUTER,DNS such as "static:10.1.0.7/24,10.1.0.1,10.1.0.1"';

function networkOf(value: string): Network | undefined {
  if (value === 'dhcp') return { kind: 'dhcp' };
  const [address = '', gateway = '', ...dns] = value.replace(/^static:/, '').split(/\s*,\s*/);
  const [ip = '', prefix = ''] = address.split('/');
  const isRight =
    value.startsWith('static:') &&
    [ip, gateway, ...dns].every(isIPv4) &&
    dns.length > 0 &&
    /^\d{1,2}$/.test(prefix) &&
    Number(prefix) >= 1 &&
    Number(prefix) <= 32;
  return isRight ? { kind: 'static', address, gateway, dns } : undefined;
}

const brokerRule = 'must be an address such as mqtts://bridge.example:8883, without a user';
const keyTypes = 'ssh-ed25519|ecdsa-sha2-nistp(256|384|521)|ssh-rsa|sk-ssh-ed25519@openssh.com';

const rowSchema = z
  .strictObject({
    gateway: z.custom<GatewayId>(value => typeof value === 'string' && isGatewayId(value), gatewayRule),
    site: text,
    zone: text,
    lat: degrees(90),
    lon: degrees(180),
    network: z.string().transform((value, context) => {
      const network = networkOf(value);
      if (network === undefined) context.addIssue({ code: 'custom', message: networkRule });
      return network ?? z.NEVER;
    }),
    wifi_ssid: z.string().refine(ssid => Buffer.byteLength(ssid) <= 32, 'must be at most 32 bytes (IEEE 802.11)'),
    // Printable ASCII, as IEEE 802.11 defines a pass-phrase.
    wifi_psk: z.string().regex(/^([ -~]{8,63})?$/, 'must be a WPA pass-phrase of 8 to 63 characters, or empty'),
    wifi_country: z.string().regex(/^([A-Z]{2})?$/, 'must be a country such as NZ, or empty'),
    broker: z.string().refine(url => /^mqtts?:\/\//.test(url) && URL.parse(url)?.username === '', brokerRule),
    ssh_key: z
      .string()
      .regex(
        new RegExp(`^((${keyTypes}) [A-Za-z0-9+/]{40,}={0,3}( [ -~]*)?)?$`),
        'must be a public key such as "ssh-ed25519 AAAA… name", or empty: then SSH is off',
      ),
  })
  .superRefine((row, context) => {
    const issue = (path: keyof typeof row, message: string) =>
      context.addIssue({ code: 'custom', path: [path], message });
    if ((row.lat === undefined) !== (row.lon === undefined))
      issue(row.lat === undefined ? 'lat' : 'lon', 'must be given too: lat and lon come together');
    if (row.wifi_ssid !== '') {
      if (row.wifi_psk === '') issue('wifi_psk', 'must be given for wifi_ssid: open networks are not for gateways');
      if (row.wifi_country === '') issue('wifi_country', 'must be given for wifi_ssid: the radio is off without it');
    } else if (row.wifi_psk !== '') issue('wifi_ssid', 'must be given for wifi_psk');
  });

export type GatewayRow = z.output<typeof rowSchema>;

const columns = Object.keys(rowSchema.shape) as (keyof GatewayRow)[];
const required: readonly (keyof GatewayRow)[] = ['gateway', 'broker'];
const defaults: Partial<Record<keyof GatewayRow, string>> = { network: 'dhcp' };

/** @throws {ConfigError} with every mistake, each with `file:line:column`, where a column is counted in fields. */
export function readGateways(file: string): readonly GatewayRow[] {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    throw ConfigError.of('--gateways', `cannot be read (${messageOf(error)})`, file);
  }
  if (bytes.length > maxBytes) throw ConfigError.of('--gateways', 'must be at most 16 MiB', file);
  return parseGateways(bytes, basename(file));
}

export function parseGateways(content: string | Buffer, name: string): readonly GatewayRow[] {
  let records: { record: string[]; info: { lines: number } }[];
  try {
    records = parse(content, {
      bom: true,
      info: true,
      trim: true,
      skip_empty_lines: true,
      relax_column_count: true,
      comment: '#',
      comment_no_infix: true,
      max_record_size: 16_384,
    }) as unknown as typeof records;
  } catch (error) {
    throw ConfigError.of('--gateways', `is no CSV (${messageOf(error)})`, name);
  }
  const [header, ...rows] = records;
  if (header === undefined) throw ConfigError.of('--gateways', `is empty: its columns are ${columns.join(',')}`, name);
  const titles = header.record.map(title => title.toLowerCase());
  const mistakes: ConfigMistake[] = [];
  for (const [i, title] of titles.entries()) {
    const place = `${name}:${header.info.lines}:${i + 1}`;
    if (!(columns as string[]).includes(title))
      mistakes.push({ key: title || 'column', place, message: `no such column: there are ${columns.join(', ')}` });
    else if (titles.indexOf(title) < i) mistakes.push({ key: title, place, message: 'the column is there twice' });
  }
  for (const title of required)
    if (!titles.includes(title))
      mistakes.push({ key: title, place: `${name}:${header.info.lines}`, message: 'the column is missing' });
  if (mistakes.length > 0) throw new ConfigError(mistakes);
  const gateways: GatewayRow[] = [];
  const seen = new Map<string, string>();
  for (const { record, info } of rows) {
    const at = (column: string) => `${name}:${info.lines}:${titles.indexOf(column) + 1}`;
    if (record.length > titles.length) {
      const message = `the line has ${record.length} fields, the header ${titles.length}: quote fields that hold a comma`;
      mistakes.push({ key: 'line', place: `${name}:${info.lines}:${titles.length + 1}`, message });
      continue;
    }
    const row = Object.fromEntries(
      columns.map(column => {
        const value = titles.includes(column) ? (record[titles.indexOf(column)] ?? '') : '';
        return [column, value === '' ? (defaults[column] ?? '') : value];
      }),
    ) as Record<keyof GatewayRow, string>;
    const result = rowSchema.safeParse(row);
    if (!result.success)
      for (const { path, message } of result.error.issues) {
        const column = path[0] as keyof GatewayRow;
        const shown =
          column === 'wifi_psk' ? '' : row[column] === '' ? '; it is empty' : `; it is '${row[column].slice(0, 60)}'`;
        mistakes.push({ key: column, place: at(column), message: message + shown });
      }
    if (!isGatewayId(row.gateway)) continue;
    // By host name: it is the stricter one, as it knows no underscore.
    const hostname = hostnameOf(row.gateway);
    const before = seen.get(hostname);
    if (before !== undefined)
      mistakes.push({
        key: 'gateway',
        place: at('gateway'),
        message: `must be unique: ${before} has the same host name`,
      });
    seen.set(hostname, `line ${info.lines}`);
    if (result.success) gateways.push(result.data);
  }
  if (rows.length === 0) mistakes.push({ key: '--gateways', place: name, message: 'has no gateway below its header' });
  if (mistakes.length > 0) throw new ConfigError(mistakes);
  return gateways;
}
