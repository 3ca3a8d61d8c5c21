/** The agent on a gateway: sources → outbox → uplink. */
import { type ConfigSource, loadConfig, pathResolver } from '@millrace/runtime/config.ts';
import { logSchema } from '@millrace/runtime/schemas.ts';
import { runService } from '@millrace/runtime/service.ts';
import { Clock } from '@millrace/wire/batch.ts';
import { openDating } from './clock/dated-outbox.ts';
import { edgeSchema, outboxPath } from './config.ts';
import { edgeMetrics } from './metrics.ts';
import { openOutbox } from './outbox/outbox.ts';
import { prioritiesBy } from './outbox/priorities.ts';
import { openSources, runSources } from './sources/run.ts';
import { SensorWatch } from './sources/watch.ts';
import { statusOf } from './status.ts';
import { Uplink } from './uplink.ts';

/**
 * Runs the agent until SIGTERM or SIGINT; resolves with the exit code.
 * @throws {ConfigError} when sections `edge` or `log` are wrong; then nothing was started.
 */
export async function runEdge(from: ConfigSource): Promise<number> {
  const { edge, log: logConfig } = loadConfig(from, { edge: edgeSchema, log: logSchema });
  const sources = await openSources(edge.sources, pathResolver(from));
  const { gateway, site, zone, health } = edge;
  return runService({ name: 'edge', section: 'edge', logLevel: logConfig.level, health }, async service => {
    const { log } = service;
    const options = {
      ...edge.outbox,
      path: outboxPath(edge, from),
      origin: { gateway, site, zone, clock: edge.clock.assume === 'unsynced' ? Clock.UNSYNCED : Clock.SYNCED },
      sources: sources.map(({ name }) => name),
      priorityOf: prioritiesBy(edge.priorities, zone),
      log,
    };
    await using outbox = openOutbox(options);
    await using dated = await openDating(edge, from, options, outbox);
    const { clock } = dated;
    const metrics = edgeMetrics(service.metrics, outbox);
    await using uplink = new Uplink({ ...edge, outbox, status: () => statusOf(edge, outbox, clock), log, ...metrics });
    using watch = new SensorWatch(log).start();
    metrics.observe(uplink, watch, dated);
    await using running = runSources(sources, {
      outbox: dated.intake,
      nowUs: () => clock.nowUs(),
      watch,
      log,
      ...metrics,
    });
    service.health.check('outbox', () => outbox.writable);
    await service.untilStopped(outbox.failed, dated.failed, running.failed);
  });
}
