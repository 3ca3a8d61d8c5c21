/** `millrace in`: commands for this gateway as messages. */
import type { Node, NodeAPI, NodeDef } from 'node-red';
import type { Command } from './commands.ts';
import { doorOf } from './door-of.ts';
import { sendReply } from './replying.ts';

interface InDef extends NodeDef {
  agent?: string;
  /** Names to take, apart by commas; empty: all. An ending `*` takes what begins so. */
  commands?: string;
  /** `auto`: answered with ok as soon as the message is in the flow; `flow`: a `millrace reply` answers. */
  reply?: 'auto' | 'flow';
}

function inNodes(RED: NodeAPI): void {
  RED.nodes.registerType('millrace in', function (this: Node, def: InDef) {
    RED.nodes.createNode(this, def);
    const door = doorOf(RED, this, def.agent);
    if ('why' in door) return;
    const wanted = filterOf(def.commands ?? '');
    let count = 0;
    const stopListening = door.commands.listen({
      onCommand: command => {
        if (!wanted(command.name)) return;
        count += 1;
        this.status({ fill: 'green', shape: 'dot', text: `${count} commands` });
        this.send(messageOf(command));
        if (def.reply !== 'flow')
          sendReply(door.socket, { id: command.id, ok: true, body: null }).catch((error: Error) => this.error(error));
      },
      onState: ({ connected, why }) => {
        if (connected) this.status({ fill: 'green', shape: 'dot', text: 'listening' });
        else this.status({ fill: 'yellow', shape: 'ring', text: 'waiting for the agent' });
        if (why !== undefined) this.debug(why);
      },
    });
    this.on('close', () => stopListening());
  });
}

function messageOf(command: Command) {
  return { topic: command.name, payload: command.arguments, command };
}

/** Exact names or beginnings; no patterns that could be expensive. */
function filterOf(text: string): (name: string) => boolean {
  const names = text
    .split(',')
    .map(name => name.trim())
    .filter(name => name !== '');
  if (names.length === 0) return () => true;
  return name => names.some(wanted => (wanted.endsWith('*') ? name.startsWith(wanted.slice(0, -1)) : name === wanted));
}

export = inNodes;
