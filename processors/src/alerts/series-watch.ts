/** A series that rules are about. */
import type { Series } from '@millrace/wire/batch.ts';
import type { GatewayId } from '@millrace/wire/names.ts';
import { showDuration } from './durations.ts';
import { type EmitAlert, Incident, type Subject } from './incident.ts';
import { type Judge, judgeOf } from './judges/judge.ts';
import { showTime } from './messages.ts';
import type { Rule } from './rules.ts';
import type { SeriesUnit } from './series-unit.ts';
import type { KeptRule } from './state.ts';

/** A rule that applies, with what it needs to know of the series. */
export interface Applied {
  readonly rule: Rule;
  readonly unit: SeriesUnit;
  /** Of a rule on silence: so long without a reading is too long. */
  readonly silentUs: number | undefined;
}

export type SeriesNames = Pick<Series, 'sensor' | 'metric' | 'unit' | 'zone' | 'intervalMs'>;

interface Watched extends Applied {
  readonly incident: Incident;
  /** Absent for silence. */
  readonly judge: Judge | undefined;
}

export class WatchedSeries {
  names: SeriesNames;
  /** Newest reading, event time; −∞ none yet. */
  newestUs = Number.NEGATIVE_INFINITY;
  newest = 0;
  /** A rule on silence has raised it. */
  silent = false;
  /** What was raised by rules that no longer apply. */
  orphans: readonly KeptRule[] = [];
  readonly #gateway: GatewayId;
  readonly #emit: EmitAlert;
  #watched: readonly Watched[] = [];
  #judged: readonly Watched[] = [];
  #silences: readonly Watched[] = [];

  constructor(gateway: GatewayId, names: SeriesNames, emit: EmitAlert) {
    this.#gateway = gateway;
    this.names = names;
    this.#emit = emit;
  }

  /** Goes by these rules from now on; what is known of each of them stays. */
  apply(names: SeriesNames, applied: readonly Applied[]): void {
    const before = this.kept();
    const newUnit = names.unit !== this.names.unit;
    this.names = names;
    this.#watched = applied.map(one => ({
      ...one,
      incident: new Incident(one.rule, this.#emit),
      judge: one.rule.condition.kind === 'silence' ? undefined : judgeOf(one.rule, one.unit),
    }));
    this.#judged = this.#watched.filter(({ judge }) => judge !== undefined);
    this.#silences = this.#watched.filter(({ silentUs }) => silentUs !== undefined);
    this.restore(before, newUnit);
  }

  /** @param newUnit the judges begin anew: what they know is in another unit. */
  restore(rules: readonly KeptRule[], newUnit = false): void {
    const orphans: KeptRule[] = [];
    for (const kept of rules) {
      const [name, kind, incident, judge, history] = kept;
      const found = this.#watched.find(({ rule }) => rule.name === name && kindOf(rule) === kind);
      if (found === undefined) {
        if (incident?.[2] != null) orphans.push(kept);
        continue;
      }
      if (incident != null) found.incident.restore(incident);
      if (!newUnit) found.judge?.restore(judge ?? undefined, history ?? undefined);
    }
    this.orphans = orphans;
    this.silent = this.#silences.some(({ incident }) => incident.raised !== undefined);
  }

  /** @returns whether the history of a judge changed. */
  reading(timeUs: number, value: number): boolean {
    this.newestUs = timeUs;
    this.newest = value;
    if (this.silent) this.#heard(timeUs, value);
    let history = false;
    for (const { judge, incident } of this.#judged) {
      this.#step(judge!, incident, timeUs, value);
      if (judge!.historyDirty) {
        judge!.historyDirty = false;
        history = true;
      }
    }
    return history;
  }

  /**
   * Raises what has been silent for too long.
   * @param throughUs every earlier reading has come.
   * @returns before this instant none of it can be raised.
   */
  silence(throughUs: number): number {
    let earliestUs = Number.POSITIVE_INFINITY;
    if (this.newestUs === Number.NEGATIVE_INFINITY) return earliestUs;
    for (const { incident, silentUs, rule } of this.#silences) {
      if (incident.raised !== undefined) continue;
      const dueUs = Math.max(this.newestUs + silentUs!, incident.notBeforeUs);
      if (throughUs <= dueUs) earliestUs = Math.min(earliestUs, dueUs);
      else {
        incident.raise(this.subject, dueUs, (dueUs - this.newestUs) / 1e6, this.#silence(rule, dueUs));
        this.silent = true;
      }
    }
    return earliestUs;
  }

  /** Ends what is raised by rules that are gone, or all of it. @returns whether there was any. */
  end(timeUs: number, phrase: string, all: boolean, clear: (orphan: KeptRule) => void): boolean {
    let any = this.orphans.length > 0;
    for (const orphan of this.orphans) clear(orphan);
    this.orphans = [];
    for (const { incident } of all ? this.#watched : []) {
      any ||= incident.raised !== undefined;
      incident.clear(this.subject, timeUs, this.newest, phrase);
    }
    return any;
  }

  get subject(): Subject {
    const { sensor, metric, zone } = this.names;
    const gateway = this.#gateway;
    return { gateway, sensor, metric, shown: `${metric} of ${sensor} at ${gateway}${zone === '' ? '' : ` (${zone})`}` };
  }

  get watched(): boolean {
    return this.#watched.length > 0;
  }

  kept(): readonly KeptRule[] {
    const rules = this.#watched.flatMap(({ rule, incident, judge }): KeptRule[] => {
      const [of, knows, history] = [incident.kept(), judge?.kept(), judge?.history()];
      if (of === undefined && knows === undefined && history === undefined) return [];
      return [[rule.name, kindOf(rule), of ?? null, knows ?? null, history ?? null]];
    });
    return [...rules, ...this.orphans];
  }

  #step(judge: Judge, incident: Incident, timeUs: number, value: number): void {
    const verdict = judge.judge(timeUs, value, incident.raised !== undefined);
    if (incident.raised !== undefined) {
      if (verdict === 'within') incident.clear(this.subject, timeUs, judge.measured, judge.clearedPhrase());
      return;
    }
    if (verdict !== 'beyond') {
      incident.pendingSinceUs = undefined;
      return;
    }
    incident.pendingSinceUs ??= timeUs;
    const sinceUs = incident.pendingSinceUs;
    if (timeUs - sinceUs < incident.rule.holdUs || timeUs < incident.notBeforeUs) return;
    incident.raise(this.subject, timeUs, judge.measured, judge.raisedPhrase(sinceUs));
  }

  #heard(timeUs: number, value: number): void {
    this.silent = false;
    for (const { incident, unit } of this.#silences)
      incident.clear(this.subject, timeUs, value, `sends again (${unit.show(value)})`);
  }

  #silence({ condition }: Rule, atUs: number): string {
    const { intervalMs } = this.names;
    const cadence =
      condition.kind === 'silence' && condition.of === 'sensor' && condition.missed !== undefined
        ? `: ${condition.missed} readings missed, one each ${showDuration(intervalMs * 1000)}`
        : '';
    return `has no reading since ${showTime(this.newestUs)}, for ${showDuration(atUs - this.newestUs)}${cadence}`;
  }
}

/** What a rule's state is good for: under the same name, another kind begins anew. */
export function kindOf({ condition }: Rule): string {
  switch (condition.kind) {
    case 'threshold':
      return condition.side;
    case 'rate':
      return condition.direction;
    case 'silence':
      return `silent ${condition.of}`;
    default:
      return condition.kind;
  }
}
