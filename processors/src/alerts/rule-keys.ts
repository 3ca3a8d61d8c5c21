/** Which keys of a rule go together. Works on what was written, so that its mistakes come with all others at once. */
import { isTree, type Tree } from '@millrace/runtime/config-keys.ts';
import { parseDuration } from './durations.ts';

const companions = {
  above: ['clear', 'for', 'unit'],
  below: ['clear', 'for', 'unit'],
  risesFasterThan: ['per', 'over', 'clear', 'for', 'unit'],
  fallsFasterThan: ['per', 'over', 'clear', 'for', 'unit'],
  changesFasterThan: ['per', 'over', 'clear', 'for', 'unit'],
  flat: ['tolerance', 'readings', 'unit'],
  silent: ['missed', 'after'],
  deviates: ['clear', 'for', 'over', 'readings', 'atLeast', 'unit'],
} as const;

export type ConditionKey = keyof typeof companions;
export const conditionKeys = Object.keys(companions) as readonly ConditionKey[];
const companionKeys = [...new Set<string>(Object.values(companions).flat())];

interface KeyMistake {
  /** Below the rule; empty: the rule itself. */
  readonly key: readonly string[];
  readonly message: string;
}

/** @param misspelt the rule has a key that is none: it may be the condition. */
export function keysMistakes(rule: Tree, misspelt: boolean): readonly KeyMistake[] {
  const present = Object.keys(rule).filter((key): key is ConditionKey => Object.hasOwn(companions, key));
  const [condition, ...more] = present;
  if (condition === undefined)
    return misspelt ? [] : [{ key: [], message: `has no condition: it needs one of ${conditionKeys.join(', ')}` }];
  if (more.length > 0)
    return more.map(key => ({
      key: [key],
      message: `beside ${condition}: a rule has one condition; make it a rule of its own`,
    }));
  const allowed: readonly string[] = companions[condition];
  const strangers = companionKeys
    .filter(key => rule[key] !== undefined && !allowed.includes(key))
    .map(key => ({ key: [key], message: `goes with ${conditionsWith(key).join(', ')}, not with ${condition}` }));
  return [...strangers, ...ofCondition(condition, rule)];
}

const conditionsWith = (companion: string): readonly string[] =>
  conditionKeys.filter(key => (companions[key] as readonly string[]).includes(companion));

function ofCondition(condition: ConditionKey, rule: Tree): readonly KeyMistake[] {
  switch (condition) {
    case 'silent':
      return ofSilence(rule);
    case 'flat':
      return [];
    case 'deviates':
      return [...clearMistakes(condition, rule), ...holdMistakes(rule)];
    case 'above':
    case 'below':
      return [...clearMistakes(condition, rule), ...metricMistakes(condition, rule)];
    default:
      return [
        ...(rule['per'] === undefined ? [{ key: [], message: `lacks per: ${condition} 5 needs per: 10m, say` }] : []),
        ...clearMistakes(condition, rule),
        ...metricMistakes(condition, rule),
      ];
  }
}

function ofSilence(rule: Tree): readonly KeyMistake[] {
  const { silent, missed, after, where } = rule;
  if (silent === 'gateway') {
    const fields = isTree(where) ? Object.keys(where) : [];
    return [
      ...(missed === undefined
        ? []
        : [{ key: ['missed'], message: 'goes with silent: sensor; a gateway has no cadence, use after' }]),
      ...(after === undefined ? [{ key: [], message: 'lacks after: a gateway is silent after: 5m, say' }] : []),
      ...fields
        .filter(field => ['metric', 'zone', 'sensor'].includes(field))
        .map(field => ({
          key: ['where', field],
          message: 'a gateway has none: silent: gateway goes by gateway and site',
        })),
    ];
  }
  if ((missed === undefined) === (after === undefined))
    return [
      {
        key: missed === undefined ? [] : ['after'],
        message:
          missed === undefined
            ? 'lacks missed (readings of its cadence, missed: 5) or after (after: 10m)'
            : 'beside missed: one of them decides',
      },
    ];
  return [];
}

function clearMistakes(condition: ConditionKey, rule: Tree): readonly KeyMistake[] {
  const { [condition]: level, clear } = rule;
  if (typeof level !== 'number' || typeof clear !== 'number') return [];
  if (condition === 'below')
    return clear < level
      ? [
          {
            key: ['clear'],
            message: `must be at least ${level}: what is below that is raised, not cleared; it is ${clear}`,
          },
        ]
      : [];
  if (clear > level)
    return [
      {
        key: ['clear'],
        message: `must be at most ${level}: what is above that is raised, not cleared; it is ${clear}`,
      },
    ];
  return condition !== 'above' && clear < 0
    ? [{ key: ['clear'], message: `must be a number from 0 up; it is ${clear}` }]
    : [];
}

/** A deviation that lasts as long as its baseline has become the baseline. */
function holdMistakes({ for: hold, over = '1h' }: Tree): readonly KeyMistake[] {
  const [holdUs, overUs] = [hold, over].map(text => (typeof text === 'string' ? parseDuration(text) : undefined));
  if (holdUs === undefined || overUs === undefined || holdUs < overUs) return [];
  return [
    { key: ['for'], message: `must be shorter than over, ${String(over)}: by then the deviation is its baseline` },
  ];
}

function metricMistakes(condition: ConditionKey, { where }: Tree): readonly KeyMistake[] {
  if (where !== undefined && (!isTree(where) || where['metric'] !== undefined)) return [];
  return [
    {
      key: where === undefined ? [] : ['where'],
      message: `lacks where.metric: ${condition} means nothing for all metrics alike`,
    },
  ];
}
