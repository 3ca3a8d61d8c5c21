/** Runs the source with an `emit` that never resolves: killed, it has acknowledged nothing. Arguments: broker's URL. */
import { openLog } from '@millrace/runtime/log.ts';
import { mqttSchema } from '../config.ts';
import { mqttSource } from '../source.ts';

const config = mqttSchema.parse({
  type: 'mqtt',
  url: process.argv[2],
  clientId: 'gw',
  subscriptions: [{ topic: 'a/+', mapping: { sensor: { topic: 2 }, metric: 'x', value: '$' } }],
});
await mqttSource(config).run(
  async readings => {
    if (readings.length === 0) return;
    process.stdout.write(`${readings[0]!.value}\n`);
    await new Promise(() => {});
  },
  {
    signal: new AbortController().signal,
    cursor: undefined,
    log: openLog('test', 'silent'),
    nowUs: () => Date.now() * 1000,
    trouble: () => {},
  },
);
