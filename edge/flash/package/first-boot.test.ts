import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';

const script = join(import.meta.dirname, 'files/usr/lib/millrace/first-boot');
const secrets = { 'key.pem': 'PRIVATE', 'network.json': 'open sesame' };

const identity: Record<string, string> = {
  'edge.yaml': 'edge: { gateway: lamp-17 }\n',
  'ca.pem': 'CA\n',
  'cert.pem': 'CERT\n',
  'key.pem': `${secrets['key.pem']}\n`,
  hostname: 'lamp-17\r\n',
  authorized_keys: 'ssh-ed25519 AAAA somebody\n',
  'network.json': JSON.stringify({
    network: { address: '192.168.1.17/24', gateway: '192.168.1.1', dns: ['9.9.9.9'] },
    wifi: { ssid: "the city's", psk: secrets['network.json'], country: 'NZ' },
    ntp: ['192.168.1.1'],
  }),
};

/** Where waiting for the disk costs nothing. */
const memory = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/** Commands that change something, or wait until it is on the disk: a cut before and after each of them. */
const commands = ['mkdir', 'cat', 'chmod', 'sync', 'mv', 'ln', 'dd', 'rm'];

function tree(files = identity, programs: readonly string[] = []) {
  const root = mkdtempSync(join(memory, 'millrace-first-boot-'));
  const write = (path: string, content: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  };
  write('etc/hosts', '127.0.0.1 localhost\n127.0.1.1 old\n');
  for (const path of programs) write(path, '');
  for (const [name, content] of Object.entries(files)) write(`boot/firmware/millrace/${name}`, content);
  return { root, write, [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }) };
}

function run(root: string, path = '') {
  const PATH = `${path}:${dirname(process.execPath)}:${process.env['PATH']}`;
  // A process group of its own, which a cut ends as a whole.
  return spawnSync('setsid', ['sh', script, '--root', root], { env: { ...process.env, PATH }, encoding: 'utf8' });
}

/** Every file of the tree: mode and bytes. */
function contents(root: string): Record<string, string> {
  const paths = readdirSync(root, { recursive: true, encoding: 'utf8' });
  const files = paths.filter(file => statSync(join(root, file), { throwIfNoEntry: false })?.isFile());
  return Object.fromEntries(
    files
      .sort()
      .map(file => [
        file,
        `${(statSync(join(root, file)).mode & 0o777).toString(8)} ${readFileSync(join(root, file), 'utf8')}`,
      ]),
  );
}

test('installs the identity and leaves no secret on the boot partition', () => {
  using made = tree();
  const { status, stderr } = run(made.root);
  assert.equal(status, 0, stderr);
  const files = contents(made.root);
  assert.equal(files['etc/millrace/edge.yaml'], `640 ${identity['edge.yaml']}`);
  assert.equal(files['etc/millrace/tls/key.pem'], '640 PRIVATE\n');
  assert.equal(files['etc/hostname'], '644 lamp-17\n');
  assert.equal(files['etc/hosts'], '644 127.0.0.1 localhost\n127.0.1.1 lamp-17\n');
  assert.equal(files['root/.ssh/authorized_keys'], `600 ${identity['authorized_keys']}`);
  assert.match(files['etc/ssh/sshd_config.d/10-millrace.conf']!, /PasswordAuthentication no/);
  assert.match(
    files['etc/systemd/network/10-millrace-wifi.network']!,
    /Type=wlan[^]*Address=192\.168\.1\.17\/24\nGateway/,
  );
  assert.match(files['etc/systemd/network/10-millrace-wired.network']!, /DHCP=yes/);
  assert.match(files['etc/wpa_supplicant/wpa_supplicant-wlan0.conf']!, /^600 .*\ncountry=NZ\n[^]*psk=[0-9a-f]{64}\n/);
  assert.match(files['etc/systemd/timesyncd.conf.d/millrace.conf']!, /NTP=192\.168\.1\.1/);
  // Read by services that run as users of their own.
  for (const folder of ['etc/systemd/timesyncd.conf.d', 'etc/systemd/network'])
    assert.equal(statSync(join(made.root, folder)).mode & 0o777, 0o755, folder);
  assert.deepEqual(globSync('boot/firmware/millrace/*', { cwd: made.root }), ['boot/firmware/millrace/done']);
  const rest = Object.entries(files)
    .filter(([path]) => path.startsWith('boot/'))
    .map(([, text]) => text)
    .join();
  for (const secret of Object.values(secrets)) assert.ok(!rest.includes(secret));
});

