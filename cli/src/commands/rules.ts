/** The rules of alerts: are they right, and what would they have raised? */
import { ConfigError } from '@millrace/runtime/errors.ts';
import { exitCodes } from '@millrace/runtime/service.ts';
import { gatewayRule, isGatewayId } from '@millrace/wire/names.ts';
import { type Command, parse, UsageError } from '../command.ts';
import { terminalWidth } from '../text.ts';

const actions = ['check', 'test'] as const;
const timeFormats = ['local', 'offset', 'epoch-s', 'epoch-ms'] as const;

export const rules: Command = {
  name: 'rules',
  summary: 'Rules of alerts: check them, and try them on recorded data',
  usage: 'check FILE | test FILE --replay DATA [options]',
  options: [
    '  --replay DATA   an edge configuration with a source of type replay (.yaml); CSV with a column a sensor, or with',
    '                  columns time, sensor, metric, value and, where there, unit, zone, gateway, site; or the same as',
    '                  lines of JSON (.ndjson)',
    '  --time-column NAME   where the times are (default: time, ts, or the first column)',
    '  --time-zone ZONE     times without offset are of this zone: Pacific/Auckland',
    '  --time-format NAME   offset, local, epoch-s or epoch-ms (default: offset; local with a zone)',
    '  --metric NAME, --unit UNIT   what the values are, where the data does not say; units are UCUM',
    '  --interval DURATION  how often a sensor sends: 30s, 5m, 1h; rules on missed readings need it',
    '  --sensors FILE  CSV of the sensors, with their zones',
    '  --gateway NAME, --site NAME, --zone NAME   whose readings they are, where the data does not say',
    '  --limit N       show the first N alerts (default 50)',
    '  --json          print JSON, all alerts',
    '',
    'Exit code 78: the rules have mistakes, each told with its line. The alerts of test are those of the processors, which',
    'run here on the data. A source that replays faster than it was recorded is tried at its speed, and told in recorded time.',
  ].join('\n'),
  example: 'millrace rules test demo/rules.yaml --replay demo/auckland.yaml',
  async run(args) {
    const { values, positionals } = parse(
      args,
      {
        replay: { type: 'string' },
        'time-column': { type: 'string' },
        'time-zone': { type: 'string' },
        'time-format': { type: 'string' },
        metric: { type: 'string' },
        unit: { type: 'string' },
        interval: { type: 'string' },
        sensors: { type: 'string' },
        gateway: { type: 'string' },
        site: { type: 'string' },
        zone: { type: 'string' },
        limit: { type: 'string' },
        json: { type: 'boolean' },
      },
      { max: 2 },
    );
    const [action, file] = positionals;
    if (action === undefined || !(actions as readonly string[]).includes(action))
      throw new UsageError(
        `${action === undefined ? 'say what to do' : `'${action}' is none of these`}: ${actions.join(', ')}`,
      );
    if (file === undefined) throw new UsageError(`${action} takes a file of rules`);
    const { loadRules } = await import('@millrace/processors/alerts/rules.ts'); // Here, so that --help is quick.
    const json = values.json ?? false;
    const print = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
    if (action === 'check') {
      const [given] = Object.keys(values).filter(option => option !== 'json' && option !== 'config');
      if (given !== undefined) throw new UsageError(`--${given} is for test`);
      try {
        const found = loadRules(file);
        if (json) print({ file, rules: found });
        else process.stdout.write((await import('../rules-report.ts')).checkReport(file, found, terminalWidth()));
        return exitCodes.done;
      } catch (error) {
        if (!json || !(error instanceof ConfigError)) throw error;
        print({ file, mistakes: error.mistakes });
        return exitCodes.config;
      }
    }
    if (values.replay === undefined) throw new UsageError('test takes --replay DATA');
    const [needless] = /\.ya?ml$/i.test(values.replay)
      ? Object.keys(values).filter(option => !['replay', 'limit', 'json', 'config'].includes(option))
      : [];
    if (needless !== undefined) throw new UsageError(`--${needless}: an edge configuration says that itself`);
    const { parseDuration } = await import('@millrace/processors/alerts/durations.ts');
    const intervalUs = values.interval === undefined ? 0 : parseDuration(values.interval);
    if (intervalUs === undefined)
      throw new UsageError(`--interval ${values.interval}: a duration such as 30s, 5m or 1h`);
    const gateway = values.gateway ?? 'replay';
    if (!isGatewayId(gateway)) throw new UsageError(`--gateway ${gateway}: ${gatewayRule}`);
    const timeFormat = timeFormats.find(one => one === values['time-format']);
    if (values['time-format'] !== undefined && timeFormat === undefined)
      throw new UsageError(`--time-format ${values['time-format']}: one of ${timeFormats.join(', ')}`);
    const limit = Number(values.limit ?? 50);
    if (!Number.isSafeInteger(limit) || limit < 0) throw new UsageError(`--limit ${values.limit}: a whole number`);
    const found = loadRules(file);
    const [{ readRecording }, { replayRules }, { testJson, testReport }] = await Promise.all([
      import('../rules-recording.ts'),
      import('../rules-replay.ts'),
      import('../rules-report.ts'),
    ]);
    const recording = await readRecording(values.replay, {
      timeColumn: values['time-column'],
      timeFormat,
      timeZone: values['time-zone'],
      metric: values.metric,
      unit: values.unit,
      intervalMs: intervalUs / 1000,
      sensorsFile: values.sensors,
      gateway,
      site: values.site ?? '',
      zone: values.zone ?? '',
    });
    const replay = replayRules(found, recording);
    if (json) print(testJson(found, recording, replay));
    else process.stdout.write(testReport(found, recording, replay, { width: terminalWidth(), limit }));
    return exitCodes.done;
  },
};
