/** `millrace status`: the agent's state as messages, every so often and at once when it changes. */
import type { Node, NodeAPI, NodeDef } from 'node-red';
import { changesBetween, type Seen } from './changes.ts';
import { ask } from './door.ts';
import { doorOf } from './door-of.ts';

interface StatusDef extends NodeDef {
  agent?: string;
  /** A message at least so often; 0: only on change. */
  everySeconds?: string | number;
}

/** The agent is asked so often, so that a change is at most this old. */
const lookEveryMs = 1000;

function statusNodes(RED: NodeAPI): void {
  RED.nodes.registerType('millrace status', function (this: Node, def: StatusDef) {
    RED.nodes.createNode(this, def);
    const door = doorOf(RED, this, def.agent);
    if ('why' in door) return;
    const everyMs = Math.max(0, Number(def.everySeconds ?? 60) || 0) * 1000;
    let before: Seen | undefined;
    let sentAt = Number.NEGATIVE_INFINITY;
    let timer: NodeJS.Timeout | undefined;
    let closed = false;

    const look = async (): Promise<void> => {
      const seen: Seen = await ask(door.socket, { method: 'GET', path: '/status', timeoutMs: 10_000 }).then(
        status => ({ reachable: true, ...(status as object) }),
        (error: Error) => ({ reachable: false, why: error.message }),
      );
      if (closed) return;
      const changed = before === undefined ? ['first'] : changesBetween(before, seen);
      const isDue = everyMs > 0 && performance.now() - sentAt >= everyMs;
      before = seen;
      this.status(dotOf(seen));
      if (changed.length > 0 || isDue) {
        sentAt = performance.now();
        this.send({ topic: 'status', payload: seen, changed });
      }
      timer = setTimeout(() => void look(), lookEveryMs);
    };
    // Not at once: the flow's other nodes are still being made.
    timer = setTimeout(() => void look(), 50);
    this.on('close', () => {
      closed = true;
      clearTimeout(timer);
    });
  });
}

function dotOf(seen: Seen) {
  if (!seen.reachable) return { fill: 'red', shape: 'ring', text: 'agent not reachable' } as const;
  const readings = seen.outbox?.readings ?? 0;
  if (seen.outbox?.writable !== true)
    return { fill: 'red', shape: 'dot', text: `outbox takes nothing, ${readings} in it` } as const;
  if (seen.connected !== true)
    return { fill: 'yellow', shape: 'ring', text: `broker away, ${readings} in the outbox` } as const;
  return { fill: 'green', shape: 'dot', text: `connected, ${readings} in the outbox` } as const;
}

export = statusNodes;
