import assert from 'node:assert/strict';
import { test } from 'node:test';
import { downloadProgress } from './maven.ts';
import { reportTo } from './report.ts';

const artifacts = [
  { name: 'a-1.jar', sizeBytes: 1_000_000, sha256: '' },
  { name: 'b-2.jar', sizeBytes: 3_000_000, sha256: '' },
];

test("progress counts whole files by the lock and those under way by Maven's own figures, and never goes back", () => {
  const progress = downloadProgress(artifacts);
  assert.equal(progress('Downloading from mirror: somewhere/a-1.jar'), 0);
  assert.equal(progress('Progress (2): 0.5/1.0 MB | 12 kB'), 512_000);
  assert.equal(progress('Downloaded from mirror: somewhere/x/1/a-1.jar (1.0 MB at 2 MB/s)'), 1_000_000);
  assert.equal(progress('Downloaded from mirror: somewhere/x/1/a-1.jar (1.0 MB at 2 MB/s)'), 1_000_000);
  assert.equal(progress('Downloaded from mirror: somewhere/x/1/unknown.jar (9.0 MB at 2 MB/s)'), 1_000_000);
  assert.equal(progress('Progress (1): 2.9 MB'), 3_900_000);
  assert.equal(progress('Progress (1): 0.1 MB'), 3_900_000);
  assert.equal(progress('Progress (1): 9.9 GB'), 4_000_000);
});

test('a terminal gets a bar that stays on its line, a pipe gets four plain lines at most', () => {
  const written = { terminal: '', pipe: '' };
  const terminal = reportTo({ isTTY: true, columns: 80, write: text => (written.terminal += text) });
  const pipe = reportTo({ write: text => (written.pipe += text) });
  for (let receivedBytes = 0; receivedBytes <= 8e6; receivedBytes += 1e5) {
    for (const report of [terminal, pipe]) report({ kind: 'fetch', receivedBytes, totalBytes: 8e6 });
  }
  assert.equal(written.terminal.split('\n').length, 2);
  assert.match(written.terminal, /\r {2}█+ 100 % {2}8 of 8 MB \n$/);
  assert.equal(written.pipe, 'fetched 2 of 8 MB\nfetched 4 of 8 MB\nfetched 6 of 8 MB\nfetched 8 of 8 MB\n');
});
