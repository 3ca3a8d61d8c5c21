import { Gauge, type Registry } from '@millrace/runtime/metrics.ts';
import type { Live } from './live.ts';

export function watchViewers(registry: Registry, live: Live): void {
  const gauge: Gauge = new Gauge({
    name: 'millrace_dashboard_viewers',
    help: 'Open live connections.',
    registers: [registry],
    collect: () => gauge.set(live.viewers),
  });
}
