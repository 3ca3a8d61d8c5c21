import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { openMetrics } from '@millrace/runtime/metrics.ts';
import { folder, openAt, readings } from '../test/outbox.ts';
import { edgeMetrics } from './metrics.ts';

test('a scrape shows the lag as it is, not as the scrape before left it', async () => {
  await using outbox = openAt(join(folder(), 'o.db'));
  const metrics = openMetrics('edge');
  edgeMetrics(metrics, outbox);
  await outbox.append('s', readings(5));
  assert.match(await metrics.registry.metrics(), /^millrace_lag\{service="edge"\} 5$/m);
  for (const batch of outbox.page(-1, 10)) outbox.acknowledge(batch);
  assert.match(await metrics.registry.metrics(), /^millrace_lag\{service="edge"\} 0$/m);
});
