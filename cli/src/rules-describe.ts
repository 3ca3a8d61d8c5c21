/** A rule as `millrace rules check` understood it, in words. */

import { showDuration } from '@millrace/processors/alerts/durations.ts';
import type { Condition, Rule } from '@millrace/processors/alerts/rules.ts';

export function describeCondition({ condition, unit = '', holdUs }: Rule): string {
  const hold = holdUs === 0 ? '' : `, for ${showDuration(holdUs)}`;
  return `${conditionText(condition, unit === '' ? '' : ` ${unit}`)}${hold}`;
}

function conditionText(condition: Condition, unit: string): string {
  switch (condition.kind) {
    case 'threshold': {
      const { side, level, clear } = condition;
      return `${side} ${level}${unit}${clear === level ? '' : `, clears at ${clear}${unit}`}`;
    }
    case 'rate': {
      const { direction, level, clear, perUs, overUs } = condition;
      const over = overUs === perUs ? '' : `, measured over ${showDuration(overUs)}`;
      return `${direction} faster than ${level}${unit} in ${showDuration(perUs)}${over}${clear === level ? '' : `, clears at ${clear}${unit}`}`;
    }
    case 'flat': {
      const { lastsUs, tolerance, readings } = condition;
      const by = tolerance === 0 ? '' : ` by more than ${tolerance}${unit}`;
      return `no change${by} in ${showDuration(lastsUs)} and ${readings} readings`;
    }
    case 'deviation': {
      const { level, clear, overUs, readings, atLeast } = condition;
      const least = atLeast === 0 ? '' : ` and ${atLeast}${unit}`;
      return `more than ${level} standard deviations${least} from the mean of ${showDuration(overUs)} (${readings} readings or more), clears at ${clear}`;
    }
    case 'silence':
      if (condition.of === 'gateway') return `gateway not heard for ${showDuration(condition.afterUs)}`;
      return condition.missed === undefined
        ? `sensor without a reading for ${showDuration(condition.afterUs!)}`
        : `sensor missed ${condition.missed} readings of its cadence`;
  }
}

/** `metric temperature, zone cbd or port-*` */
export function describeWhere({ where, condition }: Rule): string {
  const fields = Object.entries(where).flatMap(([field, patterns]) =>
    patterns === undefined ? [] : [`${field} ${patterns.join(' or ')}`],
  );
  if (fields.length > 0) return fields.join(', ');
  return condition.kind === 'silence' && condition.of === 'gateway' ? 'all gateways' : 'all series';
}
