import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadConfig } from '@millrace/runtime/config.ts';
import { sinksSchema } from '../config.ts';
import { secretOf } from './config.ts';

const load = (env: Readonly<Record<string, string>>) => loadConfig({ env }, { sinks: sinksSchema }).sinks.lake;

test('a folder, a bucket from the environment with its secret in a file, or nothing', () => {
  assert.equal(load({}), undefined);
  assert.equal(load({ MILLRACE_SINKS__LAKE__FOLDER: '/srv/lake' })?.flushMs, 300_000);
  const folder = mkdtempSync(join(tmpdir(), 'millrace-lake-'));
  try {
    const file = join(folder, 'secret');
    writeFileSync(file, 'hall;=é\n');
    const s3 = load({
      MILLRACE_SINKS__LAKE__S3__BUCKET: 'lake',
      MILLRACE_SINKS__LAKE__S3__ACCESS_KEY_ID: 'city',
      MILLRACE_SINKS__LAKE__S3__SECRET_ACCESS_KEY_FILE: file,
    })?.s3;
    assert.equal(secretOf(s3!), 'hall;=é');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('every mistake at once, and no secret shown', () => {
  const wrong = {
    lake: JSON.stringify({
      folder: '/srv/lake',
      s3: {
        bucket: 'No',
        prefix: '/a/',
        endpoint: 'ftp://x',
        accessKeyId: 'a',
        secretAccessKey: 's3cret',
        secretAccessKeyFile: 'b',
      },
      flushRows: 0,
    }),
  };
  assert.throws(
    () => load({ MILLRACE_SINKS__LAKE: wrong.lake }),
    (error: Error) =>
      [/lake\.s3\.bucket.*3–63/, /lake\.s3\.prefix.*slash/, /lake\.s3\.endpoint.*http/, /flushRows.*from 1 to/].every(
        rule => rule.test(error.message),
      ) && !error.message.includes('s3cret'),
  );
  const both = JSON.stringify({ folder: '/srv', s3: { bucket: 'lake', accessKeyId: 'a', secretAccessKey: 'b' } });
  assert.throws(() => load({ MILLRACE_SINKS__LAKE: both }), /sinks\.lake.*a folder or s3, one of them/);
  assert.throws(() => load({ MILLRACE_SINKS__LAKE__FLUSH_MS: '500' }), /sinks\.lake.*a folder or s3, one of them/);
});
