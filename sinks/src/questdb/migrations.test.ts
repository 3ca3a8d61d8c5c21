import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { ConfigError } from '@millrace/runtime/errors.ts';
import { sharedStack } from '@millrace/stack/testing.ts';
import { QuestdbHttp } from './http.ts';
import { migrate, readMigrations, tableFault } from './migrations.ts';

async function open() {
  const { questdb } = await sharedStack();
  return {
    http: new QuestdbHttp({ url: questdb.httpUrl, user: 'admin', password: 'quest' }),
    tablePrefix: `t${randomBytes(4).toString('hex')}_`,
  };
}

test('makes the tables of the contract, once', async () => {
  const { http, tablePrefix } = await open();
  using _ = http;
  assert.deepEqual(await migrate(http, { tablePrefix }), [
    '0001-readings',
    '0002-stats',
    '0003-alerts',
    '0004-gateways',
    '0005-sink-probe',
    '0006-gateway-ledger',
    '0007-stats-rate',
    '0008-zones',
    '0009-alerts-id',
    '0010-series',
    '0011-readings-views',
    '0012-acknowledgements',
    '0013-retention',
  ]);
  assert.deepEqual(await migrate(http, { tablePrefix }), []);
  const columns = async (table: string) =>
    (await http.query(`SELECT "column" FROM table_columns('${tablePrefix}${table}')`)).rows.flat().join(', ');
  assert.equal(
    await columns('readings'),
    'ts, site, zone, gateway, sensor, metric, unit, value, quality, clock, received, boot, seq',
  );
  assert.equal(
    await columns('stats'),
    'ts, window, site, zone, gateway, sensor, metric, unit, count, expected, completeness, mean, min, max, stddev, p50, p95, p99, first, last, revision, final, rate',
  );
  assert.equal(
    await columns('zones'),
    'ts, window, site, zone, metric, unit, sensors, sensors_expected, count, expected, completeness, mean, mean_of_means, min, max, p50, p95, p99, revision, final',
  );
  assert.equal(await columns('alerts'), 'ts, gateway, sensor, metric, rule, severity, state, value, message, id');
  assert.equal(
    await columns('gateways'),
    'ts, gateway, site, state, version, boot, last_seq, outbox_readings, outbox_bytes, dropped, clock, clock_offset_ms, lat, lon, seen, missing, ledger_dropped, ledger_last_seq, ledger_at, complete_through',
  );
  const { rows } = await http.query(
    `SELECT partitionBy, walEnabled, dedup FROM tables() WHERE table_name = '${tablePrefix}readings'`,
  );
  assert.deepEqual(rows, [['DAY', true, true]]);
});

test('several processes may start at once', async () => {
  const { http, tablePrefix } = await open();
  using _ = http;
  await Promise.all(Array.from({ length: 4 }, () => migrate(http, { tablePrefix })));
  assert.equal(await tableFault(http, 'readings', tablePrefix), undefined);
  const { rows } = await http.query(`SELECT DISTINCT number FROM ${tablePrefix}migrations ORDER BY number`);
  assert.deepEqual(
    rows.flat(),
    readMigrations().map(({ number }) => number),
  );
});

test('a file that changed after it was applied is refused', async () => {
  const { http, tablePrefix } = await open();
  using _ = http;
  await migrate(http, { tablePrefix });
  const migrations = readMigrations().map(one => (one.number === 2 ? { ...one, sha256: 'f'.repeat(64) } : one));
  await assert.rejects(migrate(http, { tablePrefix, migrations }), (error: Error) => {
    assert.ok(error instanceof ConfigError);
    assert.match(error.message, /0002-stats\.sql.*is not the file that was applied to this QuestDB as number 2/);
    return true;
  });
});

test('a table that is not as the contract says is refused, with the difference', async () => {
  const { http, tablePrefix } = await open();
  using _ = http;
  await http.query(
    `CREATE TABLE ${tablePrefix}readings (ts TIMESTAMP, site SYMBOL, zone STRING) TIMESTAMP(ts) PARTITION BY DAY WAL`,
  );
  await assert.rejects(migrate(http, { tablePrefix }), /column zone is STRING, SYMBOL is needed/);
});
