/** What `millrace rejected …` does, once its arguments are understood. */
import { once } from 'node:events';
import { append } from '@millrace/bridge/append.ts';
import { describe, hexDump } from '@millrace/ledger/describe.ts';
import { exportFiles, exportLines, metadataOf } from '@millrace/ledger/export.ts';
import { type Outcome, type RedriveOptions, redrive } from '@millrace/ledger/redrive.ts';
import { matches, type RejectedFilter, type RejectedRecord, visitRejected } from '@millrace/ledger/rejected.ts';
import type { ConfigSource } from '@millrace/runtime/config.ts';
import { exitCodes } from '@millrace/runtime/service.ts';
import { kafkaTopics } from '@millrace/wire/names.ts';
import { serversOf } from './servers.ts';
import { grouped, harmless, table, terminalWidth, wrapped } from './text.ts';

const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** The newest `limit`, newest last. */
export async function list(
  source: ConfigSource,
  filter: RejectedFilter,
  limit: number,
  json: boolean,
): Promise<number> {
  const { kafka, prefix } = serversOf(source);
  type Row = Omit<RejectedRecord, 'value'> & { readonly bytes: number; became?: string };
  let newest: Row[] = [];
  let count = 0;
  const became = new Map<string, string>();
  const older = (): void => {
    newest.sort((a, b) => a.timestampMs - b.timestampMs);
    newest = newest.slice(-limit);
  };
  await visitRejected(
    { kafka, topic: kafkaTopics(prefix).rejected },
    {
      record({ value, ...record }) {
        if (!matches(filter, { ...record, value })) return;
        count++;
        newest.push({ ...record, bytes: value?.length ?? 0 });
        if (newest.length >= 2 * limit) older();
      },
      mark: (place, sentence) => void became.set(place, sentence),
    },
  );
  older();
  if (json) {
    const rows = newest.map(({ place, bytes, stage, reason, origin, attempts, ...record }) => ({
      place,
      ...metadataOf({ ...record, place, stage, reason, origin, attempts, value: null }),
      stage,
      reason,
      origin,
      attempts,
      bytes,
      redriven: became.get(place) ?? null,
    }));
    say(JSON.stringify(rows, null, 2));
    return exitCodes.done;
  }
  if (count === 0) {
    say('No rejected records.');
    return exitCodes.done;
  }
  const rows = newest.map(({ place, timestampMs, key, stage, attempts, reason }) => {
    const fate = became.get(place) ?? '';
    return [
      place,
      new Date(timestampMs).toISOString().slice(0, 19).replace('T', ' '),
      harmless(key),
      harmless(stage),
      attempts === 0 ? '' : String(attempts),
      fate === '' ? '' : fate.startsWith('rejected') ? 'failed' : 'sent',
      harmless(reason),
    ];
  });
  const columns = [
    { title: 'place' },
    { title: 'rejected (UTC)' },
    { title: 'gateway' },
    { title: 'stage' },
    { title: 'attempts', right: true },
    { title: 'again' },
    { title: 'reason', rest: true },
  ];
  const width = terminalWidth();
  const lines = table(columns, rows, width);
  if (Math.max(...lines.map(line => line.length)) <= width) for (const line of lines) say(line);
  else
    for (const [place, time, gateway, stage, attempts, again, reason] of rows) {
      const state = [attempts && `attempts ${attempts}`, again].filter(Boolean).join(', ');
      say(`${place}  ${time}  ${gateway}`);
      say(`  ${wrapped(`${stage}${state ? ` (${state})` : ''}: ${reason}`, width - 2, '  ')}`);
    }
  if (count > newest.length) say(`… the newest ${grouped(newest.length)} of ${grouped(count)}; --limit shows more`);
  return exitCodes.done;
}

