/** From the configuration to the processes: ports chosen, addresses handed on. */
import { basename, join } from 'node:path';
import { edgeSchema } from '@millrace/edge/config.ts';
import { type Config, type ConfigSource, checkConfig } from '@millrace/runtime/config.ts';
import { ConfigError, type ConfigMistake } from '@millrace/runtime/errors.ts';
import { logSchema } from '@millrace/runtime/schemas.ts';
import { claimPort, freePort } from '@millrace/stack/ports.ts';
import { sections } from '../sections.ts';
import { demoDirectory, type ServicePlan } from './services.ts';

export type UpConfig = Config<typeof sections>;

interface EdgePlan {
  readonly file: string;
  readonly gateway: string;
  readonly healthPort: number;
}

/** Everything that configuration can get wrong, found before anything starts. @throws {ConfigError} with all mistakes of all files. */
export function readConfiguration(source: ConfigSource): { config: UpConfig; edges: readonly EdgePlan[] } {
  const { config, mistakes: own } = checkConfig(source, sections);
  const mistakes = [...own];
  const files = config.up?.edges ?? ['this-machine.yaml', 'auckland.yaml'].map(file => join(demoDirectory, file));
  const edges = files.map(file => {
    const checked = checkConfig({ file, env: source.env }, { edge: edgeSchema, log: logSchema });
    mistakes.push(...checked.mistakes);
    const edge = checked.config.edge;
    return edge && { file, gateway: edge.gateway, healthPort: edge.health.port };
  });
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

export interface Addresses {
  readonly brokers: readonly string[];
  readonly questdb: {
    readonly url: string;
    readonly pgHost: string;
    readonly pgPort: number;
    readonly user: string;
    readonly password: string;
  };
}

export interface Plan {
  /** In the order of their start: downstream first. */
  readonly services: readonly ServicePlan[];
  readonly dashboardUrl: string;
  readonly mqttUrl: string;
}

/** @throws {ConfigError} for each port in use, all at once. */
export async function planServices(
  config: UpConfig,
  edges: readonly EdgePlan[],
  { brokers, questdb }: Addresses,
  configFile: string | undefined,
  home: string,
): Promise<Plan> {
  const mistakes: ConfigMistake[] = [];
  const taken = new Set<number>();
  const claim = async (key: string, wanted: number): Promise<number> => {
    try {
      let port = config.up.freePorts ? await freePort() : await claimPort(key, wanted);
      while (taken.has(port)) port = await freePort();
      taken.add(port);
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
  const shared = {
    MILLRACE_HOME: home,
    MILLRACE_KAFKA__BROKERS: JSON.stringify(brokers),
    MILLRACE_QUESTDB__URL: questdb.url,
    MILLRACE_QUESTDB__PG_HOST: questdb.pgHost,
    MILLRACE_QUESTDB__PG_PORT: String(questdb.pgPort),
    MILLRACE_QUESTDB__USER: questdb.user,
    MILLRACE_QUESTDB__PASSWORD: questdb.password,
  };
  const configArgs = configFile === undefined ? [] : ['--config', configFile];
  const service = async (
    name: 'sinks' | 'processors' | 'bridge' | 'dashboard',
    env: Record<string, string> = {},
  ): Promise<ServicePlan> => {
    const healthPort = await claim(`${name}.health.port`, config[name].health.port);
    return {
      name,
      args: [name, ...configArgs],
      healthPort,
      env: { ...shared, ...env, [`MILLRACE_${name.toUpperCase()}__HEALTH__PORT`]: String(healthPort) },
    };
  };
  const services = [
    await service('sinks'),
    await service('processors'),
    await service('dashboard', { MILLRACE_DASHBOARD__PORT: String(dashboardPort) }),
    await service('bridge', { MILLRACE_BRIDGE__MQTT__PORT: String(mqttPort) }),
  ];
  for (const { file, gateway, healthPort: wanted } of edges) {
    const healthPort = await claim(`edge.health.port in ${file}`, wanted);
    const env = {
      MILLRACE_HOME: home,
      MILLRACE_EDGE__MQTT__URL: mqttUrl,
      MILLRACE_EDGE__HEALTH__PORT: String(healthPort),
    };
    services.push({ name: `edge ${gateway}`, args: ['edge', '--config', file], healthPort, env });
  }
  if (mistakes.length > 0) throw new ConfigError(mistakes);
  return { services, mqttUrl, dashboardUrl: `http://${loopbackFor(config.dashboard.host)}:${dashboardPort}` };
}

/** Where this machine reaches a listener: one on all addresses answers on loopback too. */
const loopbackFor = (host: string): string => (host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host);
