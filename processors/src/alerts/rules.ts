/** Alert rules as an operator writes them: YAML, checked by a schema, every mistake at once with its key and line. */
import { mistakesOf, readYaml } from '@millrace/runtime/config.ts';
import { getIn, isTree } from '@millrace/runtime/config-keys.ts';
import { ConfigError, type ConfigMistake } from '@millrace/runtime/errors.ts';
import type { Alert } from '@millrace/wire/alert.ts';
import { z } from 'zod';
import { type ConditionKey, conditionKeys, keysMistakes } from './rule-keys.ts';
import { type RuleInput, ruleSchema, type Where } from './rule-schema.ts';

export type Condition =
  | { readonly kind: 'threshold'; readonly side: 'above' | 'below'; readonly level: number; readonly clear: number }
  | {
      readonly kind: 'rate';
      readonly direction: 'rises' | 'falls' | 'changes';
      /** Per `perUs`. */
      readonly level: number;
      readonly clear: number;
      readonly perUs: number;
      /** The stretch that it is measured over. */
      readonly overUs: number;
    }
  | { readonly kind: 'flat'; readonly lastsUs: number; readonly tolerance: number; readonly readings: number }
  | {
      readonly kind: 'deviation';
      /** In standard deviations. */
      readonly level: number;
      readonly clear: number;
      readonly overUs: number;
      readonly readings: number;
      /** A smaller distance from the mean is never too far. */
      readonly atLeast: number;
    }
  | { readonly kind: 'silence'; readonly of: 'sensor'; readonly missed?: number; readonly afterUs?: number }
  | { readonly kind: 'silence'; readonly of: 'gateway'; readonly afterUs: number };

export interface Rule {
  readonly name: string;
  readonly severity: Alert['severity'];
  /** Patterns by field; a field that is not there is not asked for. */
  readonly where: Where;
  /** UCUM unit of the condition's values; undefined: that of each series. */
  readonly unit: string | undefined;
  readonly condition: Condition;
  /** How long the condition must hold. */
  readonly holdUs: number;
  /** Shortest time between two raises on one series. */
  readonly atMostEveryUs: number;
}

const maxRules = 1000;
const rulesRule = 'must be a list of rules, each with a name and a condition';
const rulesSchema = z.array(ruleSchema, rulesRule).max(maxRules, `must be at most ${maxRules} rules`);

/** @throws {ConfigError} with every mistake found. */
export function loadRules(file: string, key = 'FILE'): readonly Rule[] {
  const mistakes: ConfigMistake[] = [];
  const read = readYaml(file, key, 'a mapping with the key rules', mistakes);
  if (read === undefined) throw new ConfigError(mistakes);
  const { tree, placeOf } = read;
  for (const other of Object.keys(tree))
    if (other !== 'rules')
      mistakes.push({ key: other, place: placeOf([other]), message: 'no such key; allowed: rules' });
  const result = rulesSchema.safeParse(tree['rules']);
  for (const issue of result.error?.issues ?? [])
    mistakes.push(...mistakesOf('rules', rulesSchema, issue, tree, placeOf));
  const raw = Array.isArray(tree['rules']) ? (tree['rules'] as unknown[]) : [];
  const names = raw.map(rule => (isTree(rule) ? rule['name'] : undefined));
  for (const [i, rule] of raw.entries()) {
    if (!isTree(rule)) continue;
    const misspelt = result.error?.issues.some(({ code, path }) => code === 'unrecognized_keys' && path[0] === i);
    for (const { key, message } of keysMistakes(rule, misspelt ?? false))
      mistakes.push({
        key: ['rules', i, ...key].join('.'),
        place: placeOf(['rules', i, ...key]) ?? file,
        message,
      });
    const first = names.indexOf(rule['name']);
    if (typeof rule['name'] === 'string' && first < i)
      mistakes.push({
        key: `rules.${i}.name`,
        place: placeOf(['rules', i, 'name']),
        message: `must be unique: rule ${first + 1} is called ${rule['name']} too`,
      });
  }
  if (mistakes.length > 0) throw new ConfigError(inOrder(mistakes).map(mistake => named(mistake, tree)));
  return result.data!.map(ruleOf);
}

/** By line, so that they can be mended from top to bottom. */
function inOrder(mistakes: readonly ConfigMistake[]): ConfigMistake[] {
  const line = ({ place }: ConfigMistake): number => Number(/:(\d+):\d+$/.exec(place ?? '')?.[1] ?? 0);
  return mistakes.toSorted((a, b) => line(a) - line(b));
}

/** `rules.1.above` → `rules.too-hot.above`: rules are known by their names. */
function named(mistake: ConfigMistake, tree: object): ConfigMistake {
  const [, index, rest] = /^rules\.(\d+)(.*)$/.exec(mistake.key) ?? [];
  const name = index === undefined ? undefined : getIn(tree, ['rules', Number(index), 'name']);
  return typeof name === 'string' && ruleSchema.shape.name.safeParse(name).success
    ? { ...mistake, key: `rules.${name}${rest}` }
    : mistake;
}

const severities = { info: 0, warning: 1, critical: 2 } as const;
const minuteUs = 60_000_000;

function ruleOf(input: RuleInput): Rule {
  return {
    name: input.name,
    severity: severities[input.severity],
    where: input.where,
    unit: input.unit,
    condition: conditionOf(input),
    holdUs: input.for ?? 0,
    atMostEveryUs: input.atMostEvery ?? 5 * minuteUs,
  };
}

function conditionOf(input: RuleInput): Condition {
  const key: ConditionKey = conditionKeys.find(one => input[one] !== undefined)!;
  switch (key) {
    case 'above':
    case 'below':
      return { kind: 'threshold', side: key, level: input[key]!, clear: input.clear ?? input[key]! };
    case 'risesFasterThan':
    case 'fallsFasterThan':
    case 'changesFasterThan':
      return {
        kind: 'rate',
        direction: ({ r: 'rises', f: 'falls', c: 'changes' } as const)[key[0] as 'r' | 'f' | 'c'],
        level: input[key]!,
        clear: input.clear ?? input[key]!,
        perUs: input.per!,
        overUs: input.over ?? input.per!,
      };
    case 'flat':
      return { kind: 'flat', lastsUs: input.flat!, tolerance: input.tolerance ?? 0, readings: input.readings ?? 10 };
    case 'deviates':
      return {
        kind: 'deviation',
        level: input.deviates!,
        clear: input.clear ?? input.deviates! / 2,
        overUs: input.over ?? 60 * minuteUs,
        readings: input.readings ?? 30,
        atLeast: input.atLeast ?? 0,
      };
    case 'silent':
      return input.silent === 'gateway'
        ? { kind: 'silence', of: 'gateway', afterUs: input.after! }
        : {
            kind: 'silence',
            of: 'sensor',
            ...(input.missed !== undefined && { missed: input.missed }),
            ...(input.after !== undefined && { afterUs: input.after }),
          };
  }
}
