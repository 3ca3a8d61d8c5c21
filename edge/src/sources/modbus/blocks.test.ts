import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { endOf, halves, maxBits, maxRegisters, type Placed, planBlocks } from './blocks.ts';
import { registerTypes } from './decode.ts';

const word = fc.record({
  kind: fc.constantFrom('holding' as const, 'input' as const),
  // Near one another, and now and then at the end.
  address: fc.oneof(fc.nat(600), fc.integer({ min: 65_400, max: 65_532 })),
  type: fc.constantFrom(...registerTypes),
});
const bit = fc.record({
  kind: fc.constantFrom('coil' as const, 'discrete' as const),
  address: fc.nat(6000),
  type: fc.constant('bool' as const),
});
const registers: fc.Arbitrary<Placed[]> = fc.array(fc.oneof(word, bit), { maxLength: 120 });

test('every register is in one block that covers it; no block is over the limit, no gap over maxGap', () => {
  fc.assert(
    fc.property(registers, fc.nat(124), (all, maxGap) => {
      const blocks = planBlocks(all, { maxGap });
      assert.deepEqual(new Set(blocks.flatMap(block => block.registers)), new Set(all));
      assert.equal(
        blocks.reduce((sum, block) => sum + block.registers.length, 0),
        all.length,
      );
      for (const { kind, address, count, registers: inside } of blocks) {
        assert.ok(count >= 1 && count <= (kind === 'coil' || kind === 'discrete' ? maxBits : maxRegisters));
        let end = address;
        for (const register of inside) {
          assert.equal(register.kind, kind);
          assert.ok(register.address >= address && endOf(register) <= address + count);
          assert.ok(register.address - end <= maxGap);
          end = Math.max(end, endOf(register));
        }
        assert.equal(end, address + count);
      }
    }),
  );
});

test('two blocks of a kind are two only because one would break a rule', () => {
  fc.assert(
    fc.property(registers, fc.nat(124), (all, maxGap) => {
      const blocks = planBlocks(all, { maxGap });
      for (const [i, block] of blocks.slice(1).entries()) {
        const before = blocks[i]!;
        if (before.kind !== block.kind) continue;
        const limit = block.kind === 'coil' || block.kind === 'discrete' ? maxBits : maxRegisters;
        const gap = block.address - (before.address + before.count);
        assert.ok(gap > maxGap || endOf(block.registers[0]!) - before.address > limit);
      }
    }),
  );
});

test('no block reads a refused register along, and a cut begins one', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(300), { minLength: 2 }), fc.nat(20), fc.nat(), (addresses, maxGap, seed) => {
      const all = addresses.map(address => ({ kind: 'holding' as const, address, type: 'uint16' as const }));
      const bad = all[seed % all.length]!;
      const rest = all.filter(one => one !== bad);
      const cut = rest[seed % rest.length]!;
      const blocks = planBlocks(rest, { maxGap, refused: [bad], cuts: new Set([cut]) });
      for (const { address, count } of blocks) assert.ok(bad.address < address || bad.address >= address + count);
      assert.ok(blocks.some(block => block.registers[0] === cut));
      assert.equal(blocks.flatMap(block => block.registers).length, rest.length);
    }),
  );
});

test('the halves of a block hold its registers, and nothing that lay between', () => {
  fc.assert(
    fc.property(registers, all => {
      for (const block of planBlocks(all, { maxGap: 8 })) {
        const two = halves(block);
        assert.equal(two === undefined, block.registers.length === 1);
        if (two === undefined) continue;
        assert.deepEqual([...two[0].registers, ...two[1].registers], block.registers);
        for (const half of two) assert.ok(half.registers.every(one => endOf(one) <= half.address + half.count));
      }
    }),
  );
});
