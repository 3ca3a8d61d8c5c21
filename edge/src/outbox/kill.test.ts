import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { decodeBatch } from '@millrace/wire/batch.ts';
import { childEnv, folder, openAt } from '../../test/outbox.ts';

const appender = fileURLToPath(import.meta.resolve('../../test/appender.ts'));
const kills = 20;

/** Runs the appender until it is killed at some moment after its first append; the readings on disk by its word. */
async function runAndKill(path: string): Promise<number> {
  const child = spawn(process.execPath, [appender, path], { env: childEnv(), stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  await once(child.stdout, 'data');
  await wait(Math.random() * 60);
  child.kill('SIGKILL');
  await once(child, 'close');
  return Number(said.slice(0, said.lastIndexOf('\n')).split('\n').at(-1));
}

test(`${kills} kills at random moments lose no reading whose append had resolved, and leave no hole and no double`, async () => {
  const path = join(folder(), 'o.db');
  const sealed = new Map<number, string>();
  for (let kill = 0; kill < kills; kill++) {
    const told = await runAndKill(path);
    await using outbox = openAt(path);
    let seq = 0;
    for (const { firstSeq, bytes } of outbox.page(-1, 1_000_000)) {
      const batch = decodeBatch(bytes);
      assert.equal(firstSeq, seq);
      for (const value of batch.value) assert.equal(value, seq++); // The value is its own number: no hole, no double.
      const hex = Buffer.from(bytes).toString('base64');
      assert.equal(sealed.get(firstSeq) ?? hex, hex);
      sealed.set(firstSeq, hex);
    }
    assert.ok(seq >= told, `${told} readings were on disk by its word, ${seq} are`);
    assert.equal(Number(outbox.cursor('s')), seq);
    assert.equal(outbox.level.lastSeq, seq - 1);
  }
});
