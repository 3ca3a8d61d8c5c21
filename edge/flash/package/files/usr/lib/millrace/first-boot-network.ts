/**
 * `first-boot-network.ts networkd|NetworkManager FILE`: FILE (network.json) as lines for first-boot, each of which puts one file.
 * `{"network": "dhcp" | {address, gateway?, dns?}, "wifi": {ssid, psk, country}?, "ntp": [host]?}`. With `wifi`, `network` is
 * the radio's and the wire has DHCP. Exit 1, and a sentence on standard error, when FILE is wrong.
 */
import { createHash, pbkdf2Sync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isIP, isIPv4 } from 'node:net';

interface Static {
  readonly address: string;
  readonly gateway?: string;
  readonly dns: readonly string[];
}
interface Wifi {
  readonly ssid: Buffer;
  /** The 256-bit key, hexadecimal: nothing in it needs quoting. */
  readonly key: string;
  readonly country: string;
}

const [manager, file] = process.argv.slice(2);
try {
  process.stdout.write(plan(JSON.parse(readFileSync(file!, 'utf8'))).join('\n'));
} catch (error) {
  process.stderr.write(`network.json: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

function plan(value: { network?: unknown; wifi?: unknown; ntp?: unknown }): string[] {
  const address = value.network === undefined || value.network === 'dhcp' ? undefined : staticOf(value.network);
  const wifi = value.wifi === undefined || value.wifi === null ? undefined : wifiOf(value.wifi);
  const ntp = value.ntp === undefined ? [] : list(value.ntp, 'ntp', /^[a-zA-Z0-9.:-]{1,253}$/);
  const wired = wifi === undefined ? address : undefined;
  const lines = manager === 'NetworkManager' ? networkManager(wired, wifi, address) : networkd(wired, wifi, address);
  if (wifi)
    lines.push(
      put('0644', '/etc/modprobe.d/millrace-wifi.conf', `options cfg80211 ieee80211_regdom=${wifi.country}\n`),
    );
  if (ntp.length > 0)
    lines.push(put('0644', '/etc/systemd/timesyncd.conf.d/millrace.conf', `[Time]\nNTP=${ntp.join(' ')}\n`));
  return lines;
}

function networkd(wired: Static | undefined, wifi: Wifi | undefined, address: Static | undefined): string[] {
  const unit = (type: string, at: Static | undefined): string => {
    const lines = at ? [`Address=${at.address}`, ...(at.gateway ? [`Gateway=${at.gateway}`] : [])] : ['DHCP=yes'];
    const dns = at?.dns.map(one => `DNS=${one}`) ?? [];
    return `[Match]\nType=${type}\nKind=!*\n\n[Link]\nRequiredForOnline=no\n\n[Network]\n${[...lines, ...dns].join('\n')}\n`;
  };
  // networkd runs as a user of its own, and there is no secret in these.
  const files = [put('0644', '/etc/systemd/network/10-millrace-wired.network', unit('ether', wired))];
  if (!wifi) return files;
  const { ssid, key, country } = wifi;
  const supplicant = `ctrl_interface=/run/wpa_supplicant\ncountry=${country}\nnetwork={\n  ssid=${ssid.toString('hex')}\n  psk=${key}\n}\n`;
  return [
    ...files,
    put('0644', '/etc/systemd/network/10-millrace-wifi.network', unit('wlan', address)),
    put('0600', '/etc/wpa_supplicant/wpa_supplicant-wlan0.conf', supplicant),
    'enable wpa_supplicant@wlan0.service wpa_supplicant@.service',
  ];
}

function networkManager(wired: Static | undefined, wifi: Wifi | undefined, address: Static | undefined): string[] {
  const profile = (name: string, type: string, sections: string, at: Static | undefined): string => {
    const uuid = createHash('sha256').update(name).digest('hex');
    const id = [
      uuid.slice(0, 8),
      uuid.slice(8, 12),
      `5${uuid.slice(13, 16)}`,
      `8${uuid.slice(17, 20)}`,
      uuid.slice(20, 32),
    ];
    const connection = `[connection]\nid=${name}\nuuid=${id.join('-')}\ntype=${type}\n\n`;
    return `${connection}${sections}${(['ipv4', 'ipv6'] as const).map(family => ipSection(family, at)).join('\n')}`;
  };
  const path = (name: string): string => `/etc/NetworkManager/system-connections/${name}.nmconnection`;
  const files = [put('0600', path('millrace-wired'), profile('millrace-wired', 'ethernet', '', wired))];
  if (!wifi) return files;
  const radio = `[wifi]\nmode=infrastructure\nssid=${[...wifi.ssid].map(byte => `${byte};`).join('')}\n\n[wifi-security]\nkey-mgmt=wpa-psk\npsk=${wifi.key}\n\n`;
  return [...files, put('0600', path('millrace-wifi'), profile('millrace-wifi', 'wifi', radio, address))];
}

function ipSection(family: 'ipv4' | 'ipv6', at: Static | undefined): string {
  const mine = (one: string): boolean => isIPv4(one.split('/')[0]!) === (family === 'ipv4');
  if (at === undefined || !mine(at.address)) return `[${family}]\nmethod=auto\n`;
  const gateway = at.gateway && mine(at.gateway) ? `,${at.gateway}` : '';
  const dns = at.dns.filter(mine);
  return `[${family}]\nmethod=manual\naddress1=${at.address}${gateway}\n${dns.length > 0 ? `dns=${dns.join(';')};\n` : ''}`;
}

function staticOf(value: unknown): Static {
  if (typeof value !== 'object' || value === null) throw new Error('network must be "dhcp" or {address, gateway, dns}');
  const { address, gateway, dns = [] } = value as { address?: unknown; gateway?: unknown; dns?: unknown };
  const [ip, bits] = typeof address === 'string' ? address.split('/') : [];
  if (!ip || isIP(ip) === 0 || !/^\d{1,3}$/.test(bits ?? '') || Number(bits) > (isIPv4(ip) ? 32 : 128))
    throw new Error('network.address must be an address with its prefix length, such as 192.168.1.17/24');
  if (gateway !== undefined && (typeof gateway !== 'string' || isIP(gateway) === 0))
    throw new Error('network.gateway must be an IP address');
  const servers = list(dns, 'network.dns', /^[0-9a-fA-F.:]+$/);
  if (!servers.every(one => isIP(one) !== 0)) throw new Error('network.dns must be a list of IP addresses');
  return { address: `${ip}/${bits}`, ...(gateway === undefined ? {} : { gateway }), dns: servers };
}

function wifiOf(value: unknown): Wifi {
  const { ssid, psk, country } = value as { ssid?: unknown; psk?: unknown; country?: unknown };
  const name = Buffer.from(typeof ssid === 'string' ? ssid : '');
  if (name.length < 1 || name.length > 32) throw new Error('wifi.ssid must be 1 to 32 bytes');
  if (typeof country !== 'string' || !/^[A-Z]{2}$/.test(country))
    throw new Error('wifi.country must be two capital letters: the radio is off without it');
  if (typeof psk !== 'string' || !/^(?:[\x20-\x7e]{8,63}|[0-9a-fA-F]{64})$/.test(psk))
    throw new Error('wifi.psk must be 8 to 63 characters, or 64 hexadecimal digits');
  // IEEE 802.11i, annex H.4: the key of a passphrase.
  const key = psk.length === 64 ? psk.toLowerCase() : pbkdf2Sync(psk, name, 4096, 32, 'sha1').toString('hex');
  return { ssid: name, key, country };
}

function list(value: unknown, name: string, rule: RegExp): string[] {
  if (!Array.isArray(value) || !value.every(one => typeof one === 'string' && rule.test(one)))
    throw new Error(`${name} must be a list of addresses`);
  return value;
}

/** A line of shell; every value in `content` was checked to be harmless, and quoting makes it so again. */
function put(mode: string, path: string, content: string): string {
  return `put ${mode} root:root ${path} <<'END'\n${content}END`;
}
