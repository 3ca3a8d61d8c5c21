import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { exitCodes } from '@millrace/runtime/service.ts';
import { Child, type ChildExit } from '@millrace/stack/child.ts';
import { openLifeline } from '@millrace/stack/lifeline.ts';
import { reportTo } from '@millrace/stack/report.ts';
import { openStack, type Stack } from '@millrace/stack/stack.ts';
import { type Command, parse } from '../command.ts';
import { type FlowSample, isReady, type Rates, ratesOver, readFlow } from '../up/flow.ts';
import { type Addresses, type Plan, planServices, readConfiguration, type UpConfig } from '../up/plan.ts';
import { type ServicePlan, serviceSpec } from '../up/services.ts';
import { Supervisor } from '../up/supervisor.ts';
import { View } from '../up/view.ts';
import { Warnings } from '../up/warnings.ts';

const statusEveryMs = 1000;
/** A source that emits each two seconds would otherwise flicker between its rate doubled and none. */
const ratesOverSamples = 7;
/** Gateways wait for the bridge by themselves too: after this they may as well do that. */
const bridgeReadyWithinMs = 30_000;

const pause = (ms = 100): Promise<void> => new Promise(resolve => void setTimeout(resolve, ms).unref());

export const up: Command = {
  name: 'up',
  summary: 'Run the whole pipeline on this machine (npm start)',
  usage: '[--config FILE] [--free-ports]',
  options: '  --free-ports    take any free port instead of the configured ones',
  example: 'millrace up --config millrace.yaml',
  async run(args) {
    const { values, source } = parse(args, { 'free-ports': { type: 'boolean' } }, { max: 0 });
    const { config: read, edges } = readConfiguration(source);
    const config = values['free-ports'] || read.up.freePorts ? withFreePorts(read) : read;
    const home = resolve(process.env['MILLRACE_HOME'] ?? config.stack.home);
    const view = new View(process.stdout);
    const stopping = stopOnSignal(view);

    using lifeline = openLifeline({ graceMs: 30_000 });
    const supervisor = new Supervisor(sentence => view.say(sentence));
    const onDied = (exit: ChildExit): void => supervisor.died(exit);
    try {
      view.say(`Millrace starts; its data is in ${relative('', home) || '.'}`);
      await using stack = await openStack({
        ...config.stack,
        home,
        kafkaNodes: config.kafka.brokers === undefined ? config.stack.kafkaNodes : 0,
        questdb: config.questdb.url === undefined && config.stack.questdb,
        lifeline,
        onDied,
        report: reportTo(process.stdout),
        signal: stopping.signal,
      });
      for (const server of [...(stack.kafka?.nodes ?? []), ...(stack.questdb ? [stack.questdb] : [])])
        await supervisor.watch(server);
      const addresses = addressesOf(config, stack);
      const plan = await planServices(config, edges, addresses, source.file, home);
      const warnings = new Warnings();
      const start = (service: ServicePlan): Promise<void> => {
        const child = new Child(serviceSpec(service, join(home, 'logs')), { lifeline, onChange: () => {}, onDied });
        warnings.follow(child.logPath);
        return supervisor.watch(child, service.healthPort);
      };
      const starting = startAll(plan, start, stopping.signal).then(() => {
        if (!stopping.signal.aborted)
          view.say(`Everything runs. Dashboard: ${plan.dashboardUrl}   MQTT: ${plan.mqttUrl}`);
      });
      const addressFile = join(home, 'running.json');
      const footer = [
        `Dashboard  ${plan.dashboardUrl}`,
        `MQTT       ${plan.mqttUrl}`,
        `Logs       ${relative('', join(home, 'logs'))}`,
        'Ctrl-C ends it in order.',
      ].join('\n');
      try {
        await watchUntil(stopping.signal, supervisor, view, warnings, footer, () =>
          writeRunning(addressFile, plan, addresses, supervisor),
        );
      } finally {
        rmSync(addressFile, { force: true });
        view.say('Stopping: gateways, bridge, processors and sinks, then the servers');
        await supervisor.stop(name => name.startsWith('edge '));
        await supervisor.stop(name => name === 'bridge');
        await supervisor.stop(name => ['processors', 'sinks', 'dashboard'].includes(name));
        await starting;
        await supervisor.stop(() => true);
      }
      view.say('Stopped; what was in flight is kept and goes on at the next start');
      return exitCodes.done;
    } catch (error) {
      if (stopping.signal.aborted && error === stopping.signal.reason) return exitCodes.done;
      throw error;
    }
  },
};

