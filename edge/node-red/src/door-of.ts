import type { Node, NodeAPI, NodeMessageInFlow } from 'node-red';
import type { CommandStream } from './commands.ts';

export interface Door {
  readonly socket: string;
  readonly commands: CommandStream;
}

interface AgentNode extends Node {
  readonly door: Door | { readonly why: string };
}

/** The door of the config node that a node names; a red dot and a sentence when there is none. */
export function doorOf(RED: NodeAPI, node: Node, agent: unknown): Door | { readonly why: string } {
  const named = typeof agent === 'string' ? (RED.nodes.getNode(agent) as Partial<AgentNode> | null) : null;
  const door = named?.door ?? { why: 'no agent is chosen' };
  if ('why' in door) {
    node.status({ fill: 'red', shape: 'ring', text: 'no agent' });
    if (named === null) node.error(door.why);
  }
  return door;
}

/** What a node does with a message; it never rejects, as nobody waits for it. */
export type InputHandler = (
  message: NodeMessageInFlow,
  send: (message: NodeMessageInFlow) => void,
  done: (error?: Error) => void,
) => Promise<void>;
