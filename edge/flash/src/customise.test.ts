import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { edgeSchema } from '@millrace/edge/config.ts';
import { createAuthority } from '@millrace/pki/authority.ts';
import type { ConfigError } from '@millrace/runtime/errors.ts';
import { parse } from 'yaml';
import { customisedImage, prepareImage } from './flash.ts';
import { parseGateways } from './gateways.ts';
import { hostnameOf } from './hostname.ts';
import { readSources } from './identity.ts';
import { verifySource } from './source/verify.ts';
import { bootOf, gatewaysCsv, makeImage } from './testing.ts';

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'millrace-flash-test-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** The card that would be written, whole. */
async function cardOf(dir: string, base: 'millrace' | 'cloud-init', gateway: number, deb?: string) {
  const file = join(dir, 'base.img');
  const original = await makeImage(base);
  writeFileSync(file, original);
  const authority = await createAuthority(join(dir, 'pki'));
  const row = parseGateways(gatewaysCsv, 'gateways.csv')[gateway]!;
  using source = await verifySource(file);
  const prepared = await prepareImage(source, deb);
  const issued = await authority.gateway(row.gateway);
  const image = await customisedImage(prepared, row, { caPem: authority.caPem, ...issued });
  const card = image.applied(original, 0);
  return { card, original, boot: await bootOf(card), issued, authority };
}

test('puts a gateway on our own image: its configuration, key and names, and nothing of cloud-init', async t => {
  const { card, original, boot, issued, authority } = await cardOf(folder(t), 'millrace', 0);
  const { edge } = parse(boot.read('millrace/edge.yaml').toString()) as { edge: Record<string, unknown> };
  assert.deepEqual(edge, {
    gateway: 'lamp_17',
    site: 'auckland',
    zone: 'cbd',
    lat: -36.8485,
    lon: 174.7633,
    mqtt: {
      url: 'mqtts://bridge.example:8883',
      tls: { ca: '/etc/millrace/tls/ca.pem', cert: '/etc/millrace/tls/cert.pem', key: '/etc/millrace/tls/key.pem' },
    },
    outbox: { path: '/var/lib/millrace/outbox.db' },
    sources: [{ type: 'host', intervalMs: 1000 }],
  });
  assert.ok(edgeSchema.safeParse(edge).success, 'the agent takes it');
  assert.equal(boot.read('millrace/key.pem').toString(), issued.keyPem);
  assert.equal(boot.read('millrace/cert.pem').toString(), issued.certPem);
  assert.equal(boot.read('millrace/ca.pem').toString(), authority.caPem);
  assert.equal(boot.read('millrace/hostname').toString(), 'millrace-lamp-17\n');
  assert.deepEqual(JSON.parse(boot.read('millrace/network.json').toString()), { network: 'dhcp' });
  assert.equal(boot.exists('millrace/authorized_keys'), false);
  assert.equal(boot.exists('user-data'), false);
  assert.equal(boot.read('config.txt').toString(), 'arm_64bit=1\n');
  const root = 12 * 1024 * 1024;
  assert.ok(card.subarray(root).equals(original.subarray(root)), 'the root file system is untouched');
});

test('puts a gateway on Raspberry Pi OS: cloud-init installs the package, and no password opens anything', async t => {
  const dir = folder(t);
  const deb = join(dir, 'millrace-edge.deb');
  const content = Buffer.concat([Buffer.from('!<arch>\n'), Buffer.alloc(3_000_000, 'package')]);
  writeFileSync(deb, content);
  const { boot, card } = await cardOf(dir, 'cloud-init', 1, deb);
  const userData = boot.read('user-data').toString();
  assert.ok(userData.startsWith('#cloud-config\n'));
  const parsed = parse(userData) as { users: Record<string, unknown>[]; ssh_pwauth: boolean; runcmd: string[][] };
  assert.equal(parsed.ssh_pwauth, false);
  assert.equal(parsed.users.length, 1);
  assert.equal(parsed.users[0]!['lock_passwd'], true);
  assert.ok(!/passwd:(?! true)|plain_text_passwd|chpasswd/.test(userData.replaceAll('lock_passwd', 'passwd')));
  const commands = parsed.runcmd.map(line => line.join(' '));
  const install = commands.indexOf('dpkg --install /boot/firmware/millrace/millrace-edge.deb');
  assert.ok(install >= 0 && commands.indexOf('/usr/lib/millrace/first-boot') > install);
  assert.ok(commands.indexOf('systemctl restart millrace-edge.service') > install + 1);
  assert.deepEqual(parse(boot.read('network-config').toString()), {
    network: {
      version: 2,
      ethernets: { eth0: { dhcp4: true, optional: true } },
      wifis: {
        wlan0: {
          addresses: ['10.1.0.18/24'],
          routes: [{ to: 'default', via: '10.1.0.1' }],
          nameservers: { addresses: ['10.1.0.1'] },
          optional: true,
          'regulatory-domain': 'NZ',
          'access-points': { city: { password: 'correct horse' } },
        },
      },
    },
  });
  assert.equal(boot.exists('millrace/network.json'), false, 'the network is described once');
  assert.match(boot.read('millrace/authorized_keys').toString(), /^ssh-ed25519 \S+ technician\n$/);
  assert.match(boot.read('meta-data').toString(), /^instance-id: [0-9a-f-]{36}\nlocal-hostname: millrace-lamp-18\n$/);
  assert.ok(card.includes(content.subarray(0, 1024)), 'the package is on the card');
});

