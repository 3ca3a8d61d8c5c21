import { join, relative, resolve } from 'node:path';
import { exitCodes } from '@millrace/runtime/service.ts';
import { Child, type ChildExit } from '@millrace/stack/child.ts';
import { openLifeline } from '@millrace/stack/lifeline.ts';
import { reportTo } from '@millrace/stack/report.ts';
import { openStack, type Stack } from '@millrace/stack/stack.ts';
import { type Command, parse } from '../command.ts';
import { type FlowSample, type Rates, ratesBetween, readFlow } from '../up/flow.ts';
import { type Addresses, planServices, readConfiguration, type UpConfig } from '../up/plan.ts';
import { serviceSpec } from '../up/services.ts';
import { Supervisor } from '../up/supervisor.ts';
import { View } from '../up/view.ts';
import { Warnings } from '../up/warnings.ts';

const statusEveryMs = 1000;

export const up: Command = {
  name: 'up',
  summary: 'Run the whole pipeline on this machine (npm start)',
  usage: '[--config FILE] [--free-ports]',
  options: '  --free-ports    take any free port instead of the configured ones',
  example: 'millrace up --config millrace.yaml',
  async run(args) {
    const { values, source } = parse(args, { 'free-ports': { type: 'boolean' } }, { max: 0 });
    const { config: read, edges } = readConfiguration(source);
    const config = values['free-ports'] ? withFreePorts(read) : read;
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
      const plan = await planServices(config, edges, addressesOf(config, stack), source.file, home);
      const warnings = new Warnings();
      const starts = plan.services.map(service => {
        const child = new Child(serviceSpec(service, join(home, 'logs')), { lifeline, onChange: () => {}, onDied });
        warnings.follow(child.logPath);
        return supervisor.watch(child, service.healthPort);
      });
      void Promise.all(starts).then(() => {
        if (!stopping.signal.aborted)
          view.say(`Everything runs. Dashboard: ${plan.dashboardUrl}   MQTT: ${plan.mqttUrl}`);
      });
      const footer = [
        `Dashboard  ${plan.dashboardUrl}`,
        `MQTT       ${plan.mqttUrl}`,
        `Logs       ${relative('', join(home, 'logs'))}`,
        'Ctrl-C ends it in order.',
      ].join('\n');
      try {
        await watchUntil(stopping.signal, supervisor, view, warnings, footer);
      } finally {
        view.say('Stopping: gateways, bridge, processors and sinks, then the servers');
        await supervisor.stop(name => name.startsWith('edge '));
        await supervisor.stop(name => name === 'bridge');
        await supervisor.stop(name => ['processors', 'sinks', 'dashboard'].includes(name));
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
    brokers: kafka?.brokers ?? config.kafka.brokers ?? [],
    questdb: questdb
      ? {
          url: questdb.httpUrl,
          pgHost: questdb.pg.host,
          pgPort: questdb.pg.port,
          user: questdb.pg.user,
          password: questdb.pg.password,
        }
      : { url: url ?? '', pgHost, pgPort, user, password },
  };
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
): Promise<void> {
  const stopped = new Promise<void>(resolve => signal.addEventListener('abort', () => resolve(), { once: true }));
  const before = new Map<string, FlowSample>();
  while (!signal.aborted) {
    for (const sentence of warnings.take()) view.say(sentence);
    const rows = await Promise.all(
      supervisor.entries.map(async service => {
        const { name, healthPort, state } = service;
        const sample = healthPort !== undefined && state === 'running' ? await readFlow(healthPort) : undefined;
        const last = before.get(name);
        let rates: Rates | undefined;
        if (sample !== undefined && last !== undefined) rates = ratesBetween(last, sample);
        if (sample !== undefined) before.set(name, sample);
        return { service, rates };
      }),
    );
    view.show(rows, footer);
    await Promise.race([stopped, new Promise(resolve => setTimeout(resolve, statusEveryMs).unref())]);
  }
}
