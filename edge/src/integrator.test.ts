/** The integrator's page does what it says: its commands are run here, one after the other, against a real broker. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { decodeBatch } from '@millrace/wire/batch.ts';
import { openBroker } from '../test/broker.ts';
import { childEnv, folder } from '../test/outbox.ts';

const page = readFileSync(new URL('../../docs/integrator.md', import.meta.url), 'utf8');
const main = fileURLToPath(import.meta.resolve('../../cli/src/main.ts'));

test('from a box of sensors to readings at the broker, as the page says it', async () => {
  const [start, ...blocks] = [...page.matchAll(/^```sh\n([^]*?)^```$/gm)].map(match => match[1]!);
  assert.equal(start, 'npm start\n', 'that one is what `npm run smoke` runs');
  await using broker = await openBroker();
  const home = folder();
  const bin = join(home, 'bin');
  mkdirSync(bin);
  // In a folder outside the checkout npx would look for the command in the registry.
  writeFileSync(join(bin, 'npx'), `#!/bin/sh\nshift\nexec '${process.execPath}' '${main}' "$@"\n`);
  chmodSync(join(bin, 'npx'), 0o755);
  // -m: jobs (%1), as in the terminal of who reads the page.
  const child = spawn('bash', ['-meuc', blocks.join('\n')], {
    cwd: home,
    env: {
      ...childEnv(),
      PATH: `${bin}${delimiter}${process.env['PATH']}`,
      MILLRACE_EDGE__MQTT__URL: broker.url,
      MILLRACE_EDGE__CLOCK__ASSUME: 'synced', // Whatever this machine says of its own.
    },
  });
  after(() => child.kill('SIGKILL'));
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', text => (said += text));
  const [code] = (await once(child, 'close')) as [number];
  assert.equal(code, 0, said);
  assert.match(said, /gateway town-hall, 2 sources \(host, air\), 1 rule to shape readings, no mistake/);
  assert.match(said, /air +air-1 +temperature +\d+ +68\.9 \[degF\] +\d+ +20\.5 Cel +good/);
  assert.match(said, /\{"taken":1\}/);
  const arrived = new Set(
    broker.publishes
      .filter(({ topic }) => topic === 'millrace/v1/town-hall/readings')
      .flatMap(({ payload }) =>
        decodeBatch(payload).series.map(({ sensor, metric, unit }) => `${sensor} ${metric} ${unit}`),
      ),
  );
  for (const series of ['air-1 temperature Cel', 'rain-1 depth mm', 'cpu load_1m 1'])
    assert.ok(arrived.has(series), series);
});