test('a fixed address and Wi-Fi for our own image', async t => {
  const { boot } = await cardOf(folder(t), 'millrace', 1);
  assert.deepEqual(JSON.parse(boot.read('millrace/network.json').toString()), {
    network: { address: '10.1.0.18/24', gateway: '10.1.0.1', dns: ['10.1.0.1'] },
    wifi: { ssid: 'city', psk: 'correct horse', country: 'NZ' },
  });
});

test('without an SSH key there is no user, and SSH is off', async t => {
  const dir = folder(t);
  const deb = join(dir, 'edge.deb');
  writeFileSync(deb, '!<arch>\nx');
  const { boot } = await cardOf(dir, 'cloud-init', 0, deb);
  const parsed = parse(boot.read('user-data').toString()) as { users: unknown[]; runcmd: string[][] };
  assert.deepEqual(parsed.users, []);
  assert.ok(parsed.runcmd.some(line => line.join(' ') === 'systemctl disable --now ssh.service'));
});

test('another base, a missing package, and a full boot partition are said', async t => {
  const dir = folder(t);
  const file = join(dir, 'base.img');
  writeFileSync(file, await makeImage('cloud-init'));
  using source = await verifySource(file);
  await assert.rejects(prepareImage(source, undefined), (error: ConfigError) => /--package/.test(error.message));
  writeFileSync(join(dir, 'text.deb'), 'no package');
  await assert.rejects(prepareImage(source, join(dir, 'text.deb')), /is no Debian package/);
  writeFileSync(join(dir, 'big.deb'), Buffer.concat([Buffer.from('!<arch>\n'), Buffer.alloc(20_000_000)]));
  await assert.rejects(prepareImage(source, join(dir, 'big.deb')), /boot partition is full/);
  const other = join(dir, 'other.img');
  writeFileSync(other, await makeImage('other'));
  using unknown = await verifySource(other);
  await assert.rejects(prepareImage(unknown, undefined), /neither of a Millrace image[^]*nor of Raspberry Pi OS/);
});

test('every mistake of gateways.csv at once, with line and column, and no pass-phrase shown', () => {
  const csv = [
    'gateway,lat,lon,network,wifi_ssid,wifi_psk,wifi_country,broker,ssh_key',
    'Lamp 1,95,0,dhcp,,,,mqtt://b:1883,',
    'lamp-2,1,,static:10.0.0.1,net,secret,nz,http://b,ssh-dss AAAA',
    'lamp-3,,,dhcp,,,,mqtt://user:pw@b,',
    'lamp-3,,,dhcp,,,,mqtt://b,',
    'lamp_3,,,dhcp,,,,mqtt://b,',
    'lamp-4,,,static:10.0.0.2/24,10.0.0.1,10.0.0.1,,,,mqtt://b,',
  ].join('\n');
  assert.throws(
    () => parseGateways(csv, 'gateways.csv'),
    (error: ConfigError) => {
      const found = error.mistakes.map(({ key, place }) => `${key} ${place}`);
      assert.deepEqual(found, [
        'gateway gateways.csv:2:1',
        'lat gateways.csv:2:2',
        'network gateways.csv:3:4',
        'wifi_psk gateways.csv:3:6',
        'wifi_country gateways.csv:3:7',
        'broker gateways.csv:3:8',
        'ssh_key gateways.csv:3:9',
        'broker gateways.csv:4:8',
        'gateway gateways.csv:5:1',
        'gateway gateways.csv:6:1',
        'line gateways.csv:7:10',
      ]);
      assert.ok(!error.message.includes('secret'));
      return true;
    },
  );
  assert.throws(() => parseGateways('gateway,wifi\nx,y', 'g.csv'), /g.csv:1:2.*no such column[^]*broker.*missing/);
  assert.throws(() => parseGateways('', 'g.csv'), /is empty/);
  assert.throws(() => parseGateways('gateway,broker\n', 'g.csv'), /no gateway/);
});

test('host names are valid and different, however long the gateway is', () => {
  const long = 'a'.repeat(64);
  const names = ['lamp_17', 'x-', long, `${long.slice(1)}b`].map(hostnameOf);
  for (const name of names) assert.match(name, /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])$/);
  assert.equal(new Set(names).size, names.length);
  assert.equal(names[0], 'millrace-lamp-17');
});

test("sources are checked by the agent's own schema", t => {
  const dir = folder(t);
  const file = join(dir, 'sources.yaml');
  writeFileSync(file, '# of all\n- { type: host, intervalMs: 5000 }\n');
  assert.deepEqual(readSources(file), [{ type: 'host', intervalMs: 5000 }]);
  writeFileSync(file, 'edge:\n  sources:\n    - { type: host }\n');
  assert.deepEqual(readSources(file), [{ type: 'host' }]);
  writeFileSync(file, '- { type: hots }\n- { type: host, intervalMs: 1 }\n');
  assert.throws(() => readSources(file), /sources.0[^]*sources.1.intervalMs/);
});
