import { setInterval } from 'node:timers/promises';
import { messageOf, TransientError } from '@millrace/runtime/errors.ts';
import type { Logger } from '@millrace/runtime/log.ts';
import type { QuestdbHttp } from './http.ts';
import { passesByItself, walStates } from './wal-watch.ts';

/**
 * QuestDB gives a materialized view up when its base is changed by UPDATE, TRUNCATE or a dropped partition, and with it those
 * made from it; it then shows what it last knew. Each is made anew from what the base holds now, the finest first. One that
 * was suspended for want of disk, memory or file handles is asked to go on.
 */
export async function mendViews(http: QuestdbHttp, log: Logger, tablePrefix = ''): Promise<void> {
  const { rows } = await http.query(
    'SELECT view_name, base_table_name, view_status, invalidation_reason FROM materialized_views()',
  );
  const own = rows
    .map(([name, base, status, reason]) => ({ name, base, status, reason }) as Record<string, string>)
    .filter(({ name }) => name!.startsWith(`${tablePrefix}readings_`));
  const invalid = own.filter(({ status }) => status === 'invalid');
  for (const { name, base, reason } of invalid) {
    if (invalid.some(other => other['name'] === base)) continue; // After its base, at the next look.
    log.warn(`QuestDB had given up the view ${name} (${reason}); it is made anew from ${base}`);
    await http.query(`REFRESH MATERIALIZED VIEW ${name} FULL`);
  }
  const states = await walStates(http);
  for (const { name } of own) {
    const state = states.get(name!);
    if (state?.suspended && passesByItself(state)) await http.query(`ALTER MATERIALIZED VIEW ${name} RESUME WAL`);
  }
}

const everyMs = 60_000;

/** Looks after them until the signal. */
export async function keepViewsValid(http: QuestdbHttp, log: Logger, signal: AbortSignal): Promise<void> {
  try {
    for await (const _ of setInterval(everyMs, undefined, { signal })) await lookOnce(http, log);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

async function lookOnce(http: QuestdbHttp, log: Logger): Promise<void> {
  try {
    await mendViews(http, log);
  } catch (error) {
    if (!(error instanceof TransientError)) throw error;
    log.debug(`views were not looked at: ${messageOf(error)}`); // The sinks say that QuestDB is away.
  }
}
