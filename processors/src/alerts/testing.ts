/** For tests: rules from text, and a monitor that is fed by hand. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Alert } from '@millrace/wire/alert.ts';
import type { Series } from '@millrace/wire/batch.ts';
import type { GatewayId } from '@millrace/wire/names.ts';
import { AlertMonitor } from './monitor.ts';
import { loadRules, type Rule } from './rules.ts';

/** @throws {ConfigError} whose places say `rules.yaml:<line>`. */
export function rulesOf(yaml: string): readonly Rule[] {
  const dir = mkdtempSync(join(tmpdir(), 'millrace-rules-'));
  try {
    const file = join(dir, 'rules.yaml');
    writeFileSync(file, yaml);
    return loadRules(file);
  } finally {
    rmSync(dir, { recursive: true });
  }
}

export const gateway = 'lamp-1' as GatewayId;
export const secondUs = 1_000_000;
export const minuteUs = 60 * secondUs;
/** 2026-01-01T00:00:00Z */
export const startUs = Date.UTC(2026, 0, 1) * 1000;

export const series: Series = {
  sensor: 'air-1',
  metric: 'temperature',
  unit: 'Cel',
  intervalMs: 60_000,
  zone: 'cbd',
};

export interface Bench {
  readonly monitor: AlertMonitor;
  readonly said: string[];
  /** A reading each interval from `startUs` on; NaN: none. @returns what was raised and cleared. */
  readonly feed: (values: readonly number[], intervalUs?: number) => readonly Alert[];
}

/** Values of one series go in one by one, each followed by `heard`. */
export function bench(yaml: string, of: Partial<Series> = {}): Bench {
  const said: string[] = [];
  const monitor = new AlertMonitor({ rules: rulesOf(yaml), say: sentence => said.push(sentence) });
  let fed = 0;
  return {
    monitor,
    said,
    feed(values, intervalUs = minuteUs) {
      const alerts: Alert[] = [];
      for (const value of values) {
        const timeUs = startUs + fed++ * intervalUs;
        if (!Number.isNaN(value)) monitor.watch(gateway, 'city', { ...series, ...of })?.reading(timeUs, value);
        monitor.heard(gateway, 'city', timeUs + secondUs, timeUs + intervalUs);
        alerts.push(...monitor.flush({ nowUs: timeUs + secondUs }).alerts);
      }
      return alerts;
    },
  };
}

/** `+3` raised at minute 3, `-5` cleared at minute 5. */
export const shortly = (alerts: readonly Alert[], intervalUs = minuteUs): string =>
  alerts.map(({ state, atUs }) => `${state === 1 ? '+' : '-'}${(atUs - startUs) / intervalUs}`).join(' ');
