/**
 * Messages that the broker sends again in the same session, because it did not see our PUBACK: their readings are not
 * taken a second time. Known only while this process lives; after a kill they are, at-least-once.
 */
import { createHash } from 'node:crypto';
import type { IPublishPacket } from 'mqtt';

interface Delivery {
  readonly digest: string;
  readonly taken: Promise<void>;
  acknowledged: boolean;
}

const remembered = 1000;

export class Redelivery {
  readonly #by = new Map<number, Delivery>();

  /** A session that the broker does not remember resends nothing, and gives its packet identifiers out anew. */
  opened(sessionPresent: boolean): void {
    if (!sessionPresent) this.#by.clear();
  }

  /** Runs `take`, or joins the earlier run for the same message. */
  once(packet: IPublishPacket, take: () => Promise<void>): Promise<void> {
    const { messageId, qos, dup, topic, payload } = packet;
    if (qos !== 1 || messageId === undefined) return take();
    const digest = createHash('sha256').update(topic).update('\0').update(payload).digest('base64');
    const before = this.#by.get(messageId);
    // An identifier is not given to another message before its PUBACK [MQTT-2.3.1-4].
    if (before?.digest === digest && (dup || !before.acknowledged)) return before.taken;
    const delivery: Delivery = { digest, taken: take(), acknowledged: false };
    this.#by.delete(messageId);
    this.#by.set(messageId, delivery);
    delivery.taken.then(
      () => void (delivery.acknowledged = true),
      () => void this.#by.delete(messageId),
    );
    if (this.#by.size > remembered) this.#by.delete(this.#by.keys().next().value!);
    return delivery.taken;
  }
}
