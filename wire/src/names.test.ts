import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isGatewayId, kafkaTopics, mqttTopic, parseMqttTopic } from './names.ts';

test('gateway names follow the grammar', () => {
  for (const name of ['a', '0', 'lamp-7_b', 'x'.repeat(64)]) assert.ok(isGatewayId(name), name);
  for (const name of ['', '-a', '_a', 'A', 'a/b', 'a+', '#', 'a\n', 'a\0', 'ü', 'x'.repeat(65), '__proto__'])
    assert.ok(!isGatewayId(name), name);
});

test('a topic parses back to its gateway and channel, and nothing else does', () => {
  const name = 'lamp-7';
  assert.ok(isGatewayId(name));
  assert.deepEqual(parseMqttTopic(mqttTopic(name, 'readings')), { gateway: name, channel: 'readings' });
  for (const topic of [
    '',
    'millrace',
    'millrace/v1/lamp-7',
    'millrace/v1/lamp-7/other',
    'millrace/v2/lamp-7/readings',
    'millrace/v1/lamp-7/readings/x',
    'millrace/v1/Lamp/readings',
    '$SYS/x',
    'millrace/v1/lamp-7/constructor',
  ]) {
    assert.equal(parseMqttTopic(topic), undefined, topic);
  }
});

test('Kafka topics carry the prefix', () => {
  assert.equal(kafkaTopics('city.').readings, 'city.readings.v1');
});
