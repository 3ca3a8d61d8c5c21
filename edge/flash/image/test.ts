/**
 * `npm run test:image [-- build|virt|raspi3b|clock …]`: builds the image, inspects it, starts it in emulated machines against a
 * real bridge on this one. Long; not part of `npm test`. Default: build, virt, raspi3b. `--image FILE`: that one.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Pipeline, until } from '../../../test/pipeline.ts';
import { buildImage, type Image } from './build.ts';
import { asCard, bootOffset, copyPartition, extractKernel, putOnBoot } from './disk.ts';
import { inspectImage, RootReader } from './inspect.ts';
import { checkout, needTools, run } from './machine.ts';
import { type Machine, qemuTools, qemuVersion, startMachine } from './qemu.ts';
import { openTimeServer } from './sntp.ts';

const { values, positionals: words } = parseArgs({
  options: {
    'install-tools': { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
    image: { type: 'string' },
  },
  allowPositionals: true,
});
const wanted = (word: string): boolean => words.length === 0 || words.includes(word);
const say = (text: string): void => void process.stdout.write(`${text}\n`);
/** Nothing that is installed may be found on the boot partition afterwards. */
const secret = 'c2VjcmV0LW9mLXRoZS10ZXN0LW5vdC1hLWtleQ';
const cardMib = 2048;
/** Long: an emulator on a machine that others use is slow, not broken. */
const minutes = (n: number): number => n * 60_000;

const installTools = values['install-tools'];
needTools(qemuTools, installTools);
const image = values.image
  ? { raw: values.image, compressed: `${values.image}.zst` }
  : await buildImage({ out: join(checkout, '.millrace', 'build'), installTools });
if (wanted('build')) await inspectImage(image);
say(
  `${image.compressed}${wanted('build') ? ', inspected' : ''}: ${(statSync(image.compressed).size / 1e6).toFixed(0)} MB compressed, ${(statSync(image.raw).size / 1e6).toFixed(0)} MB on the card`,
);

const home = mkdtempSync(join(tmpdir(), 'millrace-image-'));
try {
  if (['virt', 'raspi3b', 'clock'].some(wanted)) await boots(image);
} finally {
  if (!values.keep) rmSync(home, { recursive: true, force: true });
}

async function boots({ raw }: Pick<Image, 'raw'>): Promise<void> {
  await using pipeline = new Pipeline(home, { edges: false });
  await pipeline.start();
  const { kernel, initrd, dtb } = extractKernel(raw, home);
  const start = (machine: 'virt' | 'raspi3b', name: string, clock?: string) =>
    startMachine({
      machine,
      card: join(home, `${name}.img`),
      kernel,
      initrd,
      ...(machine === 'raspi3b' && { dtb: dtb('bcm2837-rpi-3-b.dtb') }),
      console: join(home, `${name}.console`),
      ...(clock !== undefined && { clock }),
    });
  const prepare = (gateway: string): void => {
    asCard(raw, join(home, `${gateway}.img`), cardMib);
    giveIdentity(join(home, `${gateway}.img`), gateway, Number(new URL(pipeline.running()!.mqttUrl).port));
  };
  if (wanted('virt')) {
    prepare('image-virt');
    await using time = await openTimeServer();
    time.answer();
    await twoStarts(pipeline, 'image-virt', () => start('virt', 'image-virt'));
  }
  if (wanted('raspi3b')) {
    prepare('image-raspi3b');
    await datedRight(pipeline, 'image-raspi3b', () => start('raspi3b', 'image-raspi3b'));
  }
  if (words.includes('clock')) {
    prepare('image-clock');
    await datedRight(pipeline, 'image-clock', () => start('virt', 'image-clock', '2001-01-01T00:00:00'));
  }
}

/** The folder that the flashing tool puts on a card. */
function giveIdentity(card: string, gateway: string, port: number): void {
  const folder = join(home, gateway, 'millrace');
  mkdirSync(folder, { recursive: true });
  const config = {
    edge: {
      gateway,
      site: 'test',
      mqtt: { url: `mqtt://10.0.2.2:${port}` },
      sources: [{ type: 'host', intervalMs: 1000 }],
    },
  };
  writeFileSync(join(folder, 'edge.yaml'), `# ${secret}\n${JSON.stringify(config)}\n`);
  writeFileSync(join(folder, 'key.pem'), `-----BEGIN PRIVATE KEY-----\n${secret}\n-----END PRIVATE KEY-----\n`);
  writeFileSync(join(folder, 'hostname'), gateway);
  writeFileSync(join(folder, 'network.json'), JSON.stringify({ network: 'dhcp', ntp: ['10.0.2.2'] }));
  putOnBoot(card, folder);
}

