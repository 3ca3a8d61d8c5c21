import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { z } from 'zod';
import { type ConfigSource, loadConfig } from './config.ts';
import { ConfigError } from './errors.ts';
import { kafkaSchema } from './kafka/config.ts';
import { port, questdbSchema } from './schemas.ts';

const dir = mkdtempSync(join(tmpdir(), 'millrace-config-'));
after(() => rmSync(dir, { recursive: true }));

const sections = {
  bridge: z.strictObject({
    mqtt: z.strictObject({ port: port.default(1883), maxBytes: z.int().default(10) }).prefault({}),
    names: z.array(z.string()).default([]),
  }),
  questdb: questdbSchema,
};

function source(yaml: string, env: ConfigSource['env'] = {}): ConfigSource {
  const file = join(dir, 'millrace.yaml');
  writeFileSync(file, yaml);
  return { file, env };
}

function mistakes(yaml: string, env: ConfigSource['env'] = {}): string {
  try {
    loadConfig(source(yaml, env), sections);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.message.replaceAll(dir, '');
  }
  return assert.fail('no mistake found');
}

test('defaults fill an empty file', () => {
  assert.equal(loadConfig(source(''), sections).bridge.mqtt.port, 1883);
});

test('the environment overlays the file, lists and files of secrets included', () => {
  writeFileSync(join(dir, 'secret'), '12345\n');
  const config = loadConfig(source('bridge: { mqtt: { port: 1 } }'), sections);
  assert.equal(config.bridge.mqtt.port, 1);
  const overlaid = loadConfig(
    source('bridge: { mqtt: { port: 1 } }', {
      MILLRACE_BRIDGE__MQTT__PORT: '2',
      MILLRACE_BRIDGE__MQTT__MAX_BYTES: '3',
      MILLRACE_BRIDGE__NAMES: '[a, b]',
      MILLRACE_QUESTDB__PASSWORD_FILE: join(dir, 'secret'),
      MILLRACE_QUESTDB__USER: "77 'x' #1",
      MILLRACE_HOME: '/x',
    }),
    sections,
  );
  assert.deepEqual(overlaid.bridge, { mqtt: { port: 2, maxBytes: 3 }, names: ['a', 'b'] });
  assert.equal(overlaid.questdb.password, '12345');
  assert.equal(overlaid.questdb.user, "77 'x' #1");
});

test('every mistake is told at once, with key, place and what is allowed', () => {
  const text = mistakes('bridge:\n  mqtt:\n    port: 18x83\n    prot: 5\nbrige: {}\nquestdb:\n  url: nowhere\n', {
    MILLRACE_BRIDGE__MQTT__MAX_BYTES: 'many',
  });
  assert.match(text, /^5 mistakes/);
  assert.match(
    text,
    /bridge\.mqtt\.port \(\/millrace\.yaml:3:\d+\): must be a whole number from 0 to 65535; it is "18x83"/,
  );
  assert.match(text, /bridge\.mqtt\.prot \(\/millrace\.yaml:4:\d+\): no such key; did you mean port\?/);
  assert.match(text, /brige \(\/millrace\.yaml:5:\d+\): no such section; did you mean bridge\?/);
  assert.match(text, /questdb\.url \(\/millrace\.yaml:7:\d+\): must be an http/);
  assert.match(text, /bridge\.mqtt\.maxBytes \(MILLRACE_BRIDGE__MQTT__MAX_BYTES\)/);
});

test('a broken file, a missing file and a misspelt variable are told, secrets are not', () => {
  assert.match(mistakes('bridge: [1,\n'), /YAML \(\/millrace\.yaml:\d:\d+\)/);
  assert.match(
    mistakes('', { MILLRACE_BRIGDE__X: '1' }),
    /brigde \(MILLRACE_BRIGDE__X\): no such section; did you mean bridge\?/,
  );
  assert.throws(() => loadConfig({ file: join(dir, 'absent.yaml'), env: {} }, sections), /cannot be read/);
  assert.doesNotMatch(mistakes('questdb: { password: [hunter2] }'), /hunter2/);
});

test('of a value that is wrong as a whole no secret inside is shown, nor a token in an address', () => {
  const shown = mistakes(
    'bridge: { names: { secret: hunter2, url: "https://me:hunter2@hook.example/hunter2?t=hunter2" } }',
  );
  assert.match(shown, /bridge\.names .*it is \{"secret":"…","url":"https:\/\/hook\.example\/…"\}/);
  assert.doesNotMatch(shown, /hunter2/);
});

test('a misspelt key inside a tagged list names the keys of its kind', () => {
  const kinds = z.discriminatedUnion('type', [
    z.strictObject({ type: z.literal('a'), speed: z.int() }),
    z.strictObject({ type: z.literal('b'), depth: z.int() }),
  ]);
  const edge = z.strictObject({ sources: z.array(kinds).default([]) });
  assert.throws(
    () => loadConfig(source('edge: { sources: [{ type: a, speed: 1, sped: 2, zzzzz: 3 }] }'), { edge }),
    (error: Error) => {
      assert.match(error.message, /edge\.sources\.0\.sped .*did you mean speed\?/);
      assert.match(error.message, /zzzzz .*allowed: type, speed$/m);
      return true;
    },
  );
});

test('brokers are a list, or text with commas between them', () => {
  const brokers = (env: string) =>
    loadConfig(source('', { MILLRACE_KAFKA__BROKERS: env }), { kafka: kafkaSchema }).kafka.brokers;
  assert.deepEqual(brokers('a:9092, b:9093'), ['a:9092', 'b:9093']);
  assert.deepEqual(brokers('["a:9092"]'), ['a:9092']);
  assert.throws(() => brokers('a:9092,b'), /kafka\.brokers\.1 .*host:port/);
});

test('keys from outside cannot reach prototypes', () => {
  mistakes('', { MILLRACE_BRIDGE____proto____POLLUTED: '1' });
  assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
});
