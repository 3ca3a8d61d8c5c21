import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseUnit } from '@millrace/wire/units.ts';
import { aliases, knownUnit } from './unit-words.ts';

test('every word stands for a unit that the wire takes', () => {
  for (const [word, code] of aliases) assert.notEqual(typeof parseUnit(code), 'string', `${word} → ${code}`);
  assert.equal(knownUnit('°F'), '[degF]');
  assert.equal(knownUnit('kW.h'), 'kW.h');
  assert.equal(knownUnit('furlong'), undefined);
});
