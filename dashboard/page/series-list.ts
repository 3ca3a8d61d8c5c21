/** The table of series. Rows are kept and written into, so that focus, selection and scrolling outlive each refresh. */
import type { Series, SeriesKey } from '../src/answers.ts';
import { make, setText } from './dom.ts';
import { clockTime, duration, quantity } from './format.ts';
import { linkTo, sameSeries, type View } from './view.ts';

/** More rows than a person reads; the filter finds the others. */
const maxRows = 300;
/** A closed minute older than this says nothing about now. */
const minuteTellsForMs = 10 * 60_000;
const qualities = ['', 'suspect', 'bad', 'substituted'] as const;

interface Row {
  readonly row: HTMLTableRowElement;
  readonly link: HTMLAnchorElement;
  readonly where: HTMLElement;
  readonly value: HTMLElement;
  readonly unit: HTMLElement;
  readonly quality: HTMLElement;
  readonly age: HTMLElement;
  readonly ageText: HTMLElement;
  readonly stale: HTMLElement;
  readonly complete: HTMLElement;
  readonly meter: HTMLMeterElement;
  readonly share: HTMLElement;
}

export class SeriesList {
  readonly #body: HTMLElement;
  readonly #onChoose: (key: SeriesKey) => void;
  readonly #rows = new Map<string, Row>();

  constructor(body: HTMLElement, onChoose: (key: SeriesKey) => void) {
    this.#body = body;
    this.#onChoose = onChoose;
  }

  /** @returns how many match, of which at most 300 are shown. */
  show(all: readonly Series[], view: View, now: number): number {
    const words = view.filter.toLowerCase().split(/\s+/).filter(Boolean);
    const matching = all.filter(one => (view.only ?? one.gateway) === one.gateway && matches(one, words));
    const shown = matching.slice(0, maxRows);
    const before = new Set(this.#rows.keys());
    const wanted = shown.map(one => {
      const id = JSON.stringify([one.gateway, one.sensor, one.metric]);
      before.delete(id);
      const row = this.#rows.get(id) ?? this.#make(one);
      this.#rows.set(id, row);
      fill(row, one, view, now);
      return row.row;
    });
    for (const id of before) {
      this.#rows.get(id)?.row.remove();
      this.#rows.delete(id);
    }
    // Moves only what stands in the wrong place: a moved row loses the focus.
    for (const [i, row] of wanted.entries()) {
      if (this.#body.children[i] !== row) this.#body.insertBefore(row, this.#body.children[i] ?? null);
    }
    return matching.length;
  }

  #make(one: Series): Row {
    const key: SeriesKey = { gateway: one.gateway, sensor: one.sensor, metric: one.metric };
    const link = make('a', '', make('span', 'sensor', one.sensor), ' ', make('span', 'metric', one.metric));
    const where = make('span', 'where');
    const head = make('th', '', link, where);
    head.scope = 'row';
    const [value, unit, quality] = [make('span', 'value'), make('span', 'unit'), make('span', 'badge')];
    const [ageText, stale] = [make('span', 'age'), make('span', 'badge warn', 'stale')];
    const age = make('td', 'number', ageText, ' ', stale);
    const meter = make('meter', '');
    meter.setAttribute('aria-hidden', 'true'); // The number beside it says the same.
    const share = make('span', '');
    const complete = make('td', 'number complete', meter, share);
    const row = make('tr', '', head, make('td', 'number', quality, ' ', value, ' ', unit), age, complete);
    row.addEventListener('click', event => {
      // Ctrl, Shift or the middle button on the link open the series elsewhere, as links do.
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      this.#onChoose(key);
    });
    return { row, link, where, value, unit, quality, age, ageText, stale, complete, meter, share };
  }
}

function matches({ gateway, sensor, metric, zone, unit }: Series, words: readonly string[]): boolean {
  const text = [gateway, sensor, metric, zone, unit].join(' ').toLowerCase();
  return words.every(word => text.includes(word));
}

export function isStale(one: Series, now: number): boolean {
  return now - one.at > one.staleAfterMs;
}

function fill(to: Row, one: Series, view: View, now: number): void {
  const key: SeriesKey = { gateway: one.gateway, sensor: one.sensor, metric: one.metric };
  const href = linkTo({ ...view, series: key });
  if (to.link.getAttribute('href') !== href) to.link.href = href;
  const chosen = sameSeries(view.series, one);
  if (chosen) to.link.setAttribute('aria-current', 'true');
  else to.link.removeAttribute('aria-current');
  to.row.classList.toggle('chosen', chosen);
  setText(to.where, [one.gateway, one.zone].filter(Boolean).join(' · '));

  const { number, unit } = quantity(one.value, one.unit);
  setText(to.value, number);
  setText(to.unit, unit);
  setText(to.quality, qualities[one.quality ?? 0] ?? '');
  to.quality.hidden = (one.quality ?? 0) === 0;

  const stale = isStale(one, now);
  to.row.classList.toggle('stale', stale);
  to.stale.hidden = !stale;
  setText(to.ageText, duration(now - one.at));
  const cadence = one.expectedMs === null ? 'cadence unknown' : `expected every ${duration(one.expectedMs)}`;
  const ageTitle = `${clockTime(one.at, now)}, ${cadence}`;
  if (to.age.title !== ageTitle) to.age.title = ageTitle;
  fillCompleteness(to, one, now);
}

function fillCompleteness({ complete, meter, share }: Row, { completeness }: Series, now: number): void {
  const tells = completeness !== null && now - completeness.at < minuteTellsForMs;
  meter.hidden = !tells;
  complete.classList.toggle('short', tells && completeness.ratio < 0.995);
  if (!tells) {
    setText(share, '–');
    complete.title = 'no closed minute, or its cadence is unknown';
    return;
  }
  const { count, expected, ratio, at } = completeness;
  meter.value = ratio;
  // Never 100 % while one is missing.
  const percent = ratio >= 1 ? 100 : Math.min(99, Math.round(ratio * 100));
  setText(share, `${percent} %`);
  complete.title = `${count} of ${expected} expected readings in the minute from ${clockTime(at, now)}`;
}