test('a power cut at any command leaves it repeatable, with the same end', () => {
  // The key itself instead of a passphrase: half the time of a run.
  const network = { network: 'dhcp', wifi: { ssid: 'city', psk: 'a1'.repeat(32), country: 'NZ' } };
  const { 'ca.pem': _, 'cert.pem': __, ...rest } = identity;
  const files = { ...rest, 'network.json': JSON.stringify(network) };
  using whole = tree(files);
  assert.equal(run(whole.root).status, 0);
  const expected = contents(whole.root);
  const shims = mkdtempSync(join(memory, 'millrace-shims-'));
  try {
    // Count the commands, and kill everything instead of running one: dd has begun to overwrite by then.
    for (const command of commands) {
      const real = spawnSync('sh', ['-c', `command -v ${command}`], { encoding: 'utf8' }).stdout.trim();
      const begun = `for a; do case $a in of=*) ${real} if=/dev/zero "$a" bs=5 count=1 conv=notrunc status=none;; esac; done;`;
      const cut = `${command === 'dd' ? begun : ''} kill -9 0`;
      const counted = `read -r n <${shims}/count\nread -r at <${shims}/at\necho $((n + 1)) >${shims}/count`;
      const program = `#!/bin/sh\n${counted}\nif [ $n = $at ]; then ${cut}; fi\nexec ${real} "$@"\n`;
      writeFileSync(join(shims, command), program, { mode: 0o755 });
    }
    let at = 0;
    for (; ; at++) {
      writeFileSync(join(shims, 'at'), `${at}\n`);
      writeFileSync(join(shims, 'count'), '0\n');
      using made = tree(files);
      const cut = run(made.root, shims);
      if (cut.signal === null) {
        assert.equal(cut.status, 0, cut.stderr);
        break;
      }
      assert.equal(cut.signal, 'SIGKILL');
      const again = run(made.root);
      assert.equal(again.status, 0, again.stderr);
      assert.deepEqual(withoutLeftovers(contents(made.root)), expected, `cut at ${at}`);
    }
    assert.ok(at > 40, `only ${at} cuts`);
  } finally {
    rmSync(shims, { recursive: true, force: true });
  }
});

/** What was being written when the power went, beside its target: written anew by the next run, or harmless. */
function withoutLeftovers(files: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(files).filter(([path]) => !path.endsWith('.new')));
}

test('without an identity, and after it, nothing changes', () => {
  using made = tree({});
  mkdirSync(join(made.root, 'boot/firmware'), { recursive: true });
  const before = contents(made.root);
  assert.equal(run(made.root).status, 0);
  assert.deepEqual(contents(made.root), before);
});

test('a new identity in the folder of a former one is installed', () => {
  using made = tree();
  run(made.root);
  made.write('boot/firmware/millrace/edge.yaml', 'edge: { gateway: lamp-18 }\n');
  assert.equal(run(made.root).status, 0);
  const files = contents(made.root);
  assert.match(files['etc/millrace/edge.yaml']!, /lamp-18/);
  assert.equal(files['etc/millrace/tls/key.pem'], '640 PRIVATE\n');
});

test('where NetworkManager is installed it gets the network', () => {
  using made = tree(identity, ['usr/sbin/NetworkManager']);
  const { status, stderr } = run(made.root);
  assert.equal(status, 0, stderr);
  const files = contents(made.root);
  assert.match(
    files['etc/NetworkManager/system-connections/millrace-wifi.nmconnection']!,
    /^600 [^]*address1=192\.168\.1\.17\/24,192\.168\.1\.1/,
  );
  assert.ok(!existsSync(join(made.root, 'etc/wpa_supplicant')));
});

for (const [what, network] of [
  ['no JSON', '{'],
  ['an address without its length', '{"network":{"address":"10.0.0.1"}}'],
  ['a shell command', '{"network":{"address":"10.0.0.1/24","gateway":"$(reboot)"}}'],
  ['a radio without a country', '{"wifi":{"ssid":"a","psk":"12345678"}}'],
] as const)
  test(`a wrong network.json (${what}) changes no network, and the rest is installed`, () => {
    using made = tree({ ...identity, 'network.json': network });
    const { status, stderr } = run(made.root);
    assert.equal(status, 0, stderr);
    assert.ok(!existsSync(join(made.root, 'etc/systemd/network')));
    assert.ok(existsSync(join(made.root, 'etc/millrace/edge.yaml')));
  });
