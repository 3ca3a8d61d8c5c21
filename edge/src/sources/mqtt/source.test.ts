import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ConfigError } from '@millrace/runtime/errors.ts';
import mqttClient from 'mqtt';
import { openBroker } from '../../../test/broker.ts';
import { childEnv, folder, silent, until } from '../../../test/outbox.ts';
import type { Reading } from '../../reading.ts';
import type { Emit } from '../source.ts';
import { mqttSchema } from './config.ts';
import { baseLevels, covers } from './filter.ts';
import { decodePayload } from './presets/sparkplug-payload.ts';
import { nodeMessage } from './presets/testdata/sparkplug-node.ts';
import { mqtt, mqttSource } from './source.ts';

const scalar = { topic: 'a/+', mapping: { sensor: { topic: 2 }, metric: 'x', value: '$' } };

/** Runs the source until the test ends; `hold` keeps its emits waiting. */
function running(url: string, subscriptions: unknown[], options: Record<string, unknown> = {}) {
  const stop = new AbortController();
  const emitted: Reading[] = [];
  const claims: number[] = [];
  const troubles: string[] = [];
  let gate: PromiseWithResolvers<void> | undefined;
  const emit: Emit = async (readings, note) => {
    if (note?.completeThroughUs !== undefined) claims.push(note.completeThroughUs);
    if (readings.length === 0) return;
    emitted.push(...readings);
    await gate?.promise;
  };
  const source = mqttSource(mqttSchema.parse({ type: 'mqtt', url, clientId: 'gw', subscriptions, ...options }));
  const run = source.run(emit, {
    signal: stop.signal,
    cursor: undefined,
    log: silent,
    nowUs: () => Date.now() * 1000,
    trouble: (sensor, trouble) => void troubles.push(`${sensor} ${trouble}`),
  });
  const end = async (): Promise<void> => {
    stop.abort(new Error('test ends'));
    await run;
  };
  after(end);
  return {
    emitted,
    claims,
    troubles,
    end,
    hold: () => {
      gate = Promise.withResolvers();
    },
    release: () => {
      gate?.resolve();
      gate = undefined;
    },
  };
}

async function publisher(url: string) {
  const client = await mqttClient.connectAsync(url, { protocolVersion: 4, clientId: 'device' });
  after(() => client.endAsync(true));
  return (topic: string, payload: unknown, retain = false) =>
    client.publishAsync(topic, Buffer.isBuffer(payload) ? payload : JSON.stringify(payload), { qos: 1, retain });
}

/** A broker drops what nobody subscribes to, so the test publishes until the subscription stands. */
async function subscribed(publish: (topic: string, payload: unknown) => Promise<unknown>, emitted: Reading[]) {
  while (emitted.length === 0) {
    await publish('a/first', 0);
    await new Promise(resolve => setTimeout(resolve, 10));
  }
  await publish('a/ready', 0);
  await until('the probes have come', () => emitted.at(-1)!.sensor === 'ready');
  emitted.length = 0;
}

test('messages become readings in their order, garbage is said and stops nothing, completeness is declared', async () => {
  await using broker = await openBroker();
  const { emitted, claims, troubles, end } = running(
    broker.url,
    [scalar, { topic: 'zigbee2mqtt/#', preset: 'zigbee2mqtt' }],
    { maxPayloadBytes: 1000 },
  );
  const publish = await publisher(broker.url);
  await subscribed(publish, emitted);
  for (let i = 0; i < 50; i++) await publish('a/b', i);
  await publish('a/b', { not: 'a number' });
  await publish('a/b', 'x'.repeat(2000));
  await publish('a/b', 'x'.repeat(500_000));
  await publish('zigbee2mqtt/attic', { temperature: 19.5 });
  await publish('zigbee2mqtt/attic/availability', { state: 'offline' });
  await until('all have come', () => troubles.includes('attic absent'));
  assert.deepEqual(
    emitted.filter(({ sensor }) => sensor === 'b').map(({ value }) => value),
    Array.from({ length: 50 }, (_, i) => i),
  );
  const last = emitted.at(-1)!;
  assert.deepEqual([last.sensor, last.metric, last.unit, last.value], ['attic', 'temperature', 'Cel', 19.5]);
  assert.deepEqual(troubles, ['b garbage', 'b garbage', 'b garbage', 'attic absent']);
  assert.ok(claims.length > 0 && claims[0]! <= Date.now() * 1000 - 2e6);
  await end();
});

