import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { versions } from './versions.ts';

const compose = readFileSync(join(import.meta.dirname, '..', '..', 'compose.yaml'), 'utf8');

test('compose.yaml runs the versions that the local stack runs', () => {
  const images = [...compose.matchAll(/^\s+image: (.+)$/gm)].map(match => match[1]);
  assert.deepEqual(images, [`apache/kafka:${versions.kafka}`, `questdb/questdb:${versions.questdb}`]);
});

test('compose.yaml publishes on loopback only', () => {
  const published = [...compose.matchAll(/"([^"]+:\d+:\d+)"/g)].map(match => match[1]);
  assert.equal(published.length, 4);
  for (const port of published) assert.match(port ?? '', /^127\.0\.0\.1:/);
});