const withFreePorts = (config: UpConfig): UpConfig => ({
  ...config,
  up: { ...config.up, freePorts: true },
  stack: { ...config.stack, kafkaPort: 0, questdbHttpPort: 0, questdbPgPort: 0, questdbHealthPort: 0 },
});

function addressesOf(config: UpConfig, { kafka, questdb }: Stack): Addresses {
  const { url, pgHost, pgPort, user, password } = config.questdb;
  return {
    brokers: kafka?.brokers ?? config.kafka.brokers ?? ['127.0.0.1:9092'],
    questdb: questdb
      ? {
          url: questdb.httpUrl,
          pgHost: questdb.pg.host,
          pgPort: questdb.pg.port,
          user: questdb.pg.user,
          password: questdb.pg.password,
        }
      : { url: url ?? 'http://127.0.0.1:9000', pgHost, pgPort, user, password },
  };
}

/** Downstream first; gateways once the bridge takes connections, so that their first words are not complaints. */
async function startAll(
  { services }: Plan,
  start: (service: ServicePlan) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const isEdge = ({ name }: ServicePlan): boolean => name.startsWith('edge ');
  await Promise.all(services.filter(service => !isEdge(service)).map(start));
  const bridge = services.find(({ name }) => name === 'bridge');
  const deadline = Date.now() + bridgeReadyWithinMs;
  for (let ready = bridge === undefined; !ready && !signal.aborted && Date.now() < deadline; await pause())
    ready = await isReady(bridge!.healthPort);
  if (!signal.aborted) await Promise.all(services.filter(isEdge).map(start));
}

/** For people and programs that want to reach what runs; gone when nothing runs. */
function writeRunning(
  file: string,
  { services, dashboardUrl, mqttUrl }: Plan,
  { brokers, questdb }: Addresses,
  supervisor: Supervisor,
): void {
  const { url, pgHost, pgPort } = questdb;
  const processes = supervisor.entries.map(({ name, state, restarts, child }) => ({
    name,
    state,
    restarts,
    pid: child.pid,
    healthPort: services.find(service => service.name === name)?.healthPort,
  }));
  writeFileSync(
    `${file}.new`,
    `${JSON.stringify({ pid: process.pid, brokers, questdb: { url, pgHost, pgPort }, dashboardUrl, mqttUrl, processes }, null, 2)}\n`,
  );
  renameSync(`${file}.new`, file);
}

function stopOnSignal(view: View): AbortController {
  const stopping = new AbortController();
  const onSignal = (signal: NodeJS.Signals): void => {
    if (stopping.signal.aborted) {
      view.say('Ending at once; what is in flight comes again after the next start');
      process.exit(exitCodes.failed); // the lifeline ends the rest
    }
    stopping.abort(new Error(`stopped by ${signal}`));
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return stopping;
}

async function watchUntil(
  signal: AbortSignal,
  supervisor: Supervisor,
  view: View,
  warnings: Warnings,
  footer: string,
  eachTime: () => void,
): Promise<void> {
  const stopped = new Promise<void>(resolve => signal.addEventListener('abort', () => resolve(), { once: true }));
  const recent = new Map<string, FlowSample[]>();
  while (!signal.aborted) {
    eachTime();
    for (const sentence of warnings.take()) view.say(sentence);
    const rows = await Promise.all(
      supervisor.entries.map(async service => {
        const { name, healthPort, state } = service;
        const sample = healthPort !== undefined && state === 'running' ? await readFlow(healthPort) : undefined;
        if (sample === undefined) recent.delete(name);
        else recent.set(name, [...(recent.get(name) ?? []), sample].slice(-ratesOverSamples));
        const rates: Rates | undefined = ratesOver(recent.get(name) ?? []);
        return { service, rates };
      }),
    );
    view.show(rows, footer);
    await Promise.race([stopped, pause(statusEveryMs)]);
  }
}
