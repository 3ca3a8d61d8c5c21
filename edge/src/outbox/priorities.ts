/** Which readings go first when the outbox has to give some up. */
import type { Reading } from '../reading.ts';

/** Names are exact, or end in `*`; those that are absent match all. */
export interface PriorityRule {
  readonly sensor?: string | undefined;
  readonly metric?: string | undefined;
  readonly zone?: string | undefined;
  /** 0 is given up first, 9 last. */
  readonly priority: number;
}

export type PriorityOf = (reading: Reading) => number;

/** Of a series that no rule names. */
export const usualPriority = 5;
export const highestPriority = 9;

/** The first rule that matches decides. `gatewayZone`: zone of the readings that name none. */
export function prioritiesBy(rules: readonly PriorityRule[], gatewayZone: string): PriorityOf {
  return ({ sensor, metric, zone = gatewayZone }) =>
    rules.find(rule => matches(rule.sensor, sensor) && matches(rule.metric, metric) && matches(rule.zone, zone))
      ?.priority ?? usualPriority;
}

/** Exact names, or their beginning and `*`; absent: all. */
export function matches(pattern: string | undefined, name: string): boolean {
  if (pattern === undefined) return true;
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}
