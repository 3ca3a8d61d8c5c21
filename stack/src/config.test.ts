import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stackSchema } from './config.ts';
import type { StackOptions } from './stack.ts';

test('the section `stack` may be empty, has the ports of the contract, and fits openStack as it is', () => {
  const options: StackOptions = stackSchema.parse({});
  assert.equal(options.home, '.millrace');
  assert.deepEqual(
    [options.kafkaPort, options.questdbHttpPort, options.questdbPgPort, options.questdbHealthPort],
    [9092, 9000, 8812, 9003],
  );
});

test('two nodes, a port out of range and an unknown key are mistakes, each at its key', () => {
  const { error } = stackSchema.safeParse({ kafkaNodes: 2, kafkaPort: 70_000, kafkaPorts: 1 });
  assert.deepEqual(error?.issues.map(({ path, code }) => path.join('.') || code).sort(), [
    'kafkaNodes',
    'kafkaPort',
    'unrecognized_keys',
  ]);
});
