/** From a message to readings on disk, and to what is said of its sensor. */
import { messageOf, RejectedError } from '@millrace/runtime/errors.ts';
import type { IPublishPacket } from 'mqtt';
import { mapped } from '../mapping/mapping.ts';
import type { Sensors } from '../sensors.ts';
import type { Emit, RunContext } from '../source.ts';
import type { MqttConfig, Subscription } from './config.ts';
import { baseLevels, covers } from './filter.ts';
import type { Decoder, Message, Taken } from './preset.ts';
import { presets } from './presets/list.ts';

interface Route {
  readonly subscription: Subscription;
  readonly filter: string;
  readonly decoder: Decoder;
}

export interface IntakeOptions extends Pick<RunContext, 'nowUs' | 'log'> {
  readonly emit: Emit;
  readonly sensors: Sensors;
  /** QoS 0, on the connection there is. */
  readonly publish: (topic: string, payload: Uint8Array) => void;
}

/** Holds what the presets remember (aliases, units) for one run of the source, across its connections. */
export class Intake {
  /** What to subscribe to. */
  readonly filters: readonly string[];
  readonly #routes: readonly Route[];
  readonly #maxBytes: number;
  readonly #options: IntakeOptions;

  constructor({ subscriptions, maxPayloadBytes }: MqttConfig, options: IntakeOptions) {
    this.#routes = subscriptions.flatMap(subscription =>
      subscription.topic.map(filter => ({ subscription, filter, decoder: decoderOf(subscription, filter) })),
    );
    this.filters = [...new Set(this.#routes.map(({ filter }) => filter))];
    this.#maxBytes = maxPayloadBytes;
    this.#options = options;
  }

  /** Resolves once the message may be acknowledged: its readings are on disk, or there are none. Rejects as `emit` does. */
  async take({ topic, payload, retain }: IPublishPacket): Promise<void> {
    const { emit, sensors, publish } = this.#options;
    const message = this.#message(topic, Buffer.from(payload));
    const route = this.#routeOf(message);
    if (route === undefined) return; // Of a session whose configuration was another.
    if (message.payload.length === 0) return; // A retained message is taken back so (§ 3.3.1.3), or it was too large.
    const taken = this.#decoded(route, message);
    if (taken === undefined) return;
    const { readings = [], troubles = [], requests = [] } = taken;
    for (const request of requests) publish(request.topic, request.payload);
    // Retained: of unknown age, and sent again at each subscribe, so it needs a time of its own.
    const fresh = retain ? readings.filter(({ dated }) => dated === 'source') : readings;
    if (fresh.length > 0) await emit(fresh);
    const names = new Set(fresh.map(({ sensor }) => sensor));
    sensors.heard(names, route.subscription.silentAfterMs, message.nowUs);
    for (const one of troubles) sensors.say(one);
  }

  /** Of a payload that was not even read. */
  refuseOversize(topic: string, bytes: number): void {
    const message = this.#message(topic, Buffer.alloc(0));
    const route = this.#routeOf(message);
    if (route !== undefined) this.#sayGarbage(route, message, this.#tooLarge(bytes));
  }

  /** Undefined: garbage. It is acknowledged all the same: sent again it would be no better, and stand before all others. */
  #decoded(route: Route, message: Message): Taken | undefined {
    try {
      if (message.payload.length > this.#maxBytes) throw this.#tooLarge(message.payload.length);
      return route.decoder.take(message);
    } catch (error) {
      // A decoder that breaks is our own mistake; it must not stop the other sensors.
      if (!(error instanceof RejectedError))
        this.#options.log.error({ err: error, topic: message.topic }, 'decoder broke');
      this.#sayGarbage(route, message, error);
      return undefined;
    }
  }

  #sayGarbage({ decoder }: Route, message: Message, error: unknown): void {
    const sensor = decoder.sensorOf?.(message) || message.topic;
    this.#options.sensors.say({ sensor, trouble: 'garbage', why: `${message.topic}: ${messageOf(error)}` });
  }

  #message(topic: string, payload: Buffer): Message {
    return { topic, levels: topic.split('/'), payload, nowUs: this.#options.nowUs() };
  }

  #routeOf({ levels }: Message): Route | undefined {
    return this.#routes.find(({ filter }) => covers(filter, levels));
  }

  #tooLarge(bytes: number): RejectedError {
    return new RejectedError('payload', `has ${bytes} bytes, at most ${this.#maxBytes} are taken`);
  }
}

function decoderOf({ preset, mapping, units }: Subscription, filter: string): Decoder {
  if (preset !== undefined) return presets[preset]({ units, baseLevels: baseLevels(filter) });
  const { sensor } = mapping![0]!;
  return {
    sensorOf({ levels }) {
      if (typeof sensor === 'string') return sensor;
      return 'topic' in sensor ? levels[sensor.topic - 1] : undefined;
    },
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
