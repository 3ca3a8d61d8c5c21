/** `millrace out`: readings into the agent's outbox; the message goes on, and is done, once they are on its disk. */
import type { Node, NodeAPI, NodeDef } from 'node-red';
import { doorOf, type InputHandler } from './door-of.ts';
import { Outgoing } from './outgoing.ts';
import { type Given, readingsOf } from './readings.ts';

interface OutDef extends NodeDef {
  agent?: string;
  sensor?: string;
  metric?: string;
  unit?: string;
  /** Numbers come as text from the editor. */
  intervalMs?: string | number;
  limit?: string | number;
}

/** The editor is told at most so often. */
const statusEveryMs = 250;

function outNodes(RED: NodeAPI): void {
  RED.nodes.registerType('millrace out', function (this: Node, def: OutDef) {
    RED.nodes.createNode(this, def);
    const door = doorOf(RED, this, def.agent);
    if ('why' in door) {
      this.on('input', (_message, _send, done) => done(new Error(door.why)));
      return;
    }
    let pending: NodeJS.Timeout | undefined;
    const outgoing = new Outgoing({
      socket: door.socket,
      limit: positive(def.limit) ?? 10_000,
      onChange: () => {
        pending ??= setTimeout(() => {
          pending = undefined;
          this.status(dotOf(outgoing));
        }, statusEveryMs);
      },
    });
    const given: Given = {
      sensor: def.sensor,
      metric: def.metric,
      unit: def.unit,
      intervalMs: positive(def.intervalMs),
    };

    const take: InputHandler = async (message, send, done) => {
      try {
        await outgoing.take(readingsOf(message as unknown as Record<string, unknown>, given));
      } catch (error) {
        done(error as Error);
        return;
      }
      send(message);
      done();
    };
    // With its three parameters: Node-RED takes a function of fewer to be done when it returns.
    this.on('input', (message, send, done) => void take(message, send, done));
    const close = async (done: () => void): Promise<void> => {
      await outgoing.close();
      clearTimeout(pending);
      done();
    };
    this.on('close', (done: () => void) => void close(done));
  });
}

function positive(value: string | number | undefined): number | undefined {
  const number = Number(value);
  return Number.isSafeInteger(number) && number > 0 ? number : undefined;
}

function dotOf({ taken, failed, waiting, why }: Outgoing) {
  const counts = `${taken} on disk${failed > 0 ? `, ${failed} failed` : ''}`;
  if (why !== undefined && waiting > 0)
    return { fill: 'yellow', shape: 'ring', text: `${waiting} waiting, ${counts}` } as const;
  return { fill: failed > 0 ? 'red' : 'green', shape: 'dot', text: counts } as const;
}

export = outNodes;
