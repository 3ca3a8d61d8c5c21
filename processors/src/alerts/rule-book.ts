/** Which rules are about a series or a gateway, and why one cannot judge it. */
import type { GatewayId } from '@millrace/wire/names.ts';
import type { Rule } from './rules.ts';
import { type SeriesUnit, seriesUnit } from './series-unit.ts';
import type { Applied, SeriesNames } from './series-watch.ts';
import { maxRulesPerSeries } from './state.ts';
import { covers } from './where.ts';

/** Units and names come from outside: what was said is remembered up to here, and then no more is said. */
const maxSaid = 1000;
const maxUnits = 1000;

export class RuleBook {
  readonly #ofGateways: readonly Rule[];
  readonly #ofSeries: readonly Rule[];
  readonly #names: ReadonlySet<string>;
  readonly #say: (sentence: string) => void;
  readonly #said = new Set<string>();
  readonly #units = new Map<string, SeriesUnit | undefined>();

  constructor(rules: readonly Rule[], say: (sentence: string) => void) {
    this.#ofGateways = rules.filter(isOfGateways);
    this.#ofSeries = rules.filter(rule => !isOfGateways(rule));
    this.#names = new Set(rules.map(({ name }) => name));
    this.#say = say;
  }

  get watchesGateways(): boolean {
    return this.#ofGateways.length > 0;
  }

  ofGateway(gateway: GatewayId, site: string): readonly Rule[] {
    const names = { gateway, site, metric: undefined, zone: undefined, sensor: undefined };
    return this.#ofGateways.filter(({ where }) => covers(where, names));
  }

  ofSeries(gateway: GatewayId, site: string, series: SeriesNames): readonly Applied[] {
    const { sensor, metric, zone, unit, intervalMs } = series;
    const applied: Applied[] = [];
    for (const rule of this.#ofSeries) {
      if (!covers(rule.where, { gateway, site, sensor, metric, zone })) continue;
      const place = `${metric} of ${sensor} at ${gateway}`;
      if (applied.length === maxRulesPerSeries) {
        this.sayOnce(
          'many',
          `more than ${maxRulesPerSeries} rules are about ${place}: the first ${maxRulesPerSeries} judge it`,
        );
        break;
      }
      const converted = this.#unit(unit, rule.unit);
      if (converted === undefined) {
        this.sayOnce(
          `${rule.name}\n${unit}`,
          `rule ${rule.name} does not judge ${place}, nor any series in the unit ${unit}: its own unit ${rule.unit} does not convert into that`,
        );
        continue;
      }
      const { condition } = rule;
      const missed = condition.kind === 'silence' && condition.of === 'sensor' ? condition.missed : undefined;
      if (missed !== undefined && intervalMs === 0) {
        this.sayOnce(
          `${rule.name}\ncadence`,
          `rule ${rule.name} does not judge ${place}, nor any series without a declared cadence: give it after instead of missed`,
        );
        continue;
      }
      const afterUs = condition.kind === 'silence' ? condition.afterUs : undefined;
      applied.push({ rule, unit: converted, silentUs: missed === undefined ? afterUs : missed * intervalMs * 1000 });
    }
    return applied;
  }

  /** Series have few units: one conversion for all of them. */
  #unit(unit: string, ruleUnit: string | undefined): SeriesUnit | undefined {
    const key = `${unit}\n${ruleUnit ?? ''}`;
    if (this.#units.has(key)) return this.#units.get(key);
    if (this.#units.size >= maxUnits) this.#units.clear();
    const converted = seriesUnit(unit, ruleUnit);
    this.#units.set(key, converted);
    return converted;
  }

  /** Why an alert of that rule ends although nobody judged its series. */
  whyGone(rule: string): string {
    return this.#names.has(rule)
      ? `is no longer what rule ${rule} is about, since the rules or the series changed: cleared`
      : `is cleared: there is no rule ${rule} any more`;
  }

  sayOnce(what: string, sentence: string): void {
    if (this.#said.has(what) || this.#said.size >= maxSaid) return;
    this.#said.add(what);
    this.#say(sentence);
  }
}

const isOfGateways = ({ condition }: Rule): boolean => condition.kind === 'silence' && condition.of === 'gateway';
