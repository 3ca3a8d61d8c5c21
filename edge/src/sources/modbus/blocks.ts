/** Which registers are read by which request: neighbours together, within the limits of the protocol. */
import { type RegisterType, wordsOf } from './decode.ts';

export interface Placed {
  readonly kind: 'holding' | 'input' | 'coil' | 'discrete';
  readonly address: number;
  readonly type: RegisterType;
}

/** One request: `count` registers (or bits) from `address` on. */
export interface Block<R extends Placed> {
  readonly kind: R['kind'];
  readonly address: number;
  readonly count: number;
  /** By address; never none. */
  readonly registers: readonly R[];
}

export interface PlanOptions<R extends Placed> {
  /** Registers that nobody asked for and that are read along, between two that were. */
  readonly maxGap: number;
  /** Registers that must not be read along: the device refuses them. */
  readonly refused?: Iterable<Placed>;
  /** Registers that begin a block: the device refuses what lies before them. */
  readonly cuts?: ReadonlySet<R>;
}

/** MODBUS Application Protocol V1.1b3 §§ 6.1–6.4. */
export const maxRegisters = 125;
export const maxBits = 2000;

/** Registers, or bits, past the last one. */
export const endOf = ({ address, type }: Placed): number => address + wordsOf(type);

export function planBlocks<R extends Placed>(
  registers: readonly R[],
  { maxGap, refused = [], cuts = new Set() }: PlanOptions<R>,
): Block<R>[] {
  const walls = [...refused];
  const sorted = [...registers].sort((a, b) => a.kind.localeCompare(b.kind) || a.address - b.address);
  const blocks: Block<R>[] = [];
  let open: R[] = [];
  let end = 0;
  const close = (): void => {
    const [first] = open;
    if (first !== undefined)
      blocks.push({ kind: first.kind, address: first.address, count: end - first.address, registers: open });
    open = [];
  };
  for (const register of sorted) {
    const { kind, address } = register;
    const limit = kind === 'coil' || kind === 'discrete' ? maxBits : maxRegisters;
    const [first] = open;
    const joins =
      first !== undefined &&
      first.kind === kind &&
      address - end <= maxGap &&
      Math.max(end, endOf(register)) - first.address <= limit &&
      !cuts.has(register) &&
      !walls.some(wall => wall.kind === kind && wall.address < address && endOf(wall) > end);
    if (!joins) {
      close();
      end = 0;
    }
    open.push(register);
    end = Math.max(end, endOf(register));
  }
  close();
  return blocks;
}

/** The two halves of a block, each without what lay between them, or undefined when it reads one place alone. */
export function halves<R extends Placed>({ kind, registers }: Block<R>): [Block<R>, Block<R>] | undefined {
  if (registers.length < 2) return undefined;
  const middle = registers.length >> 1;
  const part = (some: readonly R[]): Block<R> => {
    const { address } = some[0]!;
    return { kind, address, count: Math.max(...some.map(endOf)) - address, registers: some };
  };
  return [part(registers.slice(0, middle)), part(registers.slice(middle))];
}
