/** Config node `millrace-agent`: where the agent's door is; what it opens is shared by the nodes that name it. */
import type { Node, NodeAPI, NodeDef } from 'node-red';
import { CommandStream } from './commands.ts';

interface AgentDef extends NodeDef {
  socket?: string;
}

interface AgentNode extends Node {
  /** Absent when nobody said where; `why` has the sentence. */
  door: { readonly socket: string; readonly commands: CommandStream } | { readonly why: string };
}

/** A longer path does not fit into `sockaddr_un` on Linux. */
const maxSocketBytes = 107;

function agentNodes(RED: NodeAPI): void {
  RED.nodes.registerType('millrace-agent', function (this: AgentNode, def: AgentDef) {
    RED.nodes.createNode(this, def);
    const socket = def.socket?.trim() || process.env['MILLRACE_AGENT_SOCKET'] || '';
    const why = wrongIn(socket);
    this.door = why === undefined ? { socket, commands: new CommandStream(socket) } : { why };
    if (why !== undefined) this.error(why);
  });
}

function wrongIn(socket: string): string | undefined {
  if (socket === '')
    return "the agent's socket is not known: set it in the node, or MILLRACE_AGENT_SOCKET in the environment of Node-RED";
  if (!socket.startsWith('/') || socket.includes('\0'))
    return `the agent's socket must be an absolute path; it is ${JSON.stringify(socket.slice(0, 200))}`;
  if (Buffer.byteLength(socket) > maxSocketBytes)
    return `the agent's socket must have a path of at most ${maxSocketBytes} bytes; it has ${Buffer.byteLength(socket)}`;
  return undefined;
}

export = agentNodes;
