/** What the environment says; the same names as in the Java example. */
export interface Settings {
  readonly brokers: readonly string[];
  readonly statsTopic: string;
  readonly alertsTopic: string;
  /** Of our own: what others have read does not matter to us. */
  readonly group: string;
  readonly controller: string;
  readonly metric: string;
  readonly window: string;
  /** Mean at which a lamp is at its dimmest, and at its brightest. */
  readonly quiet: number;
  readonly busy: number;
  readonly leastCompleteness: number;
}

export function settingsFrom(env: Readonly<Record<string, string | undefined>>): Settings {
  const prefix = env['TOPIC_PREFIX'] ?? 'millrace.';
  return {
    brokers: (env['BROKERS'] ?? '127.0.0.1:9092').split(','),
    statsTopic: `${prefix}stats.v1`,
    alertsTopic: `${prefix}alerts.v1`,
    group: env['GROUP'] ?? 'lamp-dimmer',
    controller: env['CONTROLLER'] ?? 'http://127.0.0.1:8090',
    metric: env['METRIC'] ?? 'vehicles',
    window: env['WINDOW'] ?? '5m/1m',
    quiet: Number(env['QUIET'] ?? 2),
    busy: Number(env['BUSY'] ?? 12),
    leastCompleteness: Number(env['LEAST_COMPLETENESS'] ?? 0.8),
  };
}
