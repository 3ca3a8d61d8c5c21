/** What the Grafana dashboards are made of: queries of QuestDB and Prometheus, and panels of one look. */
import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog';
import {
  DashboardBuilder,
  DatasourceVariableBuilder,
  FieldColorBuilder,
  FieldColorModeId,
  QueryVariableBuilder,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  VariableRefresh,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { PanelBuilder as StatPanel } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TablePanel } from '@grafana/grafana-foundation-sdk/table';
import { PanelBuilder as TimeseriesPanel } from '@grafana/grafana-foundation-sdk/timeseries';

/** Grafana's own PostgreSQL data source, which reads QuestDB (port 8812, TLS mode "disable"). */
export const questdb = { type: 'grafana-postgresql-datasource', uid: '${questdb}' };
const prometheus = { type: 'prometheus', uid: '${prometheus}' };

interface SqlQuery extends Dataquery {
  readonly rawSql: string;
}

/** `time_series` needs a column `time`; every text column beside numbers names a line. */
function sql(rawSql: string, format: 'time_series' | 'table', refId: string): Builder<Dataquery> {
  const query = { refId, datasource: questdb, rawSql: rawSql.trim(), format, rawQuery: true, editorMode: 'code' };
  return { build: (): SqlQuery => ({ ...query, _implementsDataqueryVariant: () => {} }) };
}

function promql(expr: string, legendFormat: string, refId: string): Builder<Dataquery> {
  const query = { refId, datasource: prometheus, expr, legendFormat, range: true };
  return { build: () => ({ ...query, _implementsDataqueryVariant: () => {} }) };
}

export interface PanelSpec {
  readonly title: string;
  /** What the number is and is not; Grafana shows it at the title. */
  readonly description: string;
  /** Of 24 columns. */
  readonly width: number;
  readonly height?: number;
  readonly unit?: string;
  readonly sql: string;
}

const shares = { min: 0, max: 1 };
/** Colours of Okabe and Ito, which colour-blind people can tell apart. */
const [bad, poor, well] = ['#D55E00', '#E69F00', '#009E73'];

/** Completeness: green only where next to nothing is missing. */
export const completenessSteps = () =>
  new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps([
    { value: null, color: bad },
    { value: 0.9, color: poor },
    { value: 0.99, color: well },
  ]);

const countSteps = () =>
  new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps([
    { value: null, color: well },
    { value: 1, color: bad },
  ]);

const byThresholds = () => new FieldColorBuilder().mode(FieldColorModeId.Thresholds);

export function stat(spec: PanelSpec): StatPanel {
  const panel = new StatPanel()
    .title(spec.title)
    .description(spec.description)
    .datasource(questdb)
    .span(spec.width)
    .height(spec.height ?? 4)
    .noValue('unknown')
    .withTarget(sql(spec.sql, 'table', 'A'));
  return spec.unit === undefined ? panel : panel.unit(spec.unit);
}

export const completenessStat = (spec: PanelSpec): StatPanel =>
  stat({ ...spec, unit: 'percentunit' })
    .min(shares.min)
    .max(shares.max)
    .thresholds(completenessSteps())
    .colorScheme(byThresholds());

/** A number that ought to be 0. */
export const troubleStat = (spec: PanelSpec): StatPanel =>
  stat(spec).thresholds(countSteps()).colorScheme(byThresholds());

/** Gaps are gaps: points are not joined over them. */
export function lines(spec: PanelSpec): TimeseriesPanel {
  const panel = empty(spec)
    .datasource(questdb)
    .withTarget(sql(spec.sql, 'time_series', 'A'));
  return spec.unit === undefined ? panel : panel.unit(spec.unit);
}

export const completenessLines = (spec: PanelSpec): TimeseriesPanel =>
  lines({ ...spec, unit: 'percentunit' })
    .min(shares.min)
    .max(shares.max);

export function metricLines(
  spec: Omit<PanelSpec, 'sql'> & { readonly queries: Readonly<Record<string, string>> },
): TimeseriesPanel {
  const panel = empty(spec).datasource(prometheus);
  for (const [i, [legend, expr]] of Object.entries(spec.queries).entries())
    panel.withTarget(promql(expr, legend, String.fromCodePoint(65 + i)));
  return spec.unit === undefined ? panel : panel.unit(spec.unit);
}

function empty({ title, description, width, height = 8 }: Omit<PanelSpec, 'sql'>): TimeseriesPanel {
  return new TimeseriesPanel()
    .title(title)
    .description(description)
    .span(width)
    .height(height)
    .spanNulls(false)
    .lineWidth(1);
}

export function table(spec: PanelSpec): TablePanel {
  return new TablePanel()
    .title(spec.title)
    .description(spec.description)
    .datasource(questdb)
    .span(spec.width)
    .height(spec.height ?? 8)
    .withTarget(sql(spec.sql, 'table', 'A'));
}

/** A choice made from the database; several at once, and all. */
export function choice(name: string, label: string, query: string, several = true): QueryVariableBuilder {
  return new QueryVariableBuilder(name)
    .label(label)
    .datasource(questdb)
    .query(query)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .multi(several)
    .includeAll(several);
}

export function board(uid: string, title: string, description: string): DashboardBuilder {
  return new DashboardBuilder(title)
    .uid(`millrace-${uid}`)
    .description(description)
    .tags(['millrace'])
    .timezone('browser')
    .refresh('30s')
    .time({ from: 'now-6h', to: 'now' })
    .withVariable(new DatasourceVariableBuilder('questdb').label('QuestDB').type('grafana-postgresql-datasource'));
}

export const prometheusVariable = () =>
  new DatasourceVariableBuilder('prometheus').label('Prometheus').type('prometheus');
