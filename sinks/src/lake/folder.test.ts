import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { TransientError } from '@millrace/runtime/errors.ts';
import { FolderStore } from './folder.ts';
import { checkStore } from './objects.ts';

const folder = mkdtempSync(join(tmpdir(), 'millrace-lake-'));
after(() => rmSync(folder, { recursive: true }));

test('of many that create a name one does, through several stores; a list has what is there', async () => {
  const stores = Array.from({ length: 4 }, () => new FolderStore(join(folder, 'new', 'lake')));
  await checkStore(stores[0]!, 'sinks.lake', 't');
  for (let round = 0; round < 20; round++) {
    const won = await Promise.all(stores.map((store, i) => store.create(`a/b=${round}/c`, Buffer.of(i))));
    assert.equal(won.filter(Boolean).length, 1);
    assert.equal((await stores[3]!.read(`a/b=${round}/c`))![0], won.indexOf(true));
  }
  const [store] = stores;
  assert.equal((await store!.list('a')).length, 20);
  assert.deepEqual(await store!.list('a/b=7'), ['a/b=7/c']);
  await store!.remove(['a/b=7/c', 'a/none']);
  assert.deepEqual(await store!.list('a/b=7'), []);
  assert.equal(await store!.read('a/b=7/c'), undefined);
  rmSync(join(folder, 'new'), { recursive: true });
  await assert.rejects(store!.create('a/b=8/c', Buffer.of(1)), TransientError, 'somebody removed all of it');
  assert.equal(await store!.create('a/b=8/c', Buffer.of(1)), true, 'and it is made again');
});

test('half-made files of a day ago are removed, and none of now', async () => {
  const root = join(folder, 'tidy');
  const store = new FolderStore(root);
  await store.create('a/b', Buffer.of(1));
  const temporary = join(root, '_millrace', 'tmp');
  for (const name of ['old', 'new']) writeFileSync(join(temporary, name), 'half');
  const dayBefore = Date.now() / 1000 - 86_500;
  utimesSync(join(temporary, 'old'), dayBefore, dayBefore);
  await store.tidy(Date.now());
  assert.deepEqual(readdirSync(temporary), ['new']);
});

test('a place that nobody may write to is waited for', async () => {
  writeFileSync(join(folder, 'file'), '');
  await assert.rejects(new FolderStore(join(folder, 'file')).create('a', Buffer.of(1)), TransientError);
});
