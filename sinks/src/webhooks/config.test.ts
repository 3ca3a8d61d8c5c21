import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { loadConfig } from '@millrace/runtime/config.ts';
import { ConfigError } from '@millrace/runtime/errors.ts';
import { sinksSchema } from '../config.ts';
import { signingKeys, type Webhook } from './config.ts';
import { secret } from './testing.ts';

const folder = mkdtempSync(join(tmpdir(), 'millrace-webhooks-'));
after(() => rmSync(folder, { recursive: true }));
const secretFile = join(folder, 'secret');
writeFileSync(secretFile, `${secret}\n`);

function load(webhooks: string): readonly Webhook[] {
  const file = join(folder, 'millrace.yaml');
  writeFileSync(file, `sinks:\n  webhooks:\n${webhooks}`);
  return loadConfig({ file, env: {} }, { sinks: sinksSchema }).sinks.webhooks;
}

function mistakes(webhooks: string): string {
  try {
    load(webhooks);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.message;
  }
  return assert.fail('no mistake found');
}

test('a name, an address and a secret are enough; filters may be one name or several', () => {
  const [one, two] = load(`    - { name: city, url: "https://city.example/hook?x=1", secretFile: ${secretFile} }
    - { name: lamps, url: "http://10.0.0.7:8080/", secret: ${secret}, only: { severity: critical, gateway: [lamp-*, x] } }\n`);
  assert.deepEqual([one!.only, one!.timeoutMs, one!.giveUpAfterMs], [{}, 10_000, 86_400_000]);
  assert.deepEqual(two!.only, { severity: 'critical', gateway: ['lamp-*', 'x'] });
  assert.deepEqual(signingKeys(one!), [Buffer.from('a secret of thirty-two bytes, so')]);
  assert.deepEqual(signingKeys({ secret: `${secret} ${secret}` }).length, 2);
});

test('every mistake is told with its key, and no secret is', () => {
  const told = mistakes(`    - { name: City, url: "ftp://city.example/hunter2", secret: ${secret} }
    - { name: a, url: "http://me:hunter2@city.example/", secret: hunter2 }
    - { name: a, url: "http://x", secret: ${secret}, secretFile: ${secretFile} }
    - { name: b, url: "http://x" }
    - { name: c, url: "http://x", secretFile: ${folder}/none }
    - { name: d, url: "http://x", secretFile: ${folder} }
    - { name: e, url: "http://x", secret: ${secret}, only: { severity: high, zone: north } }\n`);
  for (const part of [
    /webhooks\.0\.name .*must be 1–64 of a-z/,
    /webhooks\.0\.url .*must be an http or https address; it is "ftp:\/\/city\.example\/…"/,
    /webhooks\.1\.url .*must not carry a user/,
    /webhooks\.1\.secret .*must be "whsec_".*not shown/,
    /webhooks\.2\.secretFile .*must not come beside secret/,
    /webhooks\.3\.secretFile .*must be given, or secret/,
    /webhooks\.4\.secretFile .*cannot be read/,
    /webhooks\.5\.secretFile .*cannot be read/,
    /webhooks\.6\.only\.severity .*must be any of info, warning, critical/,
    /webhooks\.6\.only\.zone .*no such key/,
  ])
    assert.match(told, part);
  assert.doesNotMatch(told, /hunter2|whsec_[A-Za-z0-9]/);
  const twice = `    - { name: a, url: "http://x", secret: ${secret} }\n`;
  assert.match(mistakes(twice + twice), /webhooks\.1\.name .*must be unique/);
  assert.match(mistakes(`    name: city\n    secret: ${secret}\n`), /sinks\.webhooks .*must be a list/);
});
