/** The source over a real outbox, until it is killed. Arguments: outbox file, socket. */
import { openLog } from '@millrace/runtime/log.ts';
import { Clock } from '@millrace/wire/batch.ts';
import type { GatewayId } from '@millrace/wire/names.ts';
import { openOutbox } from '../../../outbox/outbox.ts';
import { httpSchema } from '../config.ts';
import { httpSource } from '../source.ts';

const [path, socket] = process.argv.slice(2) as [string, string];
const log = openLog('test', 'silent');
const outbox = openOutbox({
  path,
  origin: { gateway: 'gw-1' as GatewayId, site: '', zone: '', clock: Clock.SYNCED },
  sources: ['http'],
  maxBytes: 1 << 30,
  maxAgeMs: 0,
  minFreeBytes: 0,
  dropPolicy: 'refuse',
  groupCommitMs: 2,
  groupCommitReadings: 500,
  log,
});
const source = httpSource(httpSchema.parse({ type: 'http', socket }), { socket }, () =>
  process.stdout.write('listens\n'),
);
await source.run((readings, note) => outbox.append('http', readings, note), {
  signal: new AbortController().signal,
  cursor: undefined,
  log,
  nowUs: () => Date.now() * 1000,
  trouble: () => {},
});
