import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { decodeBatch } from '@millrace/wire/batch.ts';
import { decodeStatus, GatewayState } from '@millrace/wire/status.ts';
import { openBroker, type TestBroker } from '../test/broker.ts';
import { childEnv, folder, until } from '../test/outbox.ts';

const agent = fileURLToPath(import.meta.resolve('../test/agent.ts'));

function start(config: string): ChildProcess & { said: () => string } {
  const child = spawn(process.execPath, [agent, config], { env: childEnv(), stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  after(() => child.kill('SIGKILL'));
  return Object.assign(child, { said: () => said });
}

function write(broker: TestBroker, extra = ''): string {
  const home = folder();
  const file = join(home, 'edge.yaml');
  writeFileSync(
    join(home, 'data.csv'),
    `t,a,b\n${Array.from({ length: 3000 }, (_, i) => `${i},${i},${-i}`).join('\n')}\n`,
  );
  writeFileSync(
    file,
    `edge:
  gateway: gw-1
  mqtt: { url: "${broker.url}" }
  outbox: { path: outbox.db, groupCommitMs: 5 }
  health: { port: 0 }
  clock: { assume: synced }
  sources:
    - { type: host, intervalMs: 100 }
    - { type: replay, file: data.csv, timeColumn: t, timeFormat: epoch-s, metric: m, unit: "1", speed: 1500 }
${extra}`,
  );
  return file;
}

/** Readings by seq, as they came; the same seq must be the same reading. */
function received(broker: TestBroker): Map<number, string> {
  const readings = new Map<number, string>();
  for (const { topic, payload } of broker.publishes) {
    if (!topic.endsWith('/readings')) continue;
    const { boot, firstSeq, series, seriesIndex, timeUs, value } = decodeBatch(payload);
    for (const [i, index] of seriesIndex.entries()) {
      const text = `${boot} ${series[index]!.sensor} ${series[index]!.metric} ${timeUs[i]} ${value[i]}`;
      assert.equal(readings.get(firstSeq + i) ?? text, text);
      readings.set(firstSeq + i, text);
    }
  }
  return readings;
}

test('kill −9 of the agent, again and again, leaves no hole in seq, no double, and the recording whole', async () => {
  await using broker = await openBroker();
  // Some answers late, so that kills meet batches in flight.
  let count = 0;
  broker.onPublish = ({ ack }) => void (++count % 3 === 0 ? setTimeout(ack, 20) : ack());
  const config = write(broker);
  for (let kill = 0; kill < 3; kill++) {
    const child = start(config);
    const before = broker.publishes.length;
    await until('readings', () => broker.publishes.length > before + 3, 20_000);
    await wait(Math.random() * 100);
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  const last = start(config);
  await until('the end of the recording', () => last.said().includes('ended'), 30_000);
  last.kill('SIGTERM');
  const [code] = (await once(last, 'exit')) as [number];
  assert.equal(code, 0, last.said());
  const readings = received(broker);
  assert.deepEqual(
    [...readings.keys()].sort((a, b) => a - b),
    [...Array(readings.size).keys()],
  );
  const texts = [...readings.values()];
  assert.equal(new Set(texts.map(text => text.split(' ')[0])).size, 1, 'one boot');
  for (const [sensor, sign] of [
    ['a', 1],
    ['b', -1],
  ] as const)
    assert.deepEqual(
      texts.filter(text => text.split(' ')[1] === sensor).map(text => Number(text.split(' ')[4])),
      Array.from({ length: 3000 }, (_, i) => sign * i + 0),
    );
  const status = broker.publishes.filter(({ topic }) => topic.endsWith('/status')).at(-1)!;
  const { state, lastSeq, outboxReadings } = decodeStatus(status.payload);
  assert.deepEqual([state, lastSeq, outboxReadings], [GatewayState.OFFLINE, readings.size - 1, 0]);
});

test('health, readiness and metrics are shown', async () => {
  await using broker = await openBroker();
  const child = start(write(broker));
  await until('sent', () => received(broker).size > 50, 20_000);
  const { health } = JSON.parse(child.said().split('\n')[0]!) as { health: number };
  const get = async (path: string) => (await fetch(`http://127.0.0.1:${health}${path}`)).text();
  assert.equal(await get('/readyz'), 'ready\n');
  const metrics = await get('/metrics');
  for (const metric of [
    /^millrace_in_total\{service="edge"\} [1-9]/m,
    /^millrace_out_total\{.*\} [1-9]/m,
    /^millrace_edge_connected\{.*\} 1$/m,
    /^millrace_edge_outbox_writable\{.*\} 1$/m,
    /^millrace_lag\{/m,
  ])
    assert.match(metrics, metric);
  child.kill('SIGTERM');
  const [code] = (await once(child, 'exit')) as [number];
  assert.equal(code, 0, child.said());
});

test('a wrong configuration ends with 78 before anything is touched', async () => {
  await using broker = await openBroker();
  const child = start(
    write(
      broker,
      '    - { type: replay, file: absent.csv, timeColumn: t, timeFormat: epoch-s, metric: m, unit: "1", name: r2 }\n',
    ),
  );
  const [code] = (await once(child, 'exit')) as [number];
  assert.equal(code, 78);
  assert.match(child.said(), /edge\.sources\.2\.file \(.*:10:29\): .*absent\.csv cannot be read as CSV/);
});