test('a retained message without a time of its own is of unknown age, and no reading', async () => {
  await using broker = await openBroker();
  const publish = await publisher(broker.url);
  await publish('a/old', 5, true);
  await publish('senml/x', [{ n: 'u:t', v: 1, t: 1.79e9 }], true);
  const { emitted, end } = running(broker.url, [scalar, { topic: 'senml/+', preset: 'senml' }]);
  await until('the dated one has come', () => emitted.length > 0);
  await publish('a/new', 6);
  await until('the live one has come', () => emitted.length === 2);
  assert.deepEqual(
    emitted.map(({ sensor }) => sensor),
    ['u', 'new'],
  );
  await end();
});

test('killed while emit is pending: nothing was acknowledged, and the broker delivers again', async () => {
  await using broker = await openBroker();
  const child = spawn(process.execPath, [fileURLToPath(import.meta.resolve('./testdata/holder.ts')), broker.url], {
    env: childEnv(),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  after(() => child.kill('SIGKILL'));
  const seen: string[] = [];
  child.stdout.setEncoding('utf8').on('data', (text: string) => void seen.push(...text.trim().split('\n')));
  const publish = await publisher(broker.url);
  for (let i = 0; seen.length === 0; i++) {
    await publish('a/b', i);
    await new Promise(resolve => setTimeout(resolve, 10));
  }
  const first = Number(seen[0]);
  child.kill('SIGKILL');
  await once(child, 'exit');
  await publish('a/b', 1000); // While nobody is connected.
  const { emitted, end } = running(broker.url, [scalar]);
  await until('both are here', () => emitted.some(({ value }) => value === 1000));
  assert.ok(emitted.some(({ value }) => value === first));
  await end();
});

test('cut while emit is pending: the broker’s resend joins it, and the reading is taken once', async () => {
  await using broker = await openBroker();
  const { emitted, hold, release, end } = running(broker.url, [scalar]);
  const publish = await publisher(broker.url);
  await subscribed(publish, emitted);
  hold();
  await publish('a/b', 1);
  await until('it is being taken', () => emitted.length === 1);
  const before = broker.connects;
  broker.cut();
  await until('connected again', () => broker.connects >= before + 1);
  release();
  const again = await publisher(broker.url);
  await again('a/b', 2);
  await until('the next has come', () => emitted.some(({ value }) => value === 2));
  assert.deepEqual(
    emitted.map(({ value }) => value),
    [1, 2],
  );
  await end();
});

test('an orderly stop acknowledges what is being stored, so that the next start does not get it again', async () => {
  await using broker = await openBroker();
  const first = running(broker.url, [scalar]);
  const publish = await publisher(broker.url);
  await subscribed(publish, first.emitted);
  first.hold();
  await publish('a/b', 1);
  await until('it is being taken', () => first.emitted.length === 1);
  const ended = first.end();
  await publish('a/b', 2); // Comes when nothing is taken any more: the broker keeps it.
  first.release();
  await ended;
  const second = running(broker.url, [scalar]);
  await until('the second has come', () => second.emitted.some(({ value }) => value === 2));
  await publish('a/b', 3);
  await until('the third has come', () => second.emitted.some(({ value }) => value === 3));
  assert.deepEqual(
    second.emitted.map(({ value }) => value),
    [2, 3],
  );
  await second.end();
});

test('no more than inFlight messages wait for the disk, and none is lost by that', async () => {
  await using broker = await openBroker();
  const { emitted, hold, release, end } = running(broker.url, [scalar], { inFlight: 5 });
  const publish = await publisher(broker.url);
  await subscribed(publish, emitted);
  hold();
  await Promise.all(Array.from({ length: 40 }, (_, i) => publish('a/b', i)));
  await until('as many as may are waiting', () => emitted.length === 5);
  release();
  await until('all have come', () => emitted.length === 40);
  assert.deepEqual(
    emitted.map(({ value }) => value),
    Array.from({ length: 40 }, (_, i) => i),
  );
  await end();
});

test('the broker gone: the sensors known are absent until it is back; a silent one is late, then absent', async () => {
  let broker = await openBroker();
  const { emitted, troubles, end } = running(broker.url, [{ ...scalar, silentAfterMs: 300 }]);
  const publish = await publisher(broker.url);
  await subscribed(publish, emitted);
  await until('it is late, then absent', () => troubles.includes('first late') || troubles.includes('first absent'));
  await until('it is absent', () => troubles.includes('first absent'));
  await publish('a/other', 1);
  await until('the other has come', () => emitted.length === 1);
  const { port } = broker;
  troubles.length = 0;
  await broker[Symbol.asyncDispose]();
  await until('said', () => troubles.includes('first absent') && troubles.includes('other absent'));
  broker = await openBroker(port);
  await until('taken back', () => troubles.includes('other undefined'));
  await end();
  await broker[Symbol.asyncDispose]();
});

test('Sparkplug: a node that was born before us is asked for its birth, and then understood', async () => {
  await using broker = await openBroker();
  const { emitted, end } = running(broker.url, [scalar, { topic: 'spBv1.0/#', preset: 'sparkplug-b' }]);
  const publish = await publisher(broker.url);
  await subscribed(publish, emitted);
  const now = Date.now();
  await publish('spBv1.0/plant/NDATA/pump', Buffer.from(nodeMessage(now, 7, [{ alias: 1, float: 5 }])));
  await until('the command has come', () => broker.publishes.some(({ topic }) => topic === 'spBv1.0/plant/NCMD/pump'));
  const command = broker.publishes.find(({ topic }) => topic.includes('NCMD'))!;
  assert.equal(decodePayload(command.payload).metrics[0]!.name, 'Node Control/Rebirth');
  const born = [{ name: 'Level', alias: 1, datatype: 9, float: 5, properties: { engUnit: 'm' } }];
  await publish('spBv1.0/plant/NBIRTH/pump', Buffer.from(nodeMessage(now, 0, born)));
  await publish('spBv1.0/plant/NDATA/pump', Buffer.from(nodeMessage(now, 1, [{ alias: 1, float: 6 }])));
  await until('both have come', () => emitted.length === 2);
  assert.deepEqual(
    emitted.map(({ metric, value, unit }) => [metric, value, unit]),
    [
      ['Level', 5, 'm'],
      ['Level', 6, 'm'],
    ],
  );
  await end();
});

test('the configuration: every mistake at once, secrets from files', async () => {
  const { error } = mqttSchema.safeParse({
    type: 'mqtt',
    url: 'http://x',
    password: 'p',
    qos: 2,
    subscriptions: [
      { topic: 'a/#/b', preset: 'zigbee' },
      { topic: 'a', preset: 'senml', mapping: { sensor: 'a', metric: 'b', value: 'a..b' }, units: { t: 'furlong' } },
    ],
  });
  const paths = error!.issues.map(({ path }) => path.join('.'));
  for (const path of ['url', 'qos', 'subscriptions.0.topic', 'subscriptions.0.preset', 'subscriptions.1.units.t'])
    assert.ok(paths.includes(path), `${path} of ${paths.join(' ')}`);
  assert.ok(
    paths.some(path => path.startsWith('subscriptions.1.mapping')),
    paths.join(' '),
  );

  const file = join(folder(), 'password');
  writeFileSync(file, 'secret\n');
  await using broker = await openBroker();
  const config = mqttSchema.parse({
    type: 'mqtt',
    url: broker.url,
    username: 'u',
    passwordFile: file,
    subscriptions: [scalar],
  });
  const source = await mqtt.open(config, { key: 'edge.sources.0', resolvePath: path => path });
  const stop = new AbortController();
  const run = source.run(async () => {}, {
    signal: stop.signal,
    cursor: undefined,
    log: silent,
    nowUs: () => Date.now() * 1000,
    trouble: () => {},
  });
  await until('connected', () => broker.connects === 1);
  assert.deepEqual(broker.credentials, { username: 'u', password: 'secret' });
  stop.abort();
  await run;
  await assert.rejects(
    mqtt.open({ ...config, passwordFile: '/nowhere' }, { key: 'edge.sources.0', resolvePath: path => path }),
    ConfigError,
  );
});

test('filters cover topics as MQTT 3.1.1 § 4.7 says', () => {
  const is = (filter: string, topic: string): boolean => covers(filter, topic.split('/'));
  assert.ok(is('a/#', 'a') && is('a/#', 'a/b/c') && is('+/b', 'a/b') && is('#', 'x'));
  assert.ok(!is('a/+', 'a') && !is('a/+', 'a/b/c') && !is('#', '$SYS/x') && !is('a', 'b'));
  assert.deepEqual(['zigbee2mqtt/#', 'a/b', '+/x'].map(baseLevels), [1, 1, 0]);
});
