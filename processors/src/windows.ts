/** Windows as configured, and the panes they are composed of. */
import { InvariantError } from '@millrace/runtime/errors.ts';

/** Windows of one size, one beginning each step since the Unix epoch: tumbling when the two are the same, else hopping. */
export interface WindowSpec {
  /** `1m`, `5m/1m`: size, and step where it is another. In the results. */
  readonly name: string;
  readonly sizeUs: number;
  readonly stepUs: number;
}

/** Panes of one size. Those of the first level take the readings; those of the next are folded from whole numbers of them. */
export interface PaneLevel {
  readonly stepUs: number;
  /** Size of the largest window that is composed of such panes. */
  readonly retainUs: number;
}

const unitsUs = { s: 1_000_000, m: 60_000_000, h: 3_600_000_000, d: 86_400_000_000 } as const;
type Unit = keyof typeof unitsUs;
const grammar = /^(\d{1,6})([smhd])(?:\/(\d{1,6})([smhd]))?$/;
/** A row costs as many merges. */
const maxSteps = 1000;
const maxSizeUs = 7 * unitsUs.d;

interface WindowMistake {
  /** In the list of windows. */
  readonly index: number;
  readonly message: string;
}

/** What is wrong with a list of windows: all of it. */
export const windowMistakes = (texts: readonly string[]): readonly WindowMistake[] => read(texts).mistakes;

/**
 * Reads `1m` (tumbling), `5m/1m` (hopping: size/step), in s, m, h, d.
 * @throws {InvariantError} for texts that have mistakes: the configuration's schema has found them before.
 */
export function parseWindows(texts: readonly string[]): readonly WindowSpec[] {
  const { specs, mistakes } = read(texts);
  if (mistakes.length > 0) throw new InvariantError(mistakes.map(({ message }) => message).join('; '));
  return specs;
}

function read(texts: readonly string[]) {
  const mistakes: WindowMistake[] = [];
  const specs: WindowSpec[] = [];
  for (const [index, text] of texts.entries()) {
    const spec = parseWindow(text);
    const message = typeof spec === 'string' ? spec : mistakeBeside(spec, specs);
    if (message !== undefined) mistakes.push({ index, message });
    else specs.push(spec as WindowSpec);
  }
  return { specs, mistakes };
}

function parseWindow(text: string): WindowSpec | string {
  const [, size, sizeUnit, step, stepUnit] = grammar.exec(text) ?? [];
  if (size === undefined) return 'must be a size such as 1m, or size/step such as 5m/1m, with units s, m, h or d';
  const sizeUs = Number(size) * unitsUs[sizeUnit as Unit];
  const stepUs = step === undefined ? sizeUs : Number(step) * unitsUs[stepUnit as Unit];
  if (sizeUs === 0 || stepUs === 0) return 'must be longer than nothing';
  if (sizeUs > maxSizeUs) return 'must be at most 7d long';
  if (sizeUs % stepUs !== 0) return 'the size must be a multiple of the step';
  if (sizeUs / stepUs > maxSteps) return `the size must be at most ${maxSteps} steps`;
  return { name: sizeUs === stepUs ? nameOf(sizeUs) : `${nameOf(sizeUs)}/${nameOf(stepUs)}`, sizeUs, stepUs };
}

function mistakeBeside({ name, stepUs }: WindowSpec, others: readonly WindowSpec[]): string | undefined {
  for (const other of others) {
    if (other.name === name) return `"${name}" stands there twice`;
    const [short, long] = stepUs < other.stepUs ? [stepUs, other.stepUs] : [other.stepUs, stepUs];
    if (long % short !== 0)
      return `the steps of "${name}" and "${other.name}" must be multiples of one another, so that both can be composed of the same panes`;
  }
  return undefined;
}

/** In the largest unit that gives a whole number: `1m`, `90s`. */
export function nameOf(us: number): string {
  const unit = (['d', 'h', 'm', 's'] as const).find(one => us % unitsUs[one] === 0)!;
  return `${us / unitsUs[unit]}${unit}`;
}

/** A level for each step, the shortest first. */
export function paneLevels(specs: readonly WindowSpec[]): readonly PaneLevel[] {
  const steps = [...new Set(specs.map(({ stepUs }) => stepUs))].sort((a, b) => a - b);
  return steps.map(stepUs => ({
    stepUs,
    retainUs: Math.max(...specs.filter(spec => spec.stepUs === stepUs).map(({ sizeUs }) => sizeUs)),
  }));
}

/** The last multiple of the step that is not after the time. */
export const alignDown = (timeUs: number, stepUs: number): number => Math.floor(timeUs / stepUs) * stepUs;

/** The first multiple of the step that is not before the time. */
export const alignUp = (timeUs: number, stepUs: number): number => Math.ceil(timeUs / stepUs) * stepUs;
