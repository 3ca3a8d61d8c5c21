import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeLedger, type GatewayLedger } from '@millrace/wire/ledger.ts';
import { encodeStatus, type GatewayStatus } from '@millrace/wire/status.ts';
import { type Lab, openLab, until } from '../testing.ts';

const status: GatewayStatus = {
  gateway: 'lamp-1' as GatewayStatus['gateway'],
  site: 'Höfn',
  state: 1,
  version: '0.1.0',
  boot: 2 ** 53 - 1,
  lastSeq: -1,
  outboxReadings: 12,
  outboxBytes: 3400,
  dropped: 0,
  clock: 2,
  clockOffsetMs: -250,
  unsent: [],
  completeThroughUs: 0,
  lat: -36.85,
  lon: 174.76,
  atUs: 5,
};

const withoutLedger = [null, null, null, null, null, null];

test('a status is a row at the time it was received; without the header, at the time Kafka has', async () => {
  await using lab = await openLab({ partitions: 1 });
  const before = Date.now();
  const headers = { 'received-at': '1760000000123456' };
  const send = (value: Uint8Array | null, more = {}) =>
    lab.producer.send({ topic: lab.topics.gateways, key: 'lamp-1', value, ...more });
  await send(encodeStatus(status), { headers });
  await send(encodeStatus(status), { headers });
  await send(encodeStatus({ ...status, state: 0, lat: 1, lon: 500, version: '' }));
  await send(null);
  await send(encodeStatus({ ...status, site: 'a\nb' }), { headers });
  await using sinks = await lab.start(['gateways']);
  await until('the offsets', async () => (await lab.committed('gateways', lab.topics.gateways)) === 5);
  await until('both rows', async () => (await lab.count('gateways')) === 2);
  const { rows } = await lab.http.query(`SELECT * FROM ${lab.tablePrefix}gateways ORDER BY ts`);
  assert.deepEqual(rows[0], [
    '2025-10-09T08:53:20.123456Z',
    'lamp-1',
    'Höfn',
    'ONLINE',
    '0.1.0',
    2 ** 53 - 1,
    -1,
    12,
    3400,
    0,
    'CORRECTED',
    -250,
    -36.85,
    174.76,
    ...withoutLedger,
  ]);
  assert.deepEqual(rows[1]!.slice(1), [
    'lamp-1',
    'Höfn',
    'OFFLINE',
    null,
    2 ** 53 - 1,
    -1,
    12,
    3400,
    0,
    'CORRECTED',
    -250,
    null,
    null,
    ...withoutLedger,
  ]);
  const at = Date.parse(rows[1]![0] as string);
  assert.ok(at >= before - 1000 && at <= Date.now() + 1000, String(rows[1]![0]));
  const [record] = await lab.rejected(1);
  assert.equal(record!.headers.field, 'site');
  assert.equal(record!.headers.stage, 'sink-gateways');
  assert.equal(sinks.ready, true);
});

const ledger: GatewayLedger = {
  gateway: status.gateway,
  boot: status.boot,
  atUs: 1_760_000_000_500_000,
  lastSeq: 99,
  counted: 80,
  dropped: 5,
  missing: 15,
  holes: [[10, 24]],
};

const receivedUs = 1_760_000_000_000_000;
const sendStatus = ({ producer, topics }: Lab, more: Partial<GatewayStatus> = {}, atUs = receivedUs) =>
  producer.send({
    topic: topics.gateways,
    key: status.gateway,
    value: encodeStatus({ ...status, ...more }),
    headers: { 'received-at': String(atUs) },
  });
const sendLedger = ({ producer, topics }: Lab, more: Partial<GatewayLedger> = {}) =>
  producer.send({ topic: topics.ledger, key: status.gateway, value: encodeLedger({ ...ledger, ...more }) });

const columns = 'state, seen, missing, ledger_dropped, ledger_last_seq, ledger_at';
const rowsOf = async ({ http, tablePrefix }: Lab): Promise<readonly (readonly unknown[])[]> =>
  (await http.query(`SELECT ${columns} FROM ${tablePrefix}gateways ORDER BY ts`)).rows;
