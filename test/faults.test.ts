/** A short selection of the fault suite (`npm run test:faults`), on servers of its own because it kills them. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { shortCases } from './faults/cases.ts';
import { City } from './faults/city.ts';
import { isGood, Scene } from './faults/scene.ts';

let city: City;
before(async () => {
  city = await City.open({ kafkaNodes: 1 });
});
after(() => city[Symbol.asyncDispose]());

for (const [day, one] of shortCases.entries()) {
  test(`under load, ${one.title}: nothing lost, nothing twice, every window right, all explained`, async () => {
    const result = await Scene.play(city, one, day);
    assert.ok(isGood(result), JSON.stringify(result, null, 2));
  });
}
