/** Replays a file into an outbox as fast as it goes: `node replayer.ts OUTBOX CSV`. Says so once it has begun. */
import { openLog } from '@millrace/runtime/log.ts';
import { Clock } from '@millrace/wire/batch.ts';
import type { GatewayId } from '@millrace/wire/names.ts';
import { openOutbox } from '../../../outbox/outbox.ts';
import { replaySchema } from '../config.ts';
import { replay } from '../source.ts';

const log = openLog('replayer', 'silent');
await using outbox = openOutbox({
  path: process.argv[2]!,
  origin: { gateway: 'gw-1' as GatewayId, site: '', zone: '', clock: Clock.SYNCED },
  sources: ['replay'],
  maxBytes: 1 << 30,
  maxAgeMs: 0,
  minFreeBytes: 0,
  dropPolicy: 'refuse',
  groupCommitMs: 0,
  groupCommitReadings: 500,
  log,
});
const config = replaySchema.parse({
  type: 'replay',
  file: process.argv[3],
  timeColumn: 'local',
  timeFormat: 'local',
  timeZone: 'Pacific/Auckland',
  metric: 'pedestrians',
  unit: '{people}/h',
  speed: 1e9,
});
const source = await replay.open(config, { key: 'source', resolvePath: path => path });
await source.run(
  async (readings, note) => {
    await outbox.append('replay', readings, note);
    process.stdout.write('.');
  },
  {
    signal: new AbortController().signal,
    cursor: outbox.cursor('replay'),
    log,
    nowUs: () => Date.now() * 1000,
    trouble: () => {},
  },
);
