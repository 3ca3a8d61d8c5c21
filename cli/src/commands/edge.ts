/** `millrace edge`: the agent, and what an integrator asks of it. */
import { ConfigError } from '@millrace/runtime/errors.ts';
import { exitCodes } from '@millrace/runtime/service.ts';
import { type Command, parse, UsageError } from '../command.ts';

const longestTrySeconds = 3600;

export const edge: Command = {
  name: 'edge',
  summary: "Run a gateway's agent: sources, outbox, uplink; check its file, try its sensors, ask how it is",
  usage:
    '[--config FILE] [--node-red] | check FILE | try FILE [--seconds N] [--json] | status [--config FILE] [--socket PATH] [--json]',
  options: `  --node-red      also run Node-RED beside the agent, as edge.nodeRed in the configuration says
  check FILE      print all mistakes in the file, each with line and column; exit 78 when there are any
  try FILE        run the sources for a minute, send nothing, and print what was read and what would be sent
  --seconds N     how long to try (default: 60)
  status          ask the agent that runs here: connection, outbox, clock, each sensor
  --socket PATH   its door (default: as the configuration says)
  --json          print JSON`,
  example: 'millrace edge try demo/this-machine.yaml --seconds 5',
  async run(args) {
    const { source, values, positionals } = parse(
      args,
      {
        json: { type: 'boolean' },
        seconds: { type: 'string' },
        socket: { type: 'string' },
        'node-red': { type: 'boolean' },
      },
      { max: 2 },
    );
    const [verb, file] = positionals;
    const json = values.json === true;
    const from = file === undefined ? source : { ...source, file };
    switch (verb) {
      case undefined:
        return (await import('@millrace/edge/main.ts')).runEdge(
          values['node-red'] === true ? withNodeRed(source) : source,
        );
      case 'check':
        return check(from);
      case 'try':
        return tryFor(from, secondsOf(values.seconds), json);
      case 'status':
        return status(from, values.socket, json);
      default:
        throw new UsageError(`there is no '${verb}': check, try or status`);
    }
  },
};

type From = ReturnType<typeof parse>['source'];

function withNodeRed(from: From): From {
  return { ...from, env: { ...from.env, MILLRACE_EDGE__NODE_RED__ENABLED: 'true' } };
}

async function check(from: From): Promise<number> {
  if (from.file === undefined) throw new UsageError('which FILE?');
  const { loadEdge } = await import('@millrace/edge/load.ts');
  try {
    const { edge: config, sources } = await loadEdge(from);
    const rules = config.shape.length;
    process.stdout.write(
      `${from.file}: gateway ${config.gateway}, ${count(sources.length, 'source')} (${sources.map(({ name }) => name).join(', ')}), ${count(rules, 'rule')} to shape readings, no mistake\n`,
    );
    return exitCodes.done;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stdout.write(`${error.message}\n`);
    return exitCodes.config;
  }
}

async function tryFor(from: From, seconds: number, json: boolean): Promise<number> {
  if (from.file === undefined) throw new UsageError('which FILE?');
  const [{ tryEdge }, { tryReport }] = await Promise.all([
    import('@millrace/edge/try.ts'),
    import('../edge-report.ts'),
  ]);
  const stopping = new AbortController();
  const stop = (): void => stopping.abort();
  process.once('SIGINT', stop).once('SIGTERM', stop);
  if (!json && process.stderr.isTTY)
    process.stderr.write(
      `Reading the sensors of ${from.file} for ${seconds} s; Ctrl-C ends it early. Nothing is sent.\n`,
    );
  const report = await tryEdge(from, { seconds, signal: stopping.signal });
  process.stdout.write(json ? `${JSON.stringify(report, null, 2)}\n` : tryReport(report));
  return report.series.length > 0 ? exitCodes.done : exitCodes.failed;
}

async function status(from: From, socket: string | undefined, json: boolean): Promise<number> {
  const [{ askStatus }, { statusReport }] = await Promise.all([
    import('@millrace/edge/door/ask.ts'),
    import('../edge-report.ts'),
  ]);
  const answer = await askStatus(from, socket);
  process.stdout.write(json ? `${JSON.stringify(answer, null, 2)}\n` : statusReport(answer));
  return exitCodes.done;
}

function secondsOf(text: string | undefined): number {
  const seconds = Number(text ?? 60);
  if (!(seconds > 0 && seconds <= longestTrySeconds))
    throw new UsageError(`--seconds must be a number above 0, at most ${longestTrySeconds}; it is '${text}'`);
  return seconds;
}

const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;
