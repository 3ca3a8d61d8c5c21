import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openMetrics } from '@millrace/runtime/metrics.ts';
import { processorMetrics } from './metrics.ts';
import { TumblingEngine } from './tumbling.ts';

test('a scrape shows the lag as it is, not as the scrape before left it', async () => {
  const metrics = openMetrics('processors');
  const engine = new TumblingEngine({ window: '1m', sizeUs: 60e6, keepUs: 60e6, maxAheadUs: 60e6 });
  const consumer = { lag: 7 };
  processorMetrics(metrics, { counters: engine.counters, standings: () => engine.standings() }, consumer);
  assert.match(await metrics.registry.metrics(), /^millrace_lag\{service="processors"\} 7$/m);
  consumer.lag = 0;
  assert.match(await metrics.registry.metrics(), /^millrace_lag\{service="processors"\} 0$/m);
});