const committed = (lab: Lab, statuses: number, ledgers: number): Promise<void> =>
  until(
    `${statuses} statuses and ${ledgers} ledgers committed`,
    async () =>
      (await lab.committed('gateways', lab.topics.gateways)) === statuses &&
      (await lab.committed('gateways', lab.topics.ledger)) === ledgers,
  );
const visible = (lab: Lab, expected: unknown[][]): Promise<void> =>
  until(
    `the rows ${JSON.stringify(expected)}`,
    async () => JSON.stringify(await rowsOf(lab)) === JSON.stringify(expected),
  );

test('a ledger that says something new of holes completes the row of the newest status, and adds none', async () => {
  await using lab = await openLab({ partitions: 3 });
  await using _ = await lab.start(['gateways']);
  await sendStatus(lab, { completeThroughUs: 1_759_999_999_000_000 });
  await visible(lab, [['ONLINE', null, null, null, null, null]]);
  await sendLedger(lab);
  await visible(lab, [['ONLINE', 80, 15, 5, 99, '2025-10-09T08:53:20.500000Z']]);
  await sendLedger(lab, { missing: 0, counted: 95, holes: [], atUs: 1_760_000_001_000_000 });
  await visible(lab, [['ONLINE', 95, 0, 5, 99, '2025-10-09T08:53:21.000000Z']]);
  // Nothing new of holes: it waits for the next status. A later OFFLINE is the newest row, whatever came between.
  await sendLedger(lab, { missing: 0, counted: 96, lastSeq: 100, holes: [], atUs: 1_760_000_002_000_000 });
  await committed(lab, 1, 3);
  await sendStatus(lab, { state: 0 }, receivedUs + 1);
  await visible(lab, [
    ['ONLINE', 95, 0, 5, 99, '2025-10-09T08:53:21.000000Z'],
    ['OFFLINE', 96, 0, 5, 100, '2025-10-09T08:53:22.000000Z'],
  ]);
  const { rows } = await lab.http.query(`SELECT complete_through FROM ${lab.tablePrefix}gateways ORDER BY ts`);
  assert.deepEqual(rows, [['2025-10-09T08:53:19.000000Z'], [null]]);
});

test('the ledger of another boot is not shown', async () => {
  await using lab = await openLab({ partitions: 1 });
  await using _ = await lab.start(['gateways']);
  await sendLedger(lab, { boot: 1 });
  await committed(lab, 0, 1);
  await sendStatus(lab);
  await visible(lab, [['ONLINE', null, null, null, null, null]]);
  await sendLedger(lab);
  await visible(lab, [['ONLINE', 80, 15, 5, 99, '2025-10-09T08:53:20.500000Z']]);
});

test('a sink that starts anew knows the ledgers and statuses that were committed before it', async () => {
  await using lab = await openLab({ partitions: 3 });
  {
    await using _ = await lab.start(['gateways']);
    await sendStatus(lab);
    await sendLedger(lab);
    await committed(lab, 1, 1);
  }
  await using _ = await lab.start(['gateways']);
  await sendStatus(lab, {}, receivedUs + 1);
  await visible(lab, [
    ['ONLINE', 80, 15, 5, 99, '2025-10-09T08:53:20.500000Z'],
    ['ONLINE', 80, 15, 5, 99, '2025-10-09T08:53:20.500000Z'],
  ]);
  await sendLedger(lab, { missing: 3, counted: 92, holes: [[10, 12]] });
  await visible(lab, [
    ['ONLINE', 80, 15, 5, 99, '2025-10-09T08:53:20.500000Z'],
    ['ONLINE', 92, 3, 5, 99, '2025-10-09T08:53:20.500000Z'],
  ]);
});

test('bytes that are no ledger go to the rejected topic, and the next ledger is taken', async () => {
  await using lab = await openLab({ partitions: 1 });
  await sendStatus(lab);
  await lab.producer.send({ topic: lab.topics.ledger, key: status.gateway, value: Buffer.from([255]) });
  await sendLedger(lab);
  await using _ = await lab.start(['gateways']);
  await visible(lab, [['ONLINE', 80, 15, 5, 99, '2025-10-09T08:53:20.500000Z']]);
  const [record] = await lab.rejected(1);
  assert.equal(record!.headers['origin-topic'], lab.topics.ledger);
});
