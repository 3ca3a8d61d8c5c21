/** Each service alone. Rooms are loaded when they are asked for, so that `--help` is quick. */
import { type Command, parse, UsageError } from '../command.ts';

export const bridge: Command = {
  name: 'bridge',
  summary: 'Run the bridge: MQTT in, Kafka out',
  usage: '[--config FILE]',
  example: 'MILLRACE_KAFKA__BROKERS=kafka-1:9092,kafka-2:9092 millrace bridge',
  run: async args => (await import('@millrace/bridge/main.ts')).runBridge(parse(args, {}, { max: 0 }).source),
};

export const processors: Command = {
  name: 'processors',
  summary: 'Run the processors: readings to rolling statistics',
  usage: '[--config FILE]',
  example: 'millrace processors --config millrace.yaml',
  run: async args => (await import('@millrace/processors/main.ts')).runProcessors(parse(args, {}, { max: 0 }).source),
};

export const sinks: Command = {
  name: 'sinks',
  summary: 'Run the sinks: Kafka to QuestDB, Parquet and webhooks',
  usage: '[--config FILE] [NAME …]',
  options:
    '  NAME …          only these sinks: readings, stats, alerts, gateways, zones, series, webhooks, lake (default: the enabled ones)',
  example: 'millrace sinks readings stats',
  run: async args => {
    const { source, positionals } = parse(args, {}, { max: 16 });
    return (await import('@millrace/sinks/main.ts')).runSinks(source, positionals.length > 0 ? positionals : undefined);
  },
};

export const dashboard: Command = {
  name: 'dashboard',
  summary: 'Run the dashboard: web page and API over QuestDB',
  usage: '[--config FILE] [password]',
  options:
    '  password        print the hash of a password for the file of users; asks for it, or reads a line of standard input',
  example: 'MILLRACE_DASHBOARD__PORT=8088 millrace dashboard',
  run: async args => {
    const { source, positionals } = parse(args, {}, { max: 1 });
    if (positionals.length === 0) return (await import('@millrace/dashboard/main.ts')).runDashboard(source);
    if (positionals[0] !== 'password')
      throw new UsageError(`no '${positionals[0]}' here: password, or nothing to run it`);
    const [{ hashPassword }, { askSecret }] = await Promise.all([
      import('@millrace/dashboard/access/passwords.ts'),
      import('../secret.ts'),
    ]);
    const password = await askSecret('Password: ');
    if (password.length < 8) {
      console.error('A password has at least 8 characters.');
      return 1;
    }
    console.log(await hashPassword(password));
    return 0;
  },
};
