/** Every query of every dashboard, as Grafana would send it, against the real QuestDB and the names of real metrics. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { sharedStack } from '@millrace/stack/testing.ts';
import pg from 'pg';
import { createTables, eventually, insert, readingLine, seriesLine } from '../../test/running.ts';
import { boards } from './boards.ts';

const gateway = `board-${randomBytes(4).toString('hex')}`;
const root = join(import.meta.dirname, '..', '..', '..');
const minute = 60_000;
let client: pg.Client;
let span: { from: string; to: string };

interface Target {
  readonly rawSql?: string;
  readonly expr?: string;
}

/** Without rows on a day when all is well. */
const mayBeEmpty = new Set(['Tables of QuestDB']);

before(async () => {
  const { questdb } = await sharedStack();
  await createTables(questdb);
  const now = Math.floor(Date.now() / minute) * minute;
  span = { from: new Date(now - 6 * 60 * minute).toISOString(), to: new Date(now + minute).toISOString() };
  const at = (minutes: number): number => (now - minutes * minute) * 1000;
  const own = `gateway=${gateway},sensor=thermometer,metric=temperature`;
  await insert(
    questdb,
    seriesLine(gateway, 60_000),
    ...Array.from({ length: 200 }, (_, i) => i)
      .filter(i => i < 20 || i > 40)
      .map(i => readingLine({ gateway, value: i, at: now - i * minute, seq: i })),
    `stats,window=1h/5m,${own} p50=1,p95=2,p99=3,final=t ${at(90)}`,
    `zones,window=1m,site=hall,zone=roof,metric=temperature,unit=Cel completeness=0.9,mean_of_means=20,sensors=1i,final=t ${at(5)}`,
    `gateways,gateway=${gateway},site=hall,state=ONLINE,clock=UNSYNCED,version=0.1.0 outbox_readings=7i,dropped=2i,missing=3i,clock_offset_ms=5i ${at(1)}`,
    `alerts,${own},rule=hot,severity=WARNING,state=RAISED value=9,message="hot",id="${gateway}" ${at(3)}`,
  );
  client = new pg.Client({ ...questdb.pg, database: 'qdb' });
  await client.connect();
  await eventually('the views have it', async () => {
    const { rows } = await client.query(`SELECT sum(count) AS n FROM readings_1h WHERE gateway = $1`, [gateway]);
    return Number((rows[0] as { n: string }).n) === 179;
  });
});

after(() => client?.end());

/** Grafana's macros for PostgreSQL, and its variables. */
function asSent(sql: string): string {
  const { from, to } = span;
  const sent = sql
    .replace(/\$__timeFilter\(([\w.]+)\)/g, `$1 BETWEEN '${from}' AND '${to}'`)
    .replaceAll('$__timeFrom()', `'${from}'`)
    .replaceAll('$__timeTo()', `'${to}'`)
    .replaceAll('${site:sqlstring}', "'hall'")
    .replaceAll('${gateway}', gateway)
    .replaceAll('${sensor}', 'thermometer')
    .replaceAll('${metric}', 'temperature')
    .replaceAll('${step}', '15m');
  assert.doesNotMatch(sent, /\$/, 'a macro or variable that is none');
  return sent;
}

function targetsOf(name: string): { title: string; target: Target }[] {
  const { panels = [] } = boards[name]!().build();
  return panels.flatMap(panel =>
    ('targets' in panel ? (panel.targets ?? []) : []).map(target => ({
      title: panel.title!,
      target: target as Target,
    })),
  );
}

for (const name of Object.keys(boards)) {
  test(`${name}: each panel’s query gives rows, and a value in each column`, async () => {
    const queries = targetsOf(name).filter(({ target }) => target.rawSql !== undefined);
    assert.ok(queries.length > 3);
    for (const { title, target } of queries) {
      const { rows, fields } = await client
        .query<Record<string, unknown>>(asSent(target.rawSql!))
        .catch((error: unknown) => {
          throw new Error(`${title}: ${String(error)}; ${asSent(target.rawSql!)}`);
        });
      if (mayBeEmpty.has(title)) continue;
      assert.ok(rows.length > 0, `${title} has no row`);
      for (const { name: column } of fields)
        assert.ok(
          rows.some(row => row[column] !== null),
          `${title}: ${column} is null in every row`,
        );
    }
  });

  test(`${name}: each choice has something to choose`, async () => {
    const { templating } = boards[name]!().build();
    for (const variable of templating?.list ?? []) {
      if (variable.type !== 'query') continue;
      const { rows } = await client.query(asSent(variable.query as string));
      assert.ok(rows.length > 0, variable.name);
    }
  });
}

test('numbers are what the rows say', async () => {
  const valueOf = async (name: string, title: string): Promise<unknown> => {
    const { target } = targetsOf(name).find(one => one.title === title)!;
    const { rows } = await client.query<Record<string, unknown>>(asSent(target.rawSql!));
    return Object.values(rows[0]!)[0];
  };
  assert.equal(Number(await valueOf('sensor', 'Newest reading')), 0);
  const shown = Number(await valueOf('sensor', 'Completeness, time shown'));
  assert.ok(Math.abs(shown - 179 / 361) < 0.01, String(shown));
  const { target } = targetsOf('sensor').find(one => one.title.startsWith('Silences'))!;
  const { rows } = await client.query<Record<string, unknown>>(asSent(target.rawSql!));
  assert.deepEqual(
    rows.map(row => Number(row['seconds'])),
    [22 * 60],
  );
});

test('every metric that is asked of Prometheus is one of ours', () => {
  const sources = globSync('*/src/**/*.ts', { cwd: root, exclude: ['**/*.test.ts', 'dashboard/**'] })
    .map(file => readFileSync(join(root, file), 'utf8'))
    .join('\n');
  for (const name of Object.keys(boards))
    for (const { title, target } of targetsOf(name)) {
      for (const [metric] of (target.expr ?? '').matchAll(/millrace_\w+/g)) {
        const base = metric.replace(/_(bucket|sum|count)$/, '');
        // Some are named in full, some after the prefix of their service.
        const own = `'${base.replace(/^millrace_[a-z]+_/, '')}'`;
        assert.ok(sources.includes(`'${base}'`) || sources.includes(own), `${title}: no ${base}`);
      }
    }
});

test('the files that are imported are made from this code', () => {
  for (const [name, make] of Object.entries(boards)) {
    const text = readFileSync(join(root, 'dashboard', 'grafana', `${name}.json`), 'utf8');
    assert.equal(text, `${JSON.stringify(make().build(), null, 2)}\n`, `${name}.json: run npm run grafana`);
  }
});