/** The first start takes the identity, the second goes on where the first was cut. */
async function twoStarts(pipeline: Pipeline, gateway: string, start: () => Promise<Machine>): Promise<void> {
  const first = await rowsOf(pipeline, gateway, start, 0);
  const second = await rowsOf(pipeline, gateway, start, first.rows);
  assert.equal(second.boots, 1, 'one identity across starts');
  assert.equal(second.boot, first.boot);
  assert.equal(second.lastSeq + 1, second.seqs, `a hole: ${second.seqs} numbers up to ${second.lastSeq}`);
  say(`${gateway}: cut and started again: the same boot, seq 0 to ${second.lastSeq} without a hole`);

  const card = join(home, `${gateway}.img`);
  assert.deepEqual(run('mdir', ['-b', '-i', `${card}@@${bootOffset}`, '::/millrace']).trim(), '::/millrace/done');
  const fat = join(home, 'fat');
  copyPartition(card, 1, fat);
  assert.ok(!readFileSync(fat).includes(secret), 'the secret is still on the boot partition');
  using root = new RootReader(card);
  assert.match(root.mode('/etc/millrace/edge.yaml')!, /^0640 0:[1-9]/);
  assert.match(root.mode('/etc/millrace/tls/key.pem')!, /^0640 0:[1-9]/);
  assert.equal(root.text('/etc/hostname'), `${gateway}\n`);
  assert.match(root.text('/etc/machine-id'), /^[0-9a-f]{32}\n$/);
  assert.ok(root.sizeBytes > 1.5 * 1024 ** 3, 'the root has grown to the card');
  say(
    `${gateway}: identity installed, secrets gone from the boot partition, root grown to ${(root.sizeBytes / 1e9).toFixed(1)} GB`,
  );
}

interface Rows {
  readonly rows: number;
  readonly seqs: number;
  readonly boots: number;
  readonly boot: string;
  readonly lastSeq: number;
}

/** Starts the machine, waits until QuestDB has more than `before` rows and some, and cuts its power. */
async function rowsOf(
  pipeline: Pipeline,
  gateway: string,
  start: () => Promise<Machine>,
  before: number,
): Promise<Rows> {
  await using machine = await start();
  const count = async (): Promise<number> =>
    Number((await pipeline.sql(`SELECT count() n FROM readings WHERE gateway = '${gateway}'`))[0]!['n']);
  await during(machine, `readings of ${gateway}`, async () => (await count()) > before, minutes(30));
  const seconds = (Date.now() - machine.startedAtMs) / 1000;
  const cpu = machine.cpuSeconds();
  const now = await count();
  say(
    `${gateway}: ${seconds.toFixed(1)} s from the start of ${qemuVersion()} to the first reading in QuestDB (${cpu.toFixed(0)} s of processor time, load ${loadavg()[0]!.toFixed(1)})`,
  );
  await during(machine, 'more readings', async () => (await count()) > now + 50, minutes(10));
  await machine.cut();
  // What was on its way arrives: it is not the next start's.
  let arrived = -1;
  await until('nothing on its way', async () => {
    const before = arrived;
    arrived = await count();
    await new Promise(resolve => setTimeout(resolve, 3000));
    return arrived === before;
  });
  const [row] = await pipeline.sql(
    `SELECT count() n, count_distinct(seq) seqs, count_distinct(boot) boots, max(boot) boot, max(seq) last FROM readings WHERE gateway = '${gateway}'`,
  );
  const { n, seqs, boots, boot, last } = row!;
  return { rows: Number(n), seqs: Number(seqs), boots: Number(boots), boot: String(boot), lastSeq: Number(last) };
}

/** A machine that starts at a wrong time: what it read before it knew better has its true time in the end. */
async function datedRight(pipeline: Pipeline, gateway: string, start: () => Promise<Machine>): Promise<void> {
  await using time = await openTimeServer();
  await using machine = await start();
  await during(machine, 'it asks for the time', async () => time.asked > 0, minutes(30));
  const askedAtMs = Date.now();
  say(
    `${gateway}: asked for the time after ${Math.round((askedAtMs - machine.startedAtMs) / 1000)} s; no answer for a while`,
  );
  // Long enough for the agent to run and read: it starts a little after the time service.
  await during(machine, 'a while', async () => Date.now() - askedAtMs > 60_000, minutes(2));
  time.answer();
  await during(
    machine,
    'readings of after the answer',
    async () => {
      const rows =
        time.answeredAtMs && (await pipeline.sql(`SELECT max(ts) last FROM readings WHERE gateway = '${gateway}'`));
      return rows && Date.parse(String(rows[0]!['last'])) > time.answeredAtMs! + 5000;
    },
    minutes(15),
  );
  const syncedAtMs = time.answeredAtMs!;
  const iso = (ms: number): string => new Date(ms).toISOString();
  const [row] = await pipeline.sql(
    `SELECT min(ts) first, max(ts) last, sum(CASE WHEN ts < '${iso(syncedAtMs - 5000)}' THEN 1 ELSE 0 END) early, count_distinct(clock) clocks FROM readings WHERE gateway = '${gateway}'`,
  );
  const { first, last, early } = row as { first: string; last: string; early: number };
  const clocks = await pipeline.sql(`SELECT clock, count() n FROM readings WHERE gateway = '${gateway}'`);
  say(
    `${gateway}: started ${iso(machine.startedAtMs)}, synchronised ${iso(syncedAtMs)}, readings ${first} … ${last}; ${JSON.stringify(clocks)}`,
  );
  assert.ok(Date.parse(first) > machine.startedAtMs, 'no reading is older than the machine');
  assert.ok(Date.parse(last) < Date.now() + 2000, 'none is of the future');
  assert.ok(early > 10, `${early} readings of before the synchronisation`);
  say(`${gateway}: ${early} readings of before the synchronisation are dated right`);
}

/** Waits for a condition as long as the machine runs. */
function during<T>(
  machine: Machine,
  what: string,
  condition: () => Promise<T | undefined | false>,
  withinMs: number,
): Promise<T> {
  return Promise.race([until(what, condition, withinMs), machine.failed]);
}
