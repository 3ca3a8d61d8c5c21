/** What the kernel tells of its own work: load, uptime, processor time, pressure stall information. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Probe, Sample } from './probe.ts';
import { rates } from './rates.ts';

/** proc_loadavg(5). */
export function load(root: string): Probe {
  return {
    name: 'load',
    async read() {
      const numbers = (await readFile(join(root, 'proc/loadavg'), 'utf8')).split(' ').map(Number);
      return ['load_1m', 'load_5m', 'load_15m'].map((metric, i) => ({
        sensor: 'cpu',
        metric,
        unit: '1',
        value: numbers[i] ?? Number.NaN,
      }));
    },
  };
}

export function uptime(root: string): Probe {
  return {
    name: 'uptime',
    async read() {
      const seconds = Number((await readFile(join(root, 'proc/uptime'), 'utf8')).split(' ')[0]);
      return [{ sensor: 'system', metric: 'uptime', unit: 's', value: seconds }];
    },
  };
}

/** Share of processor time not idle since the last sample; proc_stat(5), first line, in clock ticks. */
export function processor(root: string): Probe {
  let before: { busy: number; all: number } | undefined;
  return {
    name: 'processor',
    async read() {
      const text = await readFile(join(root, 'proc/stat'), 'utf8');
      // user nice system idle iowait irq softirq steal; the guest columns after them are counted in user already.
      const ticks = text.split('\n')[0]!.trim().split(/\s+/).slice(1, 9).map(Number);
      const all = ticks.reduce((sum, tick) => sum + tick, 0);
      const now = { all, busy: all - (ticks[3] ?? Number.NaN) - (ticks[4] ?? 0) };
      const last = before;
      before = now;
      if (last === undefined || now.all <= last.all) return [];
      const value = Math.max(0, (100 * (now.busy - last.busy)) / (now.all - last.all));
      return [{ sensor: 'cpu', metric: 'busy', unit: '%', value }];
    },
  };
}

/**
 * Share of time in which some, or all, tasks waited for processor, memory or I/O, since the last sample: from `total`,
 * µs, which is exact where the kernel's own averages lag (kernel documentation, "accounting/psi"). `full` of the
 * processor is not defined.
 */
export function pressure(root: string): Probe {
  const rate = rates();
  return {
    name: 'pressure',
    async read(atMs) {
      const samples: Sample[] = [];
      for (const sensor of ['cpu', 'memory', 'io']) {
        const text = await readFile(join(root, 'proc/pressure', sensor), 'utf8');
        for (const [, kind, total] of text.matchAll(/^(some|full) .*total=(\d+)$/gm)) {
          if (sensor === 'cpu' && kind === 'full') continue;
          const perSecond = rate(`${sensor} ${kind}`, Number(total), atMs);
          if (perSecond === undefined) continue;
          samples.push({ sensor, metric: `pressure_${kind}`, unit: '%', value: Math.min(100, perSecond / 1e4) });
        }
      }
      return samples;
    },
  };
}
