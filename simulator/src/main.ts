/** A simulated city: real MQTT clients of the bridge, whose readings are a function of seed, gateway and time. */
import { type ConfigSource, loadConfig } from '@millrace/runtime/config.ts';
import { logSchema } from '@millrace/runtime/schemas.ts';
import { runService } from '@millrace/runtime/service.ts';
import { buildCity } from './city.ts';
import { parseBackfill, type SimulateConfig, simulateSchema } from './config.ts';
import { Fleet } from './fleet.ts';
import { bootStart } from './local-time.ts';
import { dayClock, wallClock } from './virtual-clock.ts';

export interface SimulateOptions {
  /** Instead of what the configuration says. */
  readonly gateways?: number | undefined;
  readonly seed?: number | undefined;
  readonly prefix?: string | undefined;
  readonly backfill?: string | undefined;
  readonly url?: string | undefined;
  /** A past day from its midnight on, instead of now. Speed: the city's seconds in one of ours, or infinite. */
  readonly day?: { readonly midnightMs: number; readonly speed: number } | undefined;
}

/**
 * Runs until SIGTERM or SIGINT, or until the day is over and acknowledged; resolves with the exit code.
 * @throws {ConfigError} when sections `simulate` or `log` are wrong; then nothing was started.
 */
export async function runSimulator(from: ConfigSource, options: SimulateOptions): Promise<number> {
  const { simulate, log: logConfig } = loadConfig(from, { simulate: simulateSchema, log: logSchema });
  const config = withOptions(simulate, options);
  const posts = buildCity(config.gateways, config.seed, config.prefix);
  const { health } = config;
  return runService({ name: 'simulate', section: 'simulate', logLevel: logConfig.level, health }, async service => {
    const { log, metrics } = service;
    const { day } = options;
    const clock = day === undefined ? wallClock : dayClock(day.midnightMs, day.speed);
    // From a boot's beginning, so that no sequence has a hole, and a run after a kill sends again what may be missing.
    const fromMs = day?.midnightMs ?? bootStart(Date.now() - parseBackfill(config.backfill)!);
    await using fleet = new Fleet({ config, posts, clock, fromMs, log, metrics });
    log.info(
      { gateways: posts.length, seed: config.seed, from: new Date(fromMs).toISOString() },
      `sending to ${config.mqtt.url}`,
    );
    service.health.check('bridge', () => fleet.online > 0 || 'no gateway is connected');
    await Promise.race([service.untilStopped(), fleet.finished]);
    if (!service.stop.aborted)
      log.info({ readings: fleet.acknowledged }, 'the day is over, and all its readings are acknowledged');
  });
}

function withOptions(
  config: SimulateConfig,
  { gateways, seed, prefix, backfill, url }: SimulateOptions,
): SimulateConfig {
  return {
    ...config,
    ...(gateways !== undefined && { gateways }),
    ...(seed !== undefined && { seed }),
    ...(prefix !== undefined && { prefix }),
    ...(backfill !== undefined && { backfill }),
    ...(url !== undefined && { mqtt: { ...config.mqtt, url } }),
  };
}
