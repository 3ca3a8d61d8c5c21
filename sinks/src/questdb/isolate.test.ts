import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TransientError } from '@millrace/runtime/errors.ts';
import { type Lab, openLab, until } from '../testing.ts';
import type { WriteAnswer } from './http.ts';
import { isolate } from './isolate.ts';

/** Rows of the table `readings`, some of them broken below all validation. */
function rowsWith(lab: Lab, count: number, poison: ReadonlyMap<number, (good: string) => Buffer>): Buffer[] {
  return Array.from({ length: count }, (_, i) => {
    const good = `${lab.tablePrefix}readings,gateway=g,sensor=s,metric=m value=1,boot=1i,seq=${i}i ${1_760_000_000_000_000 + i}t\n`;
    return poison.get(i)?.(good) ?? Buffer.from(good);
  });
}

const floatIntoLong = (good: string): Buffer => Buffer.from(good.replace(/seq=\d+i/, 'seq=1.5'));
const beyondYear9999 = (good: string): Buffer => Buffer.from(good.replace(/ \d+t\n/, ' 253402300800000000t\n'));
const invalidUtf8 = (good: string): Buffer => Buffer.from(good.replace('sensor=s', 'sensor=\xff'), 'latin1');

/** Sends all rows, and isolates when they are refused. @param unnamed Takes the line's number out of each answer. */
async function run(lab: Lab, rows: readonly Buffer[], { unnamed = false } = {}) {
  let requests = 0;
  const write = async (from: number, to: number): Promise<WriteAnswer> => {
    requests++;
    const answer = await lab.http.write(Buffer.concat(rows.slice(from, to)));
    return unnamed && answer.outcome !== 'stored' ? { ...answer, line: undefined } : answer;
  };
  const takesRows = async () =>
    (await lab.http.write(Buffer.from(`${lab.tablePrefix}sink_probe,sink=test 0t\n`))).outcome === 'stored';
  const first = await write(0, rows.length);
  requests = 0;
  const bad = await isolate({ rows: rows.length, first, write, takesRows });
  return { bad, requests };
}

test('one bad row among 10,000 is found by the line that a 400 names', async () => {
  await using lab = await openLab();
  const { bad, requests } = await run(lab, rowsWith(lab, 10_000, new Map([[6_666, floatIntoLong]])));
  assert.deepEqual(
    bad.map(({ row }) => row),
    [6_666],
  );
  assert.match(bad[0]!.message, /seq/);
  assert.equal(requests, 2);
  await until('all others', async () => (await lab.count('readings')) === 9_999);
});

test('an early refusal of a large request is heard, although its body is still on the way', async () => {
  await using lab = await openLab();
  const { bad, requests } = await run(lab, rowsWith(lab, 100_000, new Map([[0, floatIntoLong]])));
  assert.deepEqual(
    bad.map(({ row }) => row),
    [0],
  );
  assert.equal(requests, 1);
});

test('a poison row behind a 500 is found by the line it names, or by halving in 2·log2(n) requests', async () => {
  await using lab = await openLab();
  for (const poison of [beyondYear9999, invalidUtf8]) {
    const named = await run(lab, rowsWith(lab, 10_000, new Map([[4_321, poison]])));
    assert.deepEqual(
      named.bad.map(({ row }) => row),
      [4_321],
    );
    assert.equal(named.requests, 3);
    for (const at of [0, 4_321, 9_999]) {
      const halved = await run(lab, rowsWith(lab, 10_000, new Map([[at, poison]])), { unnamed: true });
      assert.deepEqual(
        halved.bad.map(({ row }) => row),
        [at],
      );
      assert.ok(halved.requests <= 2 * Math.log2(10_000), `${halved.requests} requests for row ${at}`);
    }
  }
  // Each of them was good in some other request.
  await until('all others', async () => (await lab.count('readings')) === 10_000);
});

test('many bad rows of all kinds cost at most three requests each', async () => {
  await using lab = await openLab();
  const kinds = [floatIntoLong, beyondYear9999, invalidUtf8];
  const poison = new Map(Array.from({ length: 60 }, (_, i) => [i < 20 ? i : i * 9, kinds[i % 3]!]));
  const { bad, requests } = await run(lab, rowsWith(lab, 1_000, poison));
  assert.deepEqual(
    bad.map(({ row }) => row),
    [...poison.keys()],
  );
  assert.ok(requests <= 3 * 60 + 1, `${requests} requests`);
  await until('all others', async () => (await lab.count('readings')) === 940);
});

test('a request of poison alone is given up only when QuestDB takes another row', async () => {
  await using lab = await openLab();
  const rows = rowsWith(
    lab,
    2,
    new Map([
      [0, invalidUtf8],
      [1, beyondYear9999],
    ]),
  );
  const { bad } = await run(lab, rows);
  assert.deepEqual(
    bad.map(({ row }) => row),
    [0, 1],
  );
  const broken = isolate({
    rows: 2,
    write: (from, to) => lab.http.write(Buffer.concat(rows.slice(from, to))),
    takesRows: async () => false,
  });
  await assert.rejects(broken, TransientError);
});
