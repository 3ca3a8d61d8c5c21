/** From the configuration to the processes: ports chosen, addresses handed on. */
import { basename, dirname, join } from 'node:path';
import { edgeSchema } from '@millrace/edge/config.ts';
import { openSources } from '@millrace/edge/sources/run.ts';
import { loadRules } from '@millrace/processors/alerts/rules.ts';
import {
  type Config,
  type ConfigSource,
  checkConfig,
  defaultConfigFile,
  pathResolver,
  sectionsIn,
} from '@millrace/runtime/config.ts';
import { ConfigError, type ConfigMistake } from '@millrace/runtime/errors.ts';
import { logSchema } from '@millrace/runtime/schemas.ts';
import { claimPort, freePort } from '@millrace/stack/ports.ts';
import type { z } from 'zod';
import { sections } from '../sections.ts';
import { demoDirectory, type ServicePlan } from './services.ts';

export type UpConfig = Config<typeof sections>;

interface EdgePlan {
  readonly file: string;
  readonly gateway: string;
  readonly health: { readonly host: string; readonly port: number };
}

/** Everything that configuration can get wrong, found before anything starts. @throws {ConfigError} with all mistakes of all files. */
export async function readConfiguration(
  source: ConfigSource,
): Promise<{ config: UpConfig; edges: readonly EdgePlan[] }> {
  const { config, mistakes: own } = checkConfig(source, sections);
  const mistakes = [...own];
  const files = edgeFiles(source, config.up?.edges);
  const edges: (EdgePlan | undefined)[] = [];
  for (const file of files) {
    const from = { file, env: source.env };
    const checked = checkConfig(from, { edge: edgeSchema, log: logSchema });
    const { edge } = checked.config;
    mistakes.push(...checked.mistakes, ...(edge ? await sourceMistakes(edge, from) : []));
    edges.push(edge && { file, gateway: edge.gateway, health: edge.health });
  }
  mistakes.push(...rulesMistakes(source, config.processors?.rules));
  const names = edges.map(edge => edge?.gateway);
  for (const [i, name] of names.entries()) {
    if (name !== undefined && names.indexOf(name) < i)
      mistakes.push({
        key: 'edge.gateway',
        place: files[i],
        message: `${name} is the gateway of ${basename(files[names.indexOf(name)]!)} already`,
      });
  }
  if (mistakes.length > 0) throw new ConfigError(mistakes);
  return { config: config as UpConfig, edges: edges as EdgePlan[] };
}

/** Those the configuration names; else the file itself when it is a gateway's; else the demo's. */
function edgeFiles(source: ConfigSource, named: readonly string[] | undefined): readonly string[] {
  if (named !== undefined) return named.map(pathResolver(source));
  if (sectionsIn(source).includes('edge')) return [source.file ?? defaultConfigFile];
  return ['this-machine.yaml', 'auckland.yaml'].map(file => join(demoDirectory, file));
}

function rulesMistakes(source: ConfigSource, rules: string | undefined): readonly ConfigMistake[] {
  if (rules === undefined) return [];
  try {
    loadRules(pathResolver(source)(rules), 'processors.rules');
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.mistakes;
  }
}

/** What a source finds wrong when it looks at its files. */
async function sourceMistakes(
  { sources }: z.output<typeof edgeSchema>,
  from: ConfigSource,
): Promise<readonly ConfigMistake[]> {
  try {
    await openSources(sources, pathResolver(from));
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.mistakes.map(mistake => ({ place: from.file, ...mistake }));
  }
}

export interface Plan {
  /** In the order of their start: downstream first. */
  readonly services: readonly ServicePlan[];
  readonly dashboardUrl: string;
  readonly mqttUrl: string;
}

/** @throws {ConfigError} for each port in use or given twice, all at once. */
export async function planServices(
  config: UpConfig,
  edges: readonly EdgePlan[],
  configFile: string | undefined,
): Promise<Plan> {
  const mistakes: ConfigMistake[] = [];
  const taken = new Map<number, string>();
  const claim = async (key: string, wanted: number): Promise<number> => {
    const free = config.up.freePorts || wanted === 0;
    try {
      const port = free ? await freePort() : await claimPort(key, wanted);
      if (taken.has(port)) mistakes.push({ key, message: `port ${port} is given to ${taken.get(port)} already` });
      taken.set(port, key);
      return port;
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      mistakes.push(...error.mistakes);
      return wanted;
    }
  };
  const mqttPort = await claim('bridge.mqtt.port', config.bridge.mqtt.port);
  const dashboardPort = await claim('dashboard.port', config.dashboard.port);
  const mqttUrl = `mqtt://${loopbackFor(config.bridge.mqtt.host)}:${mqttPort}`;
  const configArgs = configFile === undefined ? [] : ['--config', configFile];
  const service = async (
    name: 'sinks' | 'processors' | 'bridge' | 'dashboard',
    env: Record<string, string> = {},
  ): Promise<ServicePlan> => {
    const healthPort = await claim(`${name}.health.port`, config[name].health.port);
    return {
      name,
      args: [name, ...configArgs],
      healthUrl: `http://${loopbackFor(config[name].health.host)}:${healthPort}`,
      env: { ...env, [`MILLRACE_${name.toUpperCase()}__HEALTH__PORT`]: String(healthPort) },
    };
  };
  const services = [
    await service('sinks'),
    await service('processors', demoRules(config, edges)),
    await service('dashboard', { MILLRACE_DASHBOARD__PORT: String(dashboardPort) }),
    await service('bridge', { MILLRACE_BRIDGE__MQTT__PORT: String(mqttPort) }),
  ];
  for (const { file, gateway, health } of edges) {
    const healthPort = await claim(`edge.health.port in ${file}`, health.port);
    const env = {
      MILLRACE_EDGE__MQTT__URL: mqttUrl,
      MILLRACE_EDGE__HEALTH__PORT: String(healthPort),
    };
    services.push({
      name: `edge ${gateway}`,
      args: ['edge', '--config', file],
      healthUrl: `http://${loopbackFor(health.host)}:${healthPort}`,
      env,
    });
  }
  if (simulates(config, edges)) {
    const { host, port } = config.simulate.health;
    const healthPort = await claim('simulate.health.port', port);
    const env = {
      MILLRACE_SIMULATE__MQTT__URL: mqttUrl,
      MILLRACE_SIMULATE__HEALTH__PORT: String(healthPort),
    };
    const healthUrl = `http://${loopbackFor(host)}:${healthPort}`;
    services.push({ name: 'simulate', args: ['simulate', ...configArgs], healthUrl, env });
  }
  if (mistakes.length > 0) throw new ConfigError(mistakes);
  return { services, mqttUrl, dashboardUrl: `http://${loopbackFor(config.dashboard.host)}:${dashboardPort}` };
}

/** The demo's rules, where the demo's gateways run and nobody has rules of his own. */
function demoRules({ processors }: UpConfig, edges: readonly EdgePlan[]): Record<string, string> {
  if (!isDemo(edges) || processors.rules !== undefined) return {};
  return { MILLRACE_PROCESSORS__RULES: join(demoDirectory, 'rules.yaml') };
}

/** Whether a simulated city runs beside the gateways. */
export function simulates({ up }: UpConfig, edges: readonly EdgePlan[]): boolean {
  return up.simulate ?? isDemo(edges);
}

const isDemo = (edges: readonly EdgePlan[]): boolean => edges.some(({ file }) => dirname(file) === demoDirectory);

/** Where this machine reaches a listener: one on all addresses answers on loopback too. */
const loopbackFor = (host: string): string => (host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host);
