/** Records that could not be used: what they are, why, and the way back. */
import { gatewayRule, isGatewayId } from '@millrace/wire/names.ts';
import { type Command, parse, UsageError } from '../command.ts';
import { timeUs } from '../time.ts';

export const actions = ['list', 'show', 'export', 'redrive'] as const;

export const rejected: Command = {
  name: 'rejected',
  summary: 'Rejected records: list, show, export, and send again',
  usage: 'list | show PLACE | export DIR|- | redrive PLACE …|--all [options] [--config FILE]',
  options: [
    '  PLACE           partition:offset in the rejected topic, as list shows it',
    '  --stage NAME    only what was rejected by: bridge, sink-readings, …       (list, export, redrive --all)',
    '  --reason TEXT   only reasons that hold this text',
    '  --gateway NAME  only this gateway',
    '  --since TIME    only what was rejected since: 2026-11-22T19:00:00Z, or 2h, 30m, 7d ago',
    '  --limit N       the newest N (list; default 50)',
    '  --all           every record that the options above let through (redrive)',
    '  --max-attempts N  with --all, leave out what was sent again N times already (default 3)',
    '  --again         send also what was sent again before',
    '  --force         send also a status or statistics, which may replace newer ones',
    '  --dry-run       say what would be sent (redrive)',
    '  --json          print JSON (list, show, redrive); export - prints a line of JSON a record, bytes as base64',
    '',
    'redrive sends a record from Kafka to its topic, and a publish through the checks of the bridge. Readings keep their',
    'identity, so sending them twice stores them once. What fails again comes back with its number of attempts.',
  ].join('\n'),
  example: 'millrace rejected redrive --all --stage sink-readings --since 2h --dry-run',
  async run(args) {
    const { values, positionals, source } = parse(
      args,
      {
        stage: { type: 'string' },
        reason: { type: 'string' },
        gateway: { type: 'string' },
        since: { type: 'string' },
        limit: { type: 'string' },
        all: { type: 'boolean' },
        'max-attempts': { type: 'string' },
        again: { type: 'boolean' },
        force: { type: 'boolean' },
        'dry-run': { type: 'boolean' },
        json: { type: 'boolean' },
      },
      { max: 10_000 },
    );
    const [action, ...rest] = positionals;
    if (action === undefined || !(actions as readonly string[]).includes(action))
      throw new UsageError(
        `${action === undefined ? 'say what to do' : `'${action}' is none of these`}: ${actions.join(', ')}`,
      );
    const { stage, reason, gateway, since } = values;
    if (gateway !== undefined && !isGatewayId(gateway)) throw new UsageError(`--gateway ${gateway}: ${gatewayRule}`);
    const sinceMs = since === undefined ? undefined : timeUs('--since', since, Date.now()) / 1000;
    const filter = { stage, reason, gateway, sinceMs };
    const json = values.json ?? false;
    const run = await import('../rejected-actions.ts'); // loaded here, so that --help is quick
    switch (action) {
      case 'list':
        if (rest.length > 0) throw new UsageError(`unexpected argument '${rest[0]}'`);
        return await run.list(source, filter, whole('--limit', values.limit, 50), json);
      case 'show': {
        const [place, ...more] = rest;
        if (place === undefined || more.length > 0) throw new UsageError('show takes one PLACE, partition:offset');
        return await run.show(source, checkPlace(place), json);
      }
      case 'export': {
        const [target, ...more] = rest;
        if (target === undefined || more.length > 0)
          throw new UsageError('export takes a folder, or - for standard output');
        return await run.exportTo(source, filter, target);
      }
      default: {
        if (values.all === rest.length > 0) throw new UsageError('redrive takes places, or --all');
        if (!values.all && rest.length === 0) throw new UsageError('redrive takes places, or --all');
        const which = values.all ? filter : new Set(rest.map(checkPlace));
        const maxAttempts = whole('--max-attempts', values['max-attempts'], 3);
        const { again = false, force = false, 'dry-run': dryRun = false } = values;
        return await run.redriveThem(source, { which, maxAttempts, again, force, dryRun }, json);
      }
    }
  },
};

function whole(option: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  if (!/^\d{1,9}$/.test(text) || text === '0') throw new UsageError(`${option} ${text}: a whole number from 1`);
  return Number(text);
}

function checkPlace(text: string): string {
  if (!/^\d{1,6}:\d{1,19}$/.test(text)) throw new UsageError(`'${text}' is no place: partition:offset, like 3:17`);
  return text;
}
