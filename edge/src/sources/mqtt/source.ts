/** A local MQTT broker's messages. PUBACK goes to it only once the readings are on disk. */
import { readFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { ConfigError, messageOf, RejectedError } from '@millrace/runtime/errors.ts';
import { backoffMs } from '@millrace/runtime/retry.ts';
import type { IPublishPacket } from 'mqtt';
import { mapped } from '../mapping/mapping.ts';
import type { Emit, RunContext, Source, SourceKind } from '../source.ts';
import { declareSteadily } from '../steady.ts';
import { type MqttConfig, mqttSchema, type Subscription } from './config.ts';
import { baseLevels, covers } from './filter.ts';
import { type Link, type LinkOptions, openLink } from './link.ts';
import type { Decoder, Message } from './preset.ts';
import { presets } from './presets/list.ts';
import { Redelivery } from './redelivery.ts';
import { Sensors } from './sensors.ts';

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

interface Route {
  readonly subscription: Subscription;
  readonly filter: string;
  readonly decoder: Decoder;
}

export function mqttSource(config: MqttConfig, secrets: Pick<LinkOptions, 'password' | 'tls'> = {}): Source {
  return {
    async run(emit, context) {
      const stop = new AbortController();
      const signal = AbortSignal.any([context.signal, stop.signal]);
      const sensors = new Sensors(context.trouble);
      try {
        await Promise.all([
          declareSteadily(emit, { latenessMs: config.latenessMs, nowUs: context.nowUs, signal }),
          watch(sensors, { ...context, signal }),
          listen(config, secrets, emit, { ...context, signal }, sensors),
        ]);
      } finally {
        stop.abort();
      }
    },
  };
}

async function watch(sensors: Sensors, { nowUs, signal }: RunContext): Promise<void> {
  while (!signal.aborted) {
    sensors.watch(nowUs());
    await wait(1000, undefined, { signal }).catch(() => {});
  }
}

async function listen(
  config: MqttConfig,
  secrets: Pick<LinkOptions, 'password' | 'tls'>,
  emit: Emit,
  { signal, nowUs, log }: RunContext,
  sensors: Sensors,
): Promise<void> {
  const routes: Route[] = config.subscriptions.flatMap(subscription =>
    subscription.topic.map(filter => ({ subscription, filter, decoder: decoderOf(subscription, filter) })),
  );
  const redelivery = new Redelivery();
  let link: Link | undefined;

  /** Resolves once the message may be acknowledged: its readings are on disk, or there are none. */
  const take = async (packet: IPublishPacket): Promise<void> => {
    const { topic, retain } = packet;
    const payload = Buffer.from(packet.payload);
    const message: Message = { topic, levels: topic.split('/'), payload, nowUs: nowUs() };
    const route = routes.find(({ filter }) => covers(filter, message.levels));
    if (route === undefined) return; // Of a session whose configuration was another.
    const { decoder, subscription } = route;
    try {
      if (payload.length > config.maxPayloadBytes)
        throw new RejectedError('payload', `has ${payload.length} bytes, at most ${config.maxPayloadBytes} are taken`);
      const { readings = [], troubles = [], requests = [] } = decoder.take(message);
      for (const request of requests) link?.publish(request.topic, request.payload);
      // Retained: of unknown age, and sent again at each subscribe, so it needs a time of its own.
      const fresh = retain ? readings.filter(({ dated }) => dated === 'source') : readings;
      if (fresh.length > 0) await emit(fresh);
      sensors.heard(new Set(fresh.map(({ sensor }) => sensor)), subscription.silentAfterMs, message.nowUs);
      for (const one of troubles) sensors.say(one);
    } catch (error) {
      if (!(error instanceof RejectedError)) throw error;
      // Acknowledged all the same: sent again it would be no better, and stand before all others.
      sensors.say({
        sensor: decoder.sensorOf?.(message) || topic,
        trouble: 'garbage',
        why: `${topic}: ${error.message}`,
      });
    }
  };

  let failures = 0;
  while (!signal.aborted) {
    let open = false;
    link = openLink({
      ...secrets,
      url: config.url,
      clientId: config.clientId ?? `millrace-${config.name ?? config.type}`,
      username: config.username,
      keepaliveSeconds: config.keepaliveSeconds,
      inFlight: config.inFlight,
      onOpen(sessionPresent) {
        open = true;
        redelivery.opened(sessionPresent);
      },
      onMessage: packet => redelivery.once(packet, () => take(packet)),
    });
    const { opened, closed, subscribe, end } = link;
    const filters = [...new Set(routes.map(({ filter }) => filter))];
    const working = opened.then(async () => {
      for (const refused of await subscribe(filters, config.qos))
        log.warn({ filter: refused }, 'the broker refuses this subscription: nothing comes from there');
      if (failures > 0) log.info({ url: config.url }, 'connected to the sensors’ broker again');
      failures = 0;
      sensors.brokerBack(nowUs());
    });
    working.catch(end);
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
    const reason = await closed;
    signal.removeEventListener('abort', end);
    if (signal.aborted) return;
    if (failures === 0)
      log.warn({ url: config.url }, `no connection to the sensors’ broker, tried until it works: ${reason}`);
    // One cut that mends at once is no news of the sensors.
    if (!open) sensors.brokerGone(reason);
    await wait(backoffMs(failures, 200, 10_000), undefined, { signal }).catch(() => {});
    failures += 1;
  }
}

function decoderOf({ preset, mapping, units }: Subscription, filter: string): Decoder {
  if (preset !== undefined) return presets[preset]({ units, baseLevels: baseLevels(filter) });
  return {
    take({ levels, payload, nowUs }) {
      const { readings, faults } = mapped(mapping!, parsed(payload), { levels, nowUs });
      const first = faults[0];
      if (readings.length === 0 && first !== undefined) throw new RejectedError(first.element, first.message);
      return { readings };
    },
  };
}

/** A payload that is no JSON is a text: `21.5`, `ON`. */
function parsed(payload: Buffer): unknown {
  const text = payload.toString();
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
