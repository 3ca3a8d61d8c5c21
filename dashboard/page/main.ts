/** The page: what comes over the feed and what the viewer chose, shown. */
import type { Gateway, LiveEvents, Series, SeriesKey } from '../src/answers.ts';
import { Chart } from './chart.ts';
import { byId, make, setText } from './dom.ts';
import { Feed, type FeedState, fetchRange } from './feed.ts';
import { clockTime, duration, plural, quantityText } from './format.ts';
import { GatewayList } from './gateway-list.ts';
import { isStale, SeriesList } from './series-list.ts';
import { linkTo, readView, sameSeries, spans, type View } from './view.ts';

/** Late readings change older buckets, which the live tail does not bring: the chart is fetched anew this often. */
const wholeRangeMs = 60_000;

class Page {
  #view: View = readView(location.search);
  #gateways: readonly Gateway[] = [];
  readonly #series = new Map<string, Series>();
  #truncated = false;
  #loaded = false;
  /** Server's clock minus this browser's: ages must not depend on the viewer's clock. */
  #clockOffsetMs = 0;
  #rangeRequest: AbortController | undefined;

  readonly #chart = new Chart(byId('plot'), byId('readout'));
  readonly #gatewayList = new GatewayList(byId('gateways'), id =>
    this.#go({ ...this.#view, only: this.#view.only === id ? undefined : id }),
  );
  readonly #seriesList = new SeriesList(byId('rows'), series => this.#choose(series));
  readonly #feed = new Feed({
    onState: state => this.#tellState(state),
    onSnapshot: snapshot => this.#takeSnapshot(snapshot),
    onChange: change => this.#take(change),
    onPoints: points => {
      this.#chart.add(points);
      this.#describeChart();
    },
  });

  start(): void {
    const filter = byId('filter') as HTMLInputElement;
    filter.value = this.#view.filter;
    filter.addEventListener('input', () => this.#go({ ...this.#view, filter: filter.value }, 'replace'));
    byId('clear').addEventListener('click', () => this.#go({ ...this.#view, filter: '', only: undefined }));
    for (const { minutes, label } of spans) {
      const button = make('button', '', label);
      button.type = 'button';
      button.dataset['minutes'] = String(minutes);
      button.addEventListener('click', () => this.#go({ ...this.#view, minutes }));
      byId('spans').append(button);
    }
    addEventListener('popstate', () => this.#turnTo(readView(location.search)));
    setInterval(() => this.#render(), 1_000);
    setInterval(() => this.#loadRange(), wholeRangeMs);
    this.#reopen();
  }

  #now = (): number => Date.now() + this.#clockOffsetMs;

  #choose(series: SeriesKey): void {
    this.#go({ ...this.#view, series });
    // On a narrow screen the chart stands above the table, out of sight.
    byId('chart').scrollIntoView({ block: 'nearest', behavior: 'smooth' });
  }

  #go(view: View, how: 'push' | 'replace' = 'push'): void {
    if (how === 'push') history.pushState(null, '', linkTo(view));
    else history.replaceState(null, '', linkTo(view));
    this.#turnTo(view);
  }

  #turnTo(view: View): void {
    const before = this.#view;
    this.#view = view;
    const filter = byId('filter') as HTMLInputElement;
    if (filter.value !== view.filter) filter.value = view.filter;
    if (!sameSeries(before.series, view.series) || before.minutes !== view.minutes) this.#reopen();
    this.#render();
  }

  /** For another series or span: the chart's history, and a feed that carries its new points. */
  #reopen(): void {
    const { series, minutes } = this.#view;
    this.#chart.clear();
    setText(byId('chart-about'), '');
    this.#feed.open(series === undefined ? undefined : { series, minutes });
    this.#loadRange();
  }

  #loadRange(): void {
    const { series, minutes } = this.#view;
    this.#rangeRequest?.abort();
    if (series === undefined) return;
    const request = new AbortController();
    this.#rangeRequest = request;
    fetchRange({ series, minutes }, request.signal).then(
      range => {
        if (request.signal.aborted) return;
        this.#setClock(range.now);
        const unit = this.#chosen()?.unit ?? null;
        this.#chart.show(range, { unit, minutes, now: this.#now });
        this.#describeChart();
      },
      (error: unknown) => {
        if (request.signal.aborted) return;
        setText(byId('chart-about'), error instanceof Error ? error.message : String(error));
      },
    );
  }

  #setClock(serverNow: number): void {
    this.#clockOffsetMs = serverNow - Date.now();
  }

  #takeSnapshot(snapshot: LiveEvents['snapshot']): void {
    // After an outage the chart misses what came meanwhile; before the first snapshot it could not know its unit.
    const reload = this.#loaded || this.#view.series !== undefined;
    this.#loaded = true;
    this.#truncated = snapshot.truncated;
    this.#gateways = [];
    this.#series.clear();
    this.#take(snapshot);
    if (this.#view.series === undefined) this.#suggest();
    else if (reload) this.#loadRange();
  }

  #take({ now, gateways, series }: LiveEvents['change']): void {
    this.#setClock(now);
    const known = new Map([...this.#gateways, ...gateways].map(gateway => [gateway.gateway, gateway]));
    this.#gateways = [...known.values()].sort((a, b) => (a.gateway < b.gateway ? -1 : 1));
    for (const one of series) this.#series.set(JSON.stringify([one.gateway, one.sensor, one.metric]), one);
    this.#render();
  }

  /** Where there is room beside the table, the first live series is shown unasked, so that the page is not half empty. */
  #suggest(): void {
    if (!matchMedia('(min-width: 75rem)').matches) return;
    const live = [...this.#series.values()].filter(one => !isStale(one, this.#now()));
    const first = live.find(one => one.completeness !== null) ?? live[0];
    if (first === undefined) return;
    const { gateway, sensor, metric } = first;
    this.#turnTo({ ...this.#view, series: { gateway, sensor, metric } });
  }

  #chosen(): Series | undefined {
    const { series } = this.#view;
    return series && this.#series.get(JSON.stringify([series.gateway, series.sensor, series.metric]));
  }

  #tellState(state: FeedState): void {
    const notice = byId('notice');
    const live = byId('live');
    live.dataset['state'] = state.kind;
    setText(
      byId('live-text'),
      { connecting: 'Connecting…', live: 'Live', outage: 'Not live', lost: 'Not live' }[state.kind],
    );
    notice.hidden = state.kind === 'live' || state.kind === 'connecting';
    if (state.kind !== 'outage' && state.kind !== 'lost') return;
    const since = clockTime(state.since, this.#now());
    const shown = this.#loaded ? 'What you see is from before.' : 'There is nothing to show yet.';
    setText(notice, `${state.message} Since ${since}. ${shown} This page goes on by itself as soon as it can.`);
  }

  #render(): void {
    const now = this.#now();
    const empty = this.#gateways.length === 0 && this.#series.size === 0;
    byId('welcome').hidden = !this.#loaded || !empty;
    byId('content').hidden = !this.#loaded || empty;
    if (!this.#loaded || empty) return;

    this.#gatewayList.show(this.#gateways, this.#view.only, now);
    const online = this.#gateways.filter(({ state }) => state === 'online').length;
    setText(byId('gateways-count'), `${online} of ${this.#gateways.length} online`);

    const sorted = [...this.#series.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one);
    this.#renderSeries(sorted, now);
    this.#renderChartHead(now);
  }

  #renderSeries(all: readonly Series[], now: number): void {
    const matching = this.#seriesList.show(all, this.#view, now);
    const { filter, only } = this.#view;
    const of = matching === all.length ? '' : ` of ${all.length.toLocaleString('en')}`;
    setText(
      byId('series-count'),
      `${matching.toLocaleString('en')}${of}${only === undefined ? '' : ` · ${only} only`}`,
    );
    const more = byId('series-more');
    more.hidden = matching <= 300 && !this.#truncated;
    setText(
      more,
      this.#truncated
        ? `There are more than ${plural(all.length, 'series', 'series')}; the dashboard lists these (dashboard.maxSeries).`
        : 'The first 300 are shown; the filter finds the others.',
    );
    byId('series-empty').hidden = matching > 0;
    const wanted =
      filter === '' ? `Gateway ${only ?? ''} has sent no readings lately.` : `No series matches “${filter}”.`;
    setText(byId('series-empty-text'), wanted);
  }

  #renderChartHead(now: number): void {
    const { series, minutes } = this.#view;
    byId('chart-empty').hidden = series !== undefined;
    byId('chart-panel').hidden = series === undefined;
    for (const button of byId('spans').children) {
      button.setAttribute('aria-pressed', String((button as HTMLElement).dataset['minutes'] === String(minutes)));
    }
    document.title = series === undefined ? 'Millrace' : `${series.sensor} ${series.metric} · Millrace`;
    if (series === undefined) return;
    const chosen = this.#chosen();
    setText(byId('chart-title'), `${series.sensor} ${series.metric}`);
    setText(byId('chart-place'), [series.gateway, chosen?.zone].filter(Boolean).join(' · '));
    setText(byId('chart-value'), chosen === undefined ? '' : quantityText(chosen.value, chosen.unit));
    const age = chosen === undefined ? 'not among the series of late' : `last value, ${duration(now - chosen.at)} ago`;
    setText(byId('chart-age'), age);
    byId('chart-panel').classList.toggle('stale', chosen !== undefined && isStale(chosen, now));
  }

  #describeChart(): void {
    const { series, minutes } = this.#view;
    if (series === undefined) return;
    const span = spans.find(one => one.minutes === minutes)?.label ?? '';
    const none = this.#chart.points === 0;
    const plot = byId('plot');
    plot.setAttribute('role', 'img');
    plot.setAttribute('aria-label', `${series.sensor} ${series.metric}, last ${span}: ${this.#chart.summary()}`);
    plot.classList.toggle('none', none);
    setText(
      byId('chart-about'),
      none ? `No readings in the last ${span}. A longer time may show some.` : this.#chart.about(),
    );
  }
}

new Page().start();
