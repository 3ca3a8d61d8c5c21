/** `millrace simulate`: a city of gateways that are not there. */
import { type Command, parse, UsageError } from '../command.ts';

const maxSpeed = 3600;

export const simulate: Command = {
  name: 'simulate',
  summary: 'Send the readings of a simulated city: rush hours, weather, faults, outages',
  usage:
    '[--config FILE] [--gateways N] [--seed S] [--backfill TIME] [--prefix NAME] [--url URL] [--day DATE [--speed N|max]]',
  options: `  --gateways N    how many (default: 60)
  --seed S        a whole number; the same one gives the same city, and the same readings at the same time (default: 1)
  --backfill TIME how much of the past is sent behind the live readings: 0, 90m, 6h, 2d (default: 6h)
  --prefix NAME   begins the gateways' names (default: sim-); two simulators at one bridge need two
  --url URL       where the bridge is (default: mqtt://127.0.0.1:1883)
  --day DATE      instead of now: a past day in Auckland, from its midnight on, and then end
  --speed N|max   seconds of that day in one of ours, 1 to ${maxSpeed}, or as fast as the bridge takes them (default: 60)`,
  example: 'millrace simulate --gateways 200 --seed 7',
  async run(args) {
    const { values, source } = parse(
      args,
      {
        gateways: { type: 'string' },
        seed: { type: 'string' },
        backfill: { type: 'string' },
        prefix: { type: 'string' },
        url: { type: 'string' },
        day: { type: 'string' },
        speed: { type: 'string' },
      },
      { max: 0 },
    );
    const [{ runSimulator }, { isPrefix, parseBackfill, prefixRule }, { maxGateways }] = await Promise.all([
      import('@millrace/simulator/main.ts'),
      import('@millrace/simulator/config.ts'),
      import('@millrace/simulator/city.ts'),
    ]);
    const { backfill, prefix, url } = values;
    if (backfill !== undefined && parseBackfill(backfill) === undefined)
      throw new UsageError(`--backfill must be a time of at most 7 days, such as 90m, 6h or 2d; it is '${backfill}'`);
    if (prefix !== undefined && !isPrefix(prefix)) throw new UsageError(`--prefix ${prefixRule}; it is '${prefix}'`);
    if (url !== undefined && !(url.startsWith('mqtt://') && URL.canParse(url)))
      throw new UsageError(`--url must be an address such as mqtt://127.0.0.1:1883; it is '${url}'`);
    const day = await dayOf(values.day, values.speed);
    if (day !== undefined && backfill !== undefined) throw new UsageError('--backfill goes with now, not with --day');
    return runSimulator(source, {
      gateways: whole('gateways', values.gateways, 1, maxGateways),
      seed: whole('seed', values.seed, 0, 2 ** 32 - 1),
      backfill,
      prefix,
      url,
      day,
    });
  },
};

function whole(name: string, text: string | undefined, least: number, most: number): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < least || value > most)
    throw new UsageError(`--${name} must be a whole number from ${least} to ${most}; it is '${text}'`);
  return value;
}

async function dayOf(
  day: string | undefined,
  speed: string | undefined,
): Promise<{ midnightMs: number; speed: number } | undefined> {
  if (day === undefined) {
    if (speed !== undefined) throw new UsageError('--speed goes with --day');
    return undefined;
  }
  const { dayAfter, midnight, timeZone } = await import('@millrace/simulator/local-time.ts');
  const midnightMs = midnight(day);
  if (midnightMs === undefined) throw new UsageError(`--day must be a date such as 2026-03-14; it is '${day}'`);
  // The processors take no reading into a window that is dated ahead of its arrival.
  if (midnightMs < 0 || dayAfter(midnightMs) > Date.now())
    throw new UsageError(`--day must be a day since 1970 that is over in ${timeZone}; it is '${day}'`);
  return { midnightMs, speed: speed === 'max' ? Number.POSITIVE_INFINITY : (whole('speed', speed, 1, maxSpeed) ?? 60) };
}
