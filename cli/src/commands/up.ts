import { join, relative, resolve } from 'node:path';
import { exitCodes } from '@millrace/runtime/service.ts';
import { Child, type ChildExit } from '@millrace/stack/child.ts';
import { openLifeline } from '@millrace/stack/lifeline.ts';
import { reportTo } from '@millrace/stack/report.ts';
import { openStack, type Stack } from '@millrace/stack/stack.ts';
import { type Command, parse } from '../command.ts';
import { type FlowSample, isReady, type Rates, ratesOver, readFlow, readinessOf } from '../up/flow.ts';
import { type Plan, planServices, readConfiguration, type UpConfig } from '../up/plan.ts';
import { type Addresses, RunningFile } from '../up/running.ts';
import { type ServicePlan, serviceSpec } from '../up/services.ts';
import { Supervisor } from '../up/supervisor.ts';
import { View } from '../up/view.ts';
import { Warnings } from '../up/warnings.ts';

const statusEveryMs = 1000;
/** A source that emits each two seconds would otherwise flicker between its rate doubled and none. */
const ratesOverSamples = 7;
const sameSignalMs = 1000;
/** Gateways wait for the bridge by themselves too: after this they may as well do that. */
const bridgeReadyWithinMs = 30_000;

const pause = (ms = 100): Promise<void> => new Promise(resolve => void setTimeout(resolve, ms));

export const up: Command = {
  name: 'up',
  summary: 'Run the whole pipeline on this machine (npm start)',
  usage: '[--config FILE] [--free-ports]',
  options: '  --free-ports    take any free port instead of the configured ones',
  example: 'millrace up --config millrace.yaml',
  async run(args) {
    const { values, source } = parse(args, { 'free-ports': { type: 'boolean' } }, { max: 0 });
    const { config: read, edges } = await readConfiguration(source);
    const config = values['free-ports'] || read.up.freePorts ? withFreePorts(read) : read;
    const home = resolve(process.env['MILLRACE_HOME'] ?? config.stack.home);
    const view = new View(process.stdout);
    const stopping = stopOnSignal(view);

    const running = new RunningFile(home, sentence => view.say(sentence));
    running.claim(home);
    const plan = await planServices(config, edges, source.file);

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
      const shared = environmentOf(addresses, home);
      const warnings = new Warnings();
      const start = (service: ServicePlan): Promise<void> => {
        const child = new Child(serviceSpec(service, shared, join(home, 'logs')), {
          lifeline,
          onChange: () => {},
          onDied,
        });
        warnings.follow(child.logPath);
        return supervisor.watch(child, service.healthUrl);
      };
      const starting = startAll(plan, start, stopping.signal).then(() => {
        if (!stopping.signal.aborted && supervisor.entries.every(({ state }) => state === 'running'))
          view.say(`Everything runs. Dashboard: ${plan.dashboardUrl}   MQTT: ${plan.mqttUrl}`);
      });
      const footer = [
        `Dashboard  ${plan.dashboardUrl}`,
        `MQTT       ${plan.mqttUrl}`,
        `QuestDB    ${addresses.questdb.url}`,
        `Logs       ${relative('', join(home, 'logs'))}`,
        'Ctrl-C ends it in order.',
      ].join('\n');
      try {
        await watchUntil(stopping.signal, supervisor, view, warnings, footer, () =>
          running.write(plan, addresses, supervisor.entries),
        );
      } finally {
        running.remove();
        view.say('Stopping: gateways, bridge, processors and sinks, then the servers');
        await supervisor.stop(isSender);
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

/** What sends to the bridge: the gateways' agents and the simulated city. */
const isSender = (name: string): boolean => name.startsWith('edge ') || name === 'simulate';

/** Downstream first; gateways once the bridge takes connections, so that their first words are not complaints. */
async function startAll(
  { services }: Plan,
  start: (service: ServicePlan) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const sends = ({ name }: ServicePlan): boolean => isSender(name);
  const others = Promise.all(services.filter(service => !sends(service)).map(start));
  const bridge = services.find(({ name }) => name === 'bridge');
  const deadline = Date.now() + bridgeReadyWithinMs;
  for (let ready = bridge === undefined; !ready && !signal.aborted && Date.now() < deadline; await pause())
    ready = await isReady(bridge!.healthUrl);
  if (!signal.aborted) await Promise.all(services.filter(sends).map(start));
  await others;
}

function environmentOf({ brokers, questdb }: Addresses, home: string): Record<string, string> {
  return {
    MILLRACE_HOME: home,
    MILLRACE_KAFKA__BROKERS: brokers.join(','),
    MILLRACE_QUESTDB__URL: questdb.url,
    MILLRACE_QUESTDB__PG_HOST: questdb.pgHost,
    MILLRACE_QUESTDB__PG_PORT: String(questdb.pgPort),
    MILLRACE_QUESTDB__USER: questdb.user,
    MILLRACE_QUESTDB__PASSWORD: questdb.password,
  };
}

function stopOnSignal(view: View): AbortController {
  const stopping = new AbortController();
  let stoppedAtMs = 0;
  const onSignal = (signal: NodeJS.Signals): void => {
    // npm passes on a second one for the same Ctrl-C.
    if (stopping.signal.aborted && Date.now() - stoppedAtMs < sameSignalMs) return;
    if (stopping.signal.aborted) {
      view.say('Ending at once; what is in flight comes again after the next start');
      process.exit(exitCodes.failed); // the lifeline ends the rest
    }
    stoppedAtMs = Date.now();
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
        const { name, healthUrl, state } = service;
        const sample = healthUrl !== undefined && state === 'running' ? await readFlow(healthUrl) : undefined;
        if (sample === undefined) recent.delete(name);
        else recent.set(name, [...(recent.get(name) ?? []), sample].slice(-ratesOverSamples));
        const rates: Rates | undefined = ratesOver(recent.get(name) ?? []);
        const waitsFor = sample === undefined ? undefined : await readinessOf(healthUrl!);
        return { service, rates, waitsFor };
      }),
    );
    view.show(rows, footer);
    await Promise.race([stopped, pause(statusEveryMs)]);
  }
}
