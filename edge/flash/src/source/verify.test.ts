import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { makeImage } from '../testing.ts';
import { verifySource } from './verify.ts';

let image: Buffer;
let dir: string;
before(async () => {
  // Short, as xz packs bytes that do not repeat at 2 MB/s.
  image = await makeImage('millrace', 8 * 1024 * 1024, 1024 * 1024);
  dir = mkdtempSync(join(tmpdir(), 'millrace-source-'));
});
after(() => rmSync(dir, { recursive: true, force: true }));

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

function fileOf(t: TestContext, content: Uint8Array): string {
  const file = join(dir, `${t.name.replaceAll(/\W+/g, '-')}.img`);
  writeFileSync(file, content);
  return file;
}

const packed: Record<string, () => Buffer> = {
  plain: () => image,
  gzip: () => gzipSync(image, { level: 1 }),
  Zstandard: () => zstdCompressSync(image),
  xz: () => execFileSync('xz', ['-0', '-c'], { input: image, maxBuffer: 2 ** 26 }),
};
const hasXz = spawnSync('xz', ['--version']).status === 0;

for (const [name, pack] of Object.entries(packed)) {
  const skip = name === 'xz' && !hasXz ? 'no xz here to make a file with' : false;
  test(`${name}: reads a whole file, and refuses one cut short or with a flipped bit`, { skip }, async t => {
    const bytes = pack();
    const file = fileOf(t, bytes);
    using source = await verifySource(file);
    assert.deepEqual([source.sizeBytes, source.imageSha256], [image.length, sha256(image)]);
    const chunks: Buffer[] = [];
    for await (const chunk of source.chunks()) chunks.push(chunk);
    assert.ok(Buffer.concat(chunks).equals(image));
    for (const length of [bytes.length - 20_000, bytes.length - 5, 100]) {
      writeFileSync(file, bytes.subarray(0, length));
      await assert.rejects(verifySource(file), /cut short|no partition table/, `cut to ${length}`);
    }
    const flipped = Buffer.from(bytes);
    flipped[Math.floor(bytes.length * 0.6)]! ^= 0x10;
    writeFileSync(file, flipped);
    // Zstandard as Node writes it, and a plain image, carry no checksum of their own: that is what FILE.sha256 is for.
    writeFileSync(`${file}.sha256`, `${sha256(bytes)}  ${name}.img\n`);
    await assert.rejects(verifySource(file), /SHA-256|damaged/);
    writeFileSync(file, bytes);
    using again = await verifySource(file);
    assert.deepEqual(again.provenBy, ['checksum']);
  });
}

test('refuses a wrong checksum, and a checksum that is none', async t => {
  const file = fileOf(t, image);
  await assert.rejects(verifySource(file, { sha256: 'ab'.repeat(32) }), /its SHA-256 is [0-9a-f]{64}.*--sha256/);
  await assert.rejects(verifySource(file, { sha256: 'abc' }), /64 hexadecimal digits/);
  (await verifySource(file, { sha256: sha256(image).toUpperCase() }))[Symbol.dispose]();
});

test('takes what was signed, by Node or by OpenSSL, and refuses another key and another file', async t => {
  const file = fileOf(t, zstdCompressSync(image));
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const pem = join(dir, 'signer.pem');
  writeFileSync(pem, publicKey.export({ type: 'spki', format: 'pem' }));
  await assert.rejects(verifySource(file, { signedBy: pem }), /signature cannot be checked/);
  writeFileSync(`${file}.sig`, sign(null, readFileSync(file), privateKey));
  using source = await verifySource(file, { signedBy: pem });
  assert.deepEqual(source.provenBy, ['signature']);
  const key = join(dir, 'signer.key');
  writeFileSync(key, privateKey.export({ type: 'pkcs8', format: 'pem' }));
  execFileSync('openssl', ['pkeyutl', '-sign', '-inkey', key, '-rawin', '-in', file, '-out', `${file}.sig`]);
  (await verifySource(file, { signedBy: pem }))[Symbol.dispose]();
  const other = join(dir, 'other.pem');
  writeFileSync(other, generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }));
  await assert.rejects(verifySource(file, { signedBy: other }), /was not signed by/);
});

test('ends a decompression bomb at the limit', async t => {
  // 4 GiB of zeros behind a good beginning, in a few hundred kilobytes: Zstandard frames may follow one another.
  const zeros = zstdCompressSync(Buffer.alloc(64 * 1024 * 1024));
  const file = fileOf(t, Buffer.concat([zstdCompressSync(image), ...Array.from({ length: 64 }, () => zeros)]));
  await assert.rejects(verifySource(file, { maxBytes: 64 * 1024 * 1024 }), /more than 67108864 bytes.*--max-size/);
});

test('refuses what is no disk image', async t => {
  const cases: [Buffer, RegExp][] = [
    [Buffer.alloc(0), /is empty/],
    [Buffer.alloc(2_000_000), /no partition table/],
    [Buffer.from('PK\u0003\u0004 and so on'), /zip archive: unpack it/],
    [image.subarray(0, image.length - 512), /cut short: partition 2/],
    [Buffer.concat([image, Buffer.alloc(100)]), /no whole sectors/],
  ];
  for (const [content, reason] of cases) await assert.rejects(verifySource(fileOf(t, content)), reason);
  await assert.rejects(verifySource(join(dir, 'absent.img')), /cannot be read/);
  await assert.rejects(verifySource(dir), /is not a file/);
  const overlapping = Buffer.from(image);
  overlapping.writeUInt32LE(9000, 446 + 16 + 8);
  await assert.rejects(verifySource(fileOf(t, overlapping)), /overlap/);
});

test('a source exchanged after it was verified does not pass for it', async t => {
  const file = fileOf(t, image);
  using source = await verifySource(file);
  const other = Buffer.from(image);
  other[image.length - 1]! ^= 1;
  writeFileSync(file, other);
  await assert.rejects(async () => {
    for await (const _ of source.chunks());
  }, /changed while it was read/);
});
