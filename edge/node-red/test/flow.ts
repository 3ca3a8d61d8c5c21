/** Flows in Node-RED's test helper. */
import { EventEmitter } from 'node:events';
import { createRequire } from 'node:module';
import type { NodeInitializer } from 'node-red';
import helper from 'node-red-node-test-helper';

const require = createRequire(import.meta.url);

export type Message = Record<string, unknown> & { payload?: unknown };

const ours = ['agent', 'out', 'in', 'reply', 'status'].map(name => require(`../dist/${name}.js`) as NodeInitializer);

const core: Record<string, string> = {
  inject: 'common/20-inject',
  debug: 'common/21-debug',
  comment: 'common/90-comment',
  function: 'function/10-function',
  switch: 'function/10-switch',
  change: 'function/15-change',
};

export interface Flow extends AsyncDisposable {
  /** Puts a message into a node. */
  put(id: string, message: Message): void;
  /** What has come to a node of type `helper`, or to any other, so far. */
  at(id: string): Message[];
  /** Errors that nodes have given, whether or not a catch node took them. */
  readonly errors: string[];
  /** The last text of a node's dot. */
  dot(id: string): string;
}

type FlowNode = Record<string, unknown> & { id: string; type: string };

/** Loads a flow and runs it until disposed. Nodes of Node-RED's own that it holds are loaded too. */
export async function runFlow(nodes: readonly FlowNode[]): Promise<Flow> {
  // A catch node takes what happens on its own tab; a node without a place would be taken for a config node.
  const tab = { id: 'tab', type: 'tab', label: 'test' };
  const hasTab = nodes.some(({ type }) => type === 'tab');
  const flow = hasTab
    ? nodes
    : [tab, ...nodes.map(node => (node.type === 'millrace-agent' ? node : { ...node, z: 'tab' }))];
  const types = new Set(flow.map(({ type }) => type));
  const cores = Object.entries(core).filter(([type]) => types.has(type));
  await new Promise<void>(done => helper.startServer(done));
  const modules = cores.map(([, path]) => require(`@node-red/nodes/core/${path}.js`) as NodeInitializer);
  await helper.load([...ours, ...modules], flow as never);
  const got = new Map<string, Message[]>();
  const dots = new Map<string, string>();
  const errors: string[] = [];
  for (const { id } of flow) {
    const node: unknown = helper.getNode(id);
    if (!(node instanceof EventEmitter)) continue; // The tab.
    got.set(id, []);
    node.on('input', (message: Message) => got.get(id)!.push(message));
    const calls = node as EventEmitter<Record<string, [{ firstArg: unknown }]>>;
    calls.on('call:error', ({ firstArg }) => errors.push(String(firstArg)));
    calls.on('call:status', ({ firstArg }) => dots.set(id, (firstArg as { text: string }).text));
  }
  return {
    put: (id, message) => helper.getNode(id).receive(message as never),
    at: id => got.get(id) ?? [],
    errors,
    dot: id => dots.get(id) ?? '',
    async [Symbol.asyncDispose]() {
      await helper.clearFlows(); // Before the helper takes its ears off the nodes.
      await helper.unload();
      await new Promise<void>(done => helper.stopServer(done));
    },
  };
}
