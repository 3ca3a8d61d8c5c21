import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Overlay } from './overlay.ts';
import { type VerifiedSource, verifySource } from './source/verify.ts';
import { openTarget } from './target/open.ts';
import { makeImage } from './testing.ts';
import { type Progress, writeCards } from './write.ts';

let dir: string;
let image: Buffer;
let imageFile: string;
let source: VerifiedSource;
before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'millrace-write-'));
  image = await makeImage('millrace');
  imageFile = join(dir, 'base.img');
  writeFileSync(imageFile, image);
  source = await verifySource(imageFile);
});
after(() => {
  source[Symbol.dispose]();
  rmSync(dir, { recursive: true, force: true });
});

const hasTable = (card: Buffer): boolean => card.length >= 512 && card.readUInt16LE(510) === 0xaa55;

function flip(file: string, offset: number): void {
  const fd = openSync(file, 'r+');
  writeSync(fd, Buffer.from([readFileSync(file)[offset]! ^ 0x04]), 0, 1, offset);
  closeSync(fd);
}

test('writes several cards at once, each with its own sectors, and one that fails leaves the other going', async () => {
  const [a, b] = [join(dir, 'a.img'), join(dir, 'b.img')];
  await using first = await openTarget(a, source.sizeBytes, {});
  await using second = await openTarget(b, source.sizeBytes, {});
  const changed = new Overlay(source.start);
  changed.write(Buffer.alloc(512, 'x'), 5 * 1024 * 1024);
  let spoiled = false;
  const seen: Progress[] = [];
  const outcomes = await writeCards(
    source,
    [
      { target: first, image: changed },
      { target: second, image: new Overlay(source.start) },
    ],
    {
      onProgress(progress) {
        seen.push(progress);
        if (!spoiled && progress.path === b && progress.doneBytes === source.sizeBytes) {
          spoiled = true;
          flip(b, 9_000_001);
        }
      },
    },
  );
  assert.deepEqual(
    outcomes.map(({ ok }) => ok),
    [true, false],
  );
  const [, bad] = outcomes;
  assert.match(bad!.ok ? '' : bad!.reason, /bytes 8388608 to 12582912 are not what was written/);
  const card = readFileSync(a);
  const expected = Buffer.from(image);
  expected.fill('x', 5 * 1024 * 1024, 5 * 1024 * 1024 + 512);
  assert.ok(card.equals(expected));
  assert.equal(hasTable(readFileSync(b)), false, 'a card that was read back wrong has no partition table');
  assert.equal(seen.findLast(({ path }) => path === a)?.doneBytes, image.length);
});

test('cancelled in the middle, the card has no partition table', async () => {
  const path = join(dir, 'cancelled.img');
  const cancel = new AbortController();
  await using target = await openTarget(path, source.sizeBytes, {});
  const [outcome] = await writeCards(source, [{ target, image: new Overlay(source.start) }], {
    signal: cancel.signal,
    onProgress: ({ doneBytes }) => doneBytes > 10_000_000 && cancel.abort(new Error('Ctrl-C')),
  });
  assert.match(outcome!.ok ? '' : outcome!.reason, /^cancelled/);
  assert.equal(hasTable(readFileSync(path)), false);
});

test('a source that changes underneath makes no card', async () => {
  const file = join(dir, 'changing.img');
  writeFileSync(file, image);
  using changing = await verifySource(file);
  flip(file, image.length - 1);
  const path = join(dir, 'never.img');
  await using target = await openTarget(path, changing.sizeBytes, {});
  const [outcome] = await writeCards(changing, [{ target, image: new Overlay(changing.start) }]);
  assert.match(outcome!.ok ? '' : outcome!.reason, /changed while it was read/);
  assert.equal(hasTable(readFileSync(path)), false);
});

test('killed at random moments, a card is the old one, the new one, or does not boot', { timeout: 60_000 }, async t => {
  const old = Buffer.from(image);
  old.fill(0x77, 14 * 1024 * 1024);
  const ends = { old: 0, new: 0, blank: 0 };
  for (let round = 0; round < 8; round++) {
    const path = join(dir, 'killed.img');
    writeFileSync(path, old);
    const child = spawn(process.execPath, [join(import.meta.dirname, '../test/write-once.ts'), imageFile, path], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, NODE_COMPILE_CACHE: join(dir, 'compiled') }, // halves each start
    });
    // 1 + 4 + 4 + 1 lines; the last rounds also hit the moments when the table is written.
    const lines = round < 6 ? randomInt(1, 10) : 9;
    const delayMs = randomInt(0, 8);
    let seen = 0;
    child.stdout.on('data', (data: Buffer) => {
      const before = seen;
      seen += data.toString().split('\n').length - 1;
      if (before < lines && seen >= lines) setTimeout(() => child.kill('SIGKILL'), delayMs);
    });
    await once(child, 'close');
    const card = readFileSync(path);
    const end = card.equals(image) ? 'new' : card.equals(old) ? 'old' : 'blank';
    if (end === 'blank') assert.equal(hasTable(card), false, `round ${round}: half a card looks bootable`);
    ends[end]++;
  }
  t.diagnostic(JSON.stringify(ends));
});
