/** What only looks like a repetition, and what is one: readings of one instant with different seq, and one PUBLISH sent five times. */
import { randomInt } from 'node:crypto';
import { Clock, encodeBatch } from '@millrace/wire/batch.ts';
import { type GatewayId, mqttTopic } from '@millrace/wire/names.ts';
import { sql } from './account.ts';
import { RawClient } from './raw-mqtt.ts';
import { type Scene, until } from './scene.ts';

const readings = 20;

export async function twins(scene: Scene): Promise<void> {
  const { city } = scene;
  const gateway = `twins-${randomInt(1e9)}` as GatewayId;
  const nowUs = Date.now() * 1000;
  const index = Array.from({ length: readings }, (_, i) => i);
  const batch = encodeBatch({
    gateway,
    site: 'faults',
    boot: randomInt(2 ** 40),
    firstSeq: 0,
    series: [{ sensor: 's', metric: 'm', unit: '1', intervalMs: 0, zone: '' }],
    seriesIndex: index.map(() => 0),
    // Two of each instant and of the same series.
    timeUs: index.map(i => nowUs + Math.floor(i / 2)),
    value: index.map(i => i),
    quality: index.map(() => 0),
    clock: Clock.SYNCED,
    completeThroughUs: nowUs,
    dropped: [],
  });
  await using client = await RawClient.open(Number(new URL(city.mqttUrl).port), gateway);
  const count = async (): Promise<number> =>
    Number((await sql(city, `select count() from readings where gateway = '${gateway}'`))[0]![0]);
  for (let again = 0; again < 5; again++) {
    await scene.fault(() => client.publish(mqttTopic(gateway, 'readings'), batch, { id: 7, dup: again > 0 }));
    await until(`${readings} rows of ${gateway}`, 60_000, 50, async () => (await count()) >= readings);
  }
  // Rows of the load that came after the last repetition are visible, so the repetition would be too.
  await scene.flows();
  const rows = await count();
  if (rows !== readings) throw new Error(`${gateway} sent ${readings} readings five times, and the table has ${rows}`);
}
