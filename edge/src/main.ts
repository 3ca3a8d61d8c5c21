/** The agent on a gateway: sources → shape → clock → outbox → uplink. */
import type { ConfigSource } from '@millrace/runtime/config.ts';
import { runService } from '@millrace/runtime/service.ts';
import { openDating } from './clock/dated-outbox.ts';
import { Commands } from './commands.ts';
import { doorSocket, outboxOptions } from './config.ts';
import { openDoor } from './door/door.ts';
import { doorLimits, doorReadings } from './door/readings.ts';
import { doorSource } from './door/source-name.ts';
import { agentStatus } from './door/status.ts';
import { loadEdge } from './load.ts';
import { edgeMetrics } from './metrics.ts';
import { prepareNodeRed } from './node-red/prepare.ts';
import { RunningNodeRed } from './node-red/run.ts';
import { type Outbox, openOutbox } from './outbox/outbox.ts';
import { Shaper } from './shaping/shaper.ts';
import { readingsHandler } from './sources/http/handler.ts';
import { runSources } from './sources/run.ts';
import { SensorWatch } from './sources/watch.ts';
import { statusOf } from './status.ts';
import { notifySystemd } from './systemd.ts';
import { readTls } from './tls.ts';
import { Uplink } from './uplink.ts';

/**
 * Runs the agent until SIGTERM or SIGINT; resolves with the exit code.
 * @throws {ConfigError} when sections `edge` or `log` are wrong; then nothing was started.
 */
export async function runEdge(from: ConfigSource): Promise<number> {
  const { edge: config, log: logConfig, sources } = await loadEdge(from);
  const nodeRed = prepareNodeRed(config, from);
  const { gateway, health, local } = config;
  return runService({ name: 'edge', section: 'edge', logLevel: logConfig.level, health }, async service => {
    const { log } = service;
    const options = { ...outboxOptions(config, from), log };
    await using outbox = openOutbox(options);
    await using dated = await openDating(config, from, options, outbox);
    const { clock } = dated;
    const metrics = edgeMetrics(service.metrics, outbox);
    const nowUs = (): number => clock.nowUs();
    const commands = new Commands({ gateway, nowUs, send: reply => uplink.reply(reply), log });
    await using uplink = new Uplink({
      ...config,
      outbox,
      status: () => statusOf(config, outbox, clock),
      onCommand: payload => commands.receive(payload),
      ...(config.mqtt.tls !== undefined && { tls: () => readTls(config, from) }),
      log,
      ...metrics,
    });
    using watch = new SensorWatch(log).start();
    metrics.observe(uplink, watch, dated);
    const shaper = new Shaper({
      rules: config.shape,
      onMismatch: (source, sensor, why) => watch.mark(source, sensor, 'garbage', why),
    });
    const door = doorReadings();
    const all = local.enabled ? [...sources, { name: doorSource, source: door.source }] : sources;
    const shape = shaper.shape.bind(shaper);
    await using running = runSources(all, { outbox: dated.intake, nowUs, watch, shape, log, ...metrics });
    await using _ = local.enabled
      ? await openDoor(
          {
            socket: doorSocket(config, from),
            status: () => agentStatus({ config, outbox, dated, uplink, watch }),
            commands,
            onReadings: readingsHandler({ ...doorLimits, emit: door.emit, nowUs, unnamed: gateway }),
            log,
          },
          local.socket !== undefined,
        )
      : undefined;
    await using _beside =
      nodeRed && new RunningNodeRed(nodeRed, { log, socket: doorSocket(config, from), env: from.env });
    service.health.check('outbox', () => outbox.writable);
    await using _signs = notifySystemd({ env: from.env, log, status: () => sentenceOf(uplink, outbox) });
    await service.untilStopped(outbox.failed, dated.failed, running.failed);
  });
}

/** For `systemctl status`. */
function sentenceOf(uplink: Uplink, outbox: Outbox): string {
  const { readings } = outbox.level;
  return `${uplink.connected ? 'connected' : 'not connected'}, ${readings} readings in the outbox`;
}
