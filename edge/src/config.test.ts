import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { loadConfig, pathResolver } from '@millrace/runtime/config.ts';
import { ConfigError } from '@millrace/runtime/errors.ts';
import { folder } from '../test/outbox.ts';
import { edgeSchema, outboxPath, sourceName } from './config.ts';
import { openSources } from './sources/run.ts';

const demo = fileURLToPath(import.meta.resolve('../../demo'));

function load(yaml: string, env: Record<string, string> = {}) {
  const file = join(folder(), 'edge.yaml');
  writeFileSync(file, yaml);
  return loadConfig({ file, env }, { edge: edgeSchema }).edge;
}

function mistakes(yaml: string, env: Record<string, string> = {}): string {
  try {
    load(yaml, env);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.message;
  }
  return assert.fail('no mistake found');
}

test('the configurations of the demo are right, and their files are there', async () => {
  for (const name of ['this-machine.yaml', 'auckland.yaml']) {
    const from = { file: join(demo, name), env: {} };
    const { edge } = loadConfig(from, { edge: edgeSchema });
    const sources = await openSources(edge.sources, pathResolver(from));
    assert.equal(sources.length, 1);
  }
});

test('defaults: what is not said', () => {
  const edge = load('edge: { gateway: gw-1, sources: [{ type: host }] }');
  assert.equal(edge.mqtt.url, 'mqtt://127.0.0.1:1883');
  assert.equal(edge.outbox.maxBytes, 1024 ** 3);
  assert.deepEqual(edge.sources.map(sourceName), ['host']);
  assert.equal(
    outboxPath(edge, { file: '/etc/millrace/edge.yaml', env: {} }),
    resolve('.millrace/edge/gw-1/outbox.db'),
  );
  assert.equal(outboxPath(edge, { env: { MILLRACE_HOME: '/var/lib/m' } }), '/var/lib/m/edge/gw-1/outbox.db');
});

test('paths in a configuration file start at its folder', () => {
  const edge = load('edge: { gateway: gw-1, outbox: { path: data/o.db }, sources: [{ type: host }] }');
  assert.equal(outboxPath(edge, { file: '/etc/millrace/edge.yaml', env: {} }), '/etc/millrace/data/o.db');
});

test('a password may come from a file that the environment names', () => {
  const file = join(folder(), 'password');
  writeFileSync(file, '12345\n');
  const edge = load('edge: { gateway: gw-1, sources: [{ type: host }] }', { MILLRACE_EDGE__MQTT__PASSWORD_FILE: file });
  assert.equal(edge.mqtt.password, '12345');
});

test('every mistake is told, with what is allowed', () => {
  const text = mistakes(`
edge:
  gateway: Gate One
  lat: 91
  mqtt: { url: "http://x", inFlight: 0 }
  outbox: { maxBytes: 5 }
  sources:
    - { type: hots }
    - { type: host, intervalMs: soon }
`);
  for (const line of [
    /edge\.gateway .*: must be 1–64 of a-z 0-9 - _, the first a letter or digit; it is "Gate One"/,
    /edge\.lat .*: must be a number from −90 to 90/,
    /edge\.mqtt\.url .*: must be an address such as mqtt:/,
    /edge\.mqtt\.inFlight .*: must be a whole number from 1 to 1000/,
    /edge\.outbox\.maxBytes .*: must be a whole number from 1048576 to/,
    /edge\.sources\.0\.type .*: must be a mapping with a type: one of .*host, .*replay/,
    /edge\.sources\.1\.intervalMs .*: must be a whole number from 100 to/,
  ])
    assert.match(text, line);
  assert.match(mistakes(''), /edge\.gateway.*it is missing/);
  assert.match(mistakes('edge: { gateway: a }'), /edge\.sources.*must be a list of sources.*it is missing/);
  assert.match(
    mistakes('edge: { gateway: a, lat: 1, sources: [{ type: host }, { type: host }] }'),
    /edge\.lon .*must come together[^]*edge\.sources\.1\.name .*another source is called host/,
  );
  assert.match(
    mistakes('edge: { gateway: a, mqtt: { url: "mqtt://me:secret@x" }, sources: [{ type: host }] }'),
    /must not carry a user/,
  );
});

test('bounds, drop policy and priorities', () => {
  const source = 'sources: [{ type: host }]';
  const { outbox, priorities } = load(
    `edge: { gateway: a, ${source}, outbox: { dropPolicy: oldest }, priorities: [{ sensor: "river-*", priority: 9 }] }`,
  );
  assert.deepEqual([outbox.dropPolicy, outbox.maxAgeMs, outbox.minFreeBytes], ['oldest', 0, 64 * 1024 * 1024]);
  assert.deepEqual(priorities, [{ sensor: 'river-*', priority: 9 }]);
  assert.equal(load(`edge: { gateway: a, ${source} }`).outbox.dropPolicy, 'refuse');
  assert.match(
    mistakes(
      `edge: { gateway: a, ${source}, outbox: { dropPolicy: newest }, priorities: [{ priority: 1 }, { sensor: b, priority: 10 }] }`,
    ),
    /edge\.outbox\.dropPolicy .*must be one of refuse, oldest, lowest-priority[^]*edge\.priorities\.0 .*must name a sensor, a metric or a zone[^]*edge\.priorities\.1\.priority .*from 0 to 9/,
  );
});
