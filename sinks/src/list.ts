import { alerts } from './alerts/sink.ts';
import { gateways } from './gateways/sink.ts';
import { lake } from './lake/sink.ts';
import { readings } from './readings/sink.ts';
import { series } from './series/sink.ts';
import type { ListedSink } from './sink.ts';
import { stats } from './stats/sink.ts';
import { webhooks } from './webhooks/sink.ts';
import { zones } from './zones/sink.ts';

/** Every sink there is, one line each. */
// biome-ignore format: one line each
export const sinks: readonly ListedSink[] = [
  readings,
  stats,
  alerts,
  gateways,
  zones,
  series,
  webhooks,
  lake,
];
