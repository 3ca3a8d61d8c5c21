import { Gauge, type Metrics } from '@millrace/runtime/metrics.ts';
import type { Standing } from './standing.ts';

/** A city has thousands of gateways, and few with holes; where many have some, those whose holes stand longest are named. */
const maxNamed = 100;

/**
 * Holes in the gateways' sequences, of their newest boots. Holes come and go: the newest readings go first after an
 * outage, and what got no acknowledgement is sent again. An alert is on how long one stands, not on whether there is one.
 */
export function ledgerMetrics({ registry }: Metrics, standings: () => Iterable<Standing>): void {
  const registers = [registry];
  const gauge = (name: string, help: string): Gauge => new Gauge({ name: `millrace_ledger_${name}`, help, registers });
  const named = (name: string, help: string): Gauge =>
    new Gauge({ name: `millrace_ledger_gateway_${name}`, help, labelNames: ['gateway'], registers });
  // Registered first, so that it fills the others before they are read.
  const missing = new Gauge({
    name: 'millrace_ledger_missing_readings',
    help: 'Readings below the highest sequence number arrived that were neither counted nor declared as dropped: on their way, rejected or lost.',
    registers,
    collect: () => fill(),
  });
  const holed = gauge('gateways_with_holes', 'Gateways of which readings are missing that may still come.');
  const dropped = gauge('dropped_readings', 'Readings that gateways declared as given up.');
  const oldest = gauge(
    'oldest_hole_seconds',
    'How long the oldest missing reading of a gateway has been the same one, the longest of all; alert on this.',
  );
  const named100 = `Of the ${maxNamed} gateways at most whose holes stand longest.`;
  const missingOf = named('missing_readings', `Readings missing. ${named100}`);
  const standsOf = named('hole_seconds', `How long the oldest missing reading has been the same one. ${named100}`);
  const fill = (): void => {
    const withHoles: { gateway: string; missing: number; seconds: number }[] = [];
    const sums = { missing: 0, dropped: 0 };
    for (const { ledger, holeSinceUs } of standings()) {
      sums.missing += ledger.missing;
      sums.dropped += ledger.dropped;
      if (holeSinceUs === null) continue;
      const seconds = Math.max(0, Date.now() / 1000 - holeSinceUs / 1e6);
      withHoles.push({ gateway: ledger.gateway, missing: ledger.missing, seconds });
    }
    withHoles.sort((a, b) => b.seconds - a.seconds);
    missing.set(sums.missing);
    dropped.set(sums.dropped);
    holed.set(withHoles.length);
    oldest.set(withHoles[0]?.seconds ?? 0);
    missingOf.reset();
    standsOf.reset();
    for (const { gateway, missing: count, seconds } of withHoles.slice(0, maxNamed)) {
      missingOf.set({ gateway }, count);
      standsOf.set({ gateway }, seconds);
    }
  };
}