export async function show(source: ConfigSource, place: string, json: boolean): Promise<number> {
  const { kafka, prefix } = serversOf(source);
  const topics = kafkaTopics(prefix);
  let found: RejectedRecord | undefined;
  let became: string | undefined;
  await visitRejected(
    { kafka, topic: topics.rejected },
    {
      record(record) {
        if (record.place === place) found = record;
      },
      mark(marked, sentence) {
        if (marked === place) became = sentence;
      },
    },
    [Number(place.split(':')[0])],
  );
  if (found === undefined) {
    process.stderr.write(
      `millrace rejected: there is no record at ${place} in ${topics.rejected}; "millrace rejected list" shows the places\n`,
    );
    return exitCodes.failed;
  }
  const description = describe(found, topics);
  const bytes = found.value ?? new Uint8Array();
  if (json) {
    const value = Buffer.from(bytes).toString('base64');
    say(JSON.stringify({ place, ...metadataOf(found), redriven: became ?? null, ...description, value }, null, 2));
    return exitCodes.done;
  }
  const names = Object.keys(found.headers).sort();
  const width = Math.max(...names.map(name => name.length), 8);
  say(`${'place'.padEnd(width)}  ${place}`);
  say(`${'key'.padEnd(width)}  ${harmless(found.key)}`);
  say(`${'rejected'.padEnd(width)}  ${new Date(found.timestampMs).toISOString()}`);
  for (const name of names) say(`${harmless(name).padEnd(width)}  ${harmless(found.headers[name]!)}`);
  if (became !== undefined) say(`${'redrive'.padEnd(width)}  ${harmless(became)}`);
  say('');
  const { kind, content, problem } = description;
  say(`${kind}, ${grouped(bytes.length)} bytes${problem ? `: ${harmless(problem)}` : ''}`);
  if (content !== undefined) say(JSON.stringify(content, null, 2).split('\n').map(harmless).join('\n'));
  if (content === undefined || problem !== undefined) for (const line of hexDump(bytes)) say(line);
  return exitCodes.done;
}

export async function exportTo(source: ConfigSource, filter: RejectedFilter, target: string): Promise<number> {
  const { kafka, prefix } = serversOf(source);
  const topic = { kafka, topic: kafkaTopics(prefix).rejected };
  if (target === '-') {
    await exportLines(topic, filter, async line => {
      if (!process.stdout.write(line)) await once(process.stdout, 'drain');
    });
    return exitCodes.done;
  }
  const count = await exportFiles(topic, filter, target);
  say(`${grouped(count)} records in ${target}: <partition>-<offset>.bin has the bytes, .json the headers.`);
  return exitCodes.done;
}

/** Exit code 1 when a record could not be sent, or failed the bridge's check again. */
export async function redriveThem(
  source: ConfigSource,
  options: Pick<RedriveOptions, 'which' | 'maxAttempts' | 'again' | 'force' | 'dryRun'>,
  json: boolean,
): Promise<number> {
  const { kafka, prefix } = serversOf(source);
  await using producer = await kafka.openProducer();
  const counts: Record<Outcome['outcome'], number> = { sent: 0, rejected: 0, refused: 0, 'left out': 0 };
  const words = options.dryRun ? { ...outcomeWords, sent: 'would be sent' } : outcomeWords;
  const outcomes: Outcome[] = [];
  await redrive({ kafka, topics: kafkaTopics(prefix), producer, publish: append, ...options }, outcome => {
    counts[outcome.outcome]++;
    if (json) outcomes.push(outcome);
    else {
      // What was done says so itself.
      const isDone = !options.dryRun && (outcome.outcome === 'sent' || outcome.outcome === 'rejected');
      const what = isDone ? '' : `${words[outcome.outcome]}: `;
      say(wrapped(`${outcome.place}  ${what}${harmless(outcome.sentence)}`, terminalWidth(), '  '));
    }
  });
  if (json) say(JSON.stringify(outcomes, null, 2));
  else {
    const parts = (Object.keys(counts) as Outcome['outcome'][]).filter(one => counts[one] > 0);
    say(
      parts.length === 0 ? 'No rejected records.' : `${parts.map(one => `${counts[one]} ${words[one]}`).join(', ')}.`,
    );
  }
  return counts.rejected + counts.refused > 0 ? exitCodes.failed : exitCodes.done;
}

const outcomeWords = { sent: 'sent', rejected: 'failed again', refused: 'refused', 'left out': 'left out' } as const;
