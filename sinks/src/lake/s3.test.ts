import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError, TransientError } from '@millrace/runtime/errors.ts';
import { until } from '../testing.ts';
import { folderOf } from './names.ts';
import { checkStore } from './objects.ts';
import { parseList, S3Store } from './s3.ts';
import { noS3Server, openS3Server } from './testing-tools.ts';

test('lists are read with and without encoded keys, page by page', () => {
  const page = (encoding: string, key: string, next: string) =>
    `<?xml version="1.0"?><ListBucketResult>${encoding}<Contents><Key>${key}</Key><Size>1</Size></Contents>` +
    `<Contents><Key>b</Key></Contents>${next}</ListBucketResult>`;
  assert.deepEqual(
    parseList(page('<EncodingType>url</EncodingType>', 'a%2Fz%25+%C5%8C%2B', '<IsTruncated>false</IsTruncated>')),
    {
      keys: ['a/z% Ō+', 'b'],
      next: undefined,
    },
  );
  const more = '<IsTruncated>true</IsTruncated><NextContinuationToken>x&amp;y</NextContinuationToken>';
  assert.deepEqual(parseList(page('', 'a/z%25 &lt;&#x14C;&#332;', more)), { keys: ['a/z%25 <ŌŌ', 'b'], next: 'x&y' });
  assert.deepEqual(parseList('<ListBucketResult></ListBucketResult>'), { keys: [], next: undefined });
});

test('a server that leaves the condition out is refused; one that does not answer is waited for', async () => {
  const store = (creates: boolean[]) => ({
    shown: 'a bucket',
    create: () => Promise.resolve(creates.shift()!),
    read: () => Promise.resolve(undefined),
    list: () => Promise.resolve([]),
    remove: () => Promise.resolve(),
  });
  await checkStore(store([true, false]), 'sinks.lake', 't');
  await assert.rejects(checkStore(store([true, true]), 'sinks.lake', 't'), ConfigError);
  const nobody = new S3Store({
    bucket: 'lake',
    prefix: '',
    endpoint: 'http://127.0.0.1:9',
    region: 'r',
    accessKeyId: 'a',
    secretAccessKey: 's',
  });
  await assert.rejects(nobody.create('a', Buffer.of(1)), TransientError);
});

test('a real server: of many that create a name one does, and names of any kind come back', {
  skip: noS3Server,
}, async () => {
  await using server = await openS3Server();
  const store = new S3Store(server.options);
  await checkStore(store, 'sinks.lake', 't');
  for (let round = 0; round < 20; round++) {
    const won = await Promise.all(Array.from({ length: 8 }, (_, i) => store.create(`race/${round}`, Buffer.of(i))));
    assert.equal(won.filter(Boolean).length, 1);
  }
  const odd = [
    `${folderOf('2026-11-28', `Ōtara & "co"+ %2C <é>'(1)*~`)}/a.parquet`,
    `${folderOf(undefined, '')}/b.parquet`,
  ];
  for (const name of odd) assert.equal(await store.create(name, Buffer.from(name)), true);
  assert.deepEqual([...(await store.list('readings'))].sort(), odd.toSorted());
  assert.equal(Buffer.from((await store.read(odd[0]!))!).toString(), odd[0]);
  assert.equal(await store.read('readings/none'), undefined);
  // More than a page of a list.
  const many = Array.from({ length: 1050 }, (_, i) => `many/${i}`);
  for (let at = 0; at < many.length; at += 50)
    await Promise.all(many.slice(at, at + 50).map(name => store.create(name, Buffer.of(1))));
  assert.equal((await store.list('many')).length, 1050);
  await store.remove([...odd, 'readings/none']);
  assert.deepEqual(await store.list('readings'), []);
  await server.kill();
  await assert.rejects(store.list('many'), TransientError);
  await server.start();
  await until('an answer', () => store.read('many/1').then(Boolean, () => false));
  const wrong = new S3Store({ ...server.options, secretAccessKey: 'wrong' });
  await assert.rejects(wrong.create('a', Buffer.of(1)), /403 SignatureDoesNotMatch/);
});
