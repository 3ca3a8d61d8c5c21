/** Checks the configuration and the reachability of all that it names. */
import { existsSync } from 'node:fs';
import { createConnection } from 'node:net';
import { resolve } from 'node:path';
import { defaultConfigFile } from '@millrace/runtime/config.ts';
import { ConfigError, messageOf } from '@millrace/runtime/errors.ts';
import { openKafka } from '@millrace/runtime/kafka/connect.ts';
import { exitCodes } from '@millrace/runtime/service.ts';
import { findJava } from '@millrace/stack/java.ts';
import { type Command, parse } from '../command.ts';
import { readConfiguration, simulates } from '../up/plan.ts';
import { runningAddresses } from '../up/running.ts';

interface Finding {
  readonly what: string;
  readonly ok: boolean;
  /** What was found, or what to do. */
  readonly message: string;
}

export const doctor: Command = {
  name: 'doctor',
  summary: 'Check the configuration and the reachability of all it names',
  usage: '[--config FILE] [--json]',
  options: '  --json          print JSON',
  example: 'millrace doctor --config millrace.yaml',
  async run(args) {
    const { values, source } = parse(args, { json: { type: 'boolean' } }, { max: 0 });
    // Not one check after the other: on a broken network each waits for its deadline.
    const findings: Finding[] = [{ what: 'Node', ok: true, message: process.version }];
    let configured: Awaited<ReturnType<typeof readConfiguration>> | undefined;
    let configIsWrong = false;
    try {
      configured = await readConfiguration(source);
      findings.push({
        what: 'configuration',
        ok: true,
        message: `${source.file ?? (existsSync(defaultConfigFile) ? defaultConfigFile : 'defaults and environment')}; ${configured.edges.length} gateway files${simulatedIn(configured)}`,
      });
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      configIsWrong = true;
      findings.push({ what: 'configuration', ok: false, message: error.message });
    }
    if (configured !== undefined) {
      const { kafka, questdb, stack } = configured.config;
      const running = runningAddresses(resolve(process.env['MILLRACE_HOME'] ?? stack.home));
      const brokers = kafka.brokers ?? running?.brokers;
      const questdbUrl = questdb.url ?? running?.questdb.url;
      const checks = [
        brokers === undefined
          ? local('Kafka', stack.kafkaPort)
          : check('Kafka', async () => (await reachKafka(brokers, kafka)).join(', ')),
        questdbUrl === undefined
          ? local('QuestDB', stack.questdbHttpPort)
          : check('QuestDB', () => reachQuestdb(questdbUrl, questdb.user, questdb.password)),
      ];
      if (brokers === undefined || questdbUrl === undefined)
        checks.push(
          check('Java', async () => {
            await findJava(process.env);
            return 'Java 17 or later';
          }),
        );
      findings.push(...(await Promise.all(checks)));
    }
    if (values.json) process.stdout.write(`${JSON.stringify(findings, null, 2)}\n`);
    else
      for (const { what, ok, message } of findings)
        process.stdout.write(`${ok ? 'ok  ' : 'FAIL'}  ${what}: ${message}\n`);
    if (configIsWrong) return exitCodes.config;
    return findings.every(({ ok }) => ok) ? exitCodes.done : exitCodes.failed;
  },
};

function simulatedIn({ config, edges }: Awaited<ReturnType<typeof readConfiguration>>): string {
  return simulates(config, edges) ? `, and a simulated city of ${config.simulate.gateways} gateways` : '';
}

async function check(what: string, attempt: () => Promise<string>): Promise<Finding> {
  try {
    return { what, ok: true, message: await attempt() };
  } catch (error) {
    return { what, ok: false, message: messageOf(error) };
  }
}

/** A server that `millrace up` starts need not run now. */
async function local(what: string, port: number): Promise<Finding> {
  const open = await new Promise<boolean>(resolve => {
    const socket = createConnection({ host: '127.0.0.1', port, timeout: 1000 });
    socket
      .once('connect', () => resolve(true))
      .once('error', () => resolve(false))
      .once('timeout', () => resolve(false));
    socket.once('connect', () => socket.destroy()).once('timeout', () => socket.destroy());
  });
  return { what, ok: true, message: open ? `127.0.0.1:${port} answers` : 'not running; `millrace up` starts it' };
}

async function reachKafka(
  brokers: readonly string[],
  config: Omit<Parameters<typeof openKafka>[0], 'brokers'>,
): Promise<readonly string[]> {
  await using admin = await openKafka({ ...config, brokers }).openAdmin({ deadlineMs: 10_000 });
  return await admin.brokers();
}

async function reachQuestdb(url: string, user: string, password: string): Promise<string> {
  const response = await fetch(`${url.replace(/\/$/, '')}/exec?query=${encodeURIComponent('select 1')}`, {
    headers: { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` },
    signal: AbortSignal.timeout(10_000),
  }).catch((error: Error) => {
    throw new Error(`${url} does not answer (${messageOf(error.cause ?? error)})`);
  });
  if (!response.ok) throw new Error(`${url} answered ${response.status}; check questdb.user and questdb.password`);
  return `${url} answers`;
}
