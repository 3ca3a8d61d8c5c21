/** `millrace reply`: the answer to a command that came in by `millrace in`. */
import type { Node, NodeAPI, NodeDef, NodeMessageInFlow } from 'node-red';
import { doorOf, type InputHandler } from './door-of.ts';
import { sendReply } from './replying.ts';

interface ReplyDef extends NodeDef {
  agent?: string;
  /** `ok`, `failed`, or `msg`: what msg.ok says, and ok when it says nothing. */
  outcome?: 'ok' | 'failed' | 'msg';
}

interface Answered extends NodeMessageInFlow {
  command?: { id?: unknown };
  ok?: unknown;
}

function replyNodes(RED: NodeAPI): void {
  RED.nodes.registerType('millrace reply', function (this: Node, def: ReplyDef) {
    RED.nodes.createNode(this, def);
    const door = doorOf(RED, this, def.agent);
    let count = 0;
    const reply = async (message: Answered): Promise<void> => {
      if ('why' in door) throw new Error(door.why);
      const id = message.command?.id;
      if (typeof id !== 'string' || id === '')
        throw new Error('msg.command.id is missing: only a message that came from "millrace in" can be answered');
      const ok = def.outcome === 'failed' ? false : def.outcome === 'ok' || message.ok !== false;
      await sendReply(door.socket, { id, ok, body: jsonOf(message.payload) });
    };
    const answer: InputHandler = async (message, _send, done) => {
      try {
        await reply(message);
      } catch (error) {
        this.status({ fill: 'red', shape: 'dot', text: 'not sent' });
        done(error as Error);
        return;
      }
      count += 1;
      this.status({ fill: 'green', shape: 'dot', text: `${count} replies` });
      done();
    };
    // With its three parameters: Node-RED takes a function of fewer to be done when it returns.
    this.on('input', (message, send, done) => void answer(message, send, done));
  });
}

/** Now, as the flow may change its message while the reply waits. */
function jsonOf(payload: unknown): unknown {
  try {
    return payload === undefined ? null : (JSON.parse(JSON.stringify(payload)) as unknown);
  } catch (error) {
    throw new Error(`msg.payload cannot be sent as JSON: ${(error as Error).message}`, { cause: error });
  }
}

export = replyNodes;
