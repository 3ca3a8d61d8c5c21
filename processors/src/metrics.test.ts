import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openMetrics } from '@millrace/runtime/metrics.ts';
import { kafkaTopics } from '@millrace/wire/names.ts';
import { processorsSchema } from './config.ts';
import { processorMetrics } from './metrics.ts';
import { readingsTask } from './tasks.ts';
import { parseWindows } from './windows.ts';

test('a scrape shows the lag as it is, and no counter falls when a partition moves', async () => {
  const metrics = openMetrics('processors');
  const counters = processorMetrics(metrics);
  const config = processorsSchema.parse({});
  const settings = { config, topics: kafkaTopics('t.'), windows: parseWindows(['1m']), rules: [], say: () => {} };
  const task = readingsTask(settings, 0);
  task.counters.counted = 5;
  const consumer = { lag: 7 };
  const tasks = [task];
  counters.watch({ consumer, committingMs: 0, tasks: () => tasks }, undefined);
  const text = (): Promise<string> => metrics.registry.metrics();
  assert.match(await text(), /^millrace_lag\{service="processors"\} 7$/m);
  assert.match(await text(), /^millrace_processors_readings\{outcome="counted",service="processors"\} 5$/m);
  consumer.lag = 0;
  counters.readings.givenUp(task);
  tasks.pop();
  assert.match(await text(), /^millrace_lag\{service="processors"\} 0$/m);
  assert.match(await text(), /^millrace_processors_readings\{outcome="counted",service="processors"\} 5$/m);
  assert.match(await text(), /^millrace_processors_held\{kind="panes",service="processors"\} 0$/m);
});
