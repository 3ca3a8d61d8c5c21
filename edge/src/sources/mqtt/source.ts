/** A local MQTT broker's messages. PUBACK goes to it only once the readings are on disk. */
import { readFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { ConfigError, messageOf } from '@millrace/runtime/errors.ts';
import { backoffMs } from '@millrace/runtime/retry.ts';
import { Sensors, watchSilence } from '../sensors.ts';
import type { Emit, RunContext, Source, SourceKind } from '../source.ts';
import { declareSteadily } from '../steady.ts';
import { type MqttConfig, mqttSchema } from './config.ts';
import { Intake } from './intake.ts';
import { type Link, type LinkOptions, openLink } from './link.ts';
import { Redelivery } from './redelivery.ts';

export const mqtt = {
  schema: mqttSchema,
  async open(config: MqttConfig, { key, resolvePath }) {
    const read = async (path: string | undefined, name: string): Promise<Buffer | undefined> => {
      if (path === undefined) return undefined;
      return await readFile(resolvePath(path)).catch((error: unknown) => {
        throw ConfigError.of(`${key}.${name}`, `cannot be read (${messageOf(error)})`);
      });
    };
    const [password, ca, cert, keyPem] = await Promise.all([
      read(config.passwordFile, 'passwordFile'),
      read(config.tls?.ca, 'tls.ca'),
      read(config.tls?.cert, 'tls.cert'),
      read(config.tls?.key, 'tls.key'),
    ]);
    return mqttSource(config, {
      password: password?.toString().replace(/\r?\n$/, '') ?? config.password,
      tls: { ...(ca && { ca }), ...(cert && { cert }), ...(keyPem && { key: keyPem }) },
    });
  },
} satisfies SourceKind;

export function mqttSource(config: MqttConfig, secrets: Pick<LinkOptions, 'password' | 'tls'> = {}): Source {
  return {
    async run(emit, context) {
      const stop = new AbortController();
      const signal = AbortSignal.any([context.signal, stop.signal]);
      const sensors = new Sensors(context.trouble);
      try {
        await Promise.all([
          declareSteadily(emit, { latenessMs: config.latenessMs, nowUs: context.nowUs, signal }),
          watchSilence(sensors, { nowUs: context.nowUs, signal }),
          listen(config, secrets, emit, { ...context, signal }, sensors),
        ]);
      } finally {
        stop.abort();
      }
    },
  };
}

async function listen(
  config: MqttConfig,
  secrets: Pick<LinkOptions, 'password' | 'tls'>,
  emit: Emit,
  { signal, nowUs, log }: RunContext,
  sensors: Sensors,
): Promise<void> {
  let link: Link | undefined;
  const publish: Link['publish'] = (topic, payload) => link?.publish(topic, payload);
  const intake = new Intake(config, { emit, nowUs, log, sensors, publish });
  const redelivery = new Redelivery();
  let failures = 0;
  while (!signal.aborted) {
    let openedMs: number | undefined;
    link = openLink({
      ...secrets,
      url: config.url,
      clientId: config.clientId ?? `millrace-${config.name ?? config.type}`,
      username: config.username,
      keepaliveSeconds: config.keepaliveSeconds,
      inFlight: config.inFlight,
      maxPayloadBytes: config.maxPayloadBytes,
      onOversize: (topic, bytes) => intake.refuseOversize(topic, bytes),
      onOpen(sessionPresent) {
        openedMs = performance.now();
        redelivery.opened(sessionPresent);
      },
      onMessage: packet => redelivery.once(packet, () => intake.take(packet)),
    });
    const { opened, closed, subscribe, end } = link;
    const working = opened.then(async () => {
      for (const filter of await subscribe(intake.filters, config.qos))
        log.warn({ filter }, 'the broker refuses this subscription: nothing comes from there');
      if (failures > 0) log.info({ url: config.url }, 'connected to the sensors’ broker again');
      sensors.brokerBack(nowUs());
    });
    working.catch(end);
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
    const reason = await closed;
    signal.removeEventListener('abort', end);
    if (signal.aborted) return;
    // Two clients of one identifier throw each other out for ever: that is one failure, and waits longer each time.
    if (openedMs !== undefined && performance.now() - openedMs > stableMs) failures = 0;
    if (failures === 0)
      log.warn({ url: config.url }, `no connection to the sensors’ broker, tried until it works: ${reason}`);
    // One cut that mends at once is no news of the sensors.
    if (openedMs === undefined) sensors.brokerGone(reason);
    await wait(backoffMs(failures, 200, 10_000), undefined, { signal }).catch(() => {});
    failures += 1;
  }
}

/** A connection that held for so long was one. */
const stableMs = 5000;
