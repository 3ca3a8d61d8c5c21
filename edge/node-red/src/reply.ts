/** `millrace reply`: the answer to a command that came in by `millrace in`. */
import type { Node, NodeAPI, NodeDef, NodeMessageInFlow } from 'node-red';
import { doorOf } from './door-of.ts';
import { sendReply } from './replying.ts';

interface ReplyDef extends NodeDef {
  agent?: string;
  /** `ok`, `failed`, or `msg`: what msg.ok says, and ok when it says nothing. */
  outcome?: 'ok' | 'failed' | 'msg';
}

type Answered = NodeMessageInFlow & { command?: { id?: unknown }; ok?: unknown };

function replyNodes(RED: NodeAPI): void {
  RED.nodes.registerType('millrace reply', function (this: Node, def: ReplyDef) {
    RED.nodes.createNode(this, def);
    const door = doorOf(RED, this, def.agent);
    let count = 0;
    this.on('input', (message: Answered, _send, done) => {
      if ('why' in door) {
        done(new Error(door.why));
        return;
      }
      const id = message.command?.id;
      if (typeof id !== 'string' || id === '') {
        done(new Error('msg.command.id is missing: only a message that came from "millrace in" can be answered'));
        return;
      }
      const ok = def.outcome === 'failed' ? false : def.outcome === 'ok' || message.ok !== false;
      let body: unknown;
      try {
        body = jsonOf(message.payload);
      } catch (error) {
        done(new Error(`msg.payload cannot be sent as JSON: ${(error as Error).message}`));
        return;
      }
      sendReply(door.socket, { id, ok, body }).then(
        () => {
          count += 1;
          this.status({ fill: 'green', shape: 'dot', text: `${count} replies` });
          done();
        },
        (error: Error) => {
          this.status({ fill: 'red', shape: 'dot', text: 'not sent' });
          done(error);
        },
      );
    });
  });
}

/** Now, as the flow may change its message while the reply waits. */
function jsonOf(payload: unknown): unknown {
  return payload === undefined ? null : (JSON.parse(JSON.stringify(payload)) as unknown);
}

export = replyNodes;
