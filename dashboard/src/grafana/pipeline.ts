import type { DashboardBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { board, lines, metricLines, prometheusVariable, table, troubleStat } from './panels.ts';

export function pipeline(): DashboardBuilder {
  return board('pipeline', 'Pipeline health', 'How readings flow from the bridge to QuestDB')
    .withVariable(prometheusVariable())
    .withPanel(
      troubleStat({
        title: 'Tables suspended',
        description: 'QuestDB takes their rows and shows none: see the sinks’ README.',
        width: 6,
        sql: `SELECT count() AS tables FROM wal_tables() WHERE suspended`,
      }),
    )
    .withPanel(
      troubleStat({
        title: 'Views not valid',
        description: 'Given up by QuestDB; the sinks have them made anew within a minute.',
        width: 6,
        sql: `SELECT count() AS views FROM materialized_views() WHERE view_status = 'invalid'`,
      }),
    )
    .withPanel(
      lines({
        title: 'Readings stored a minute',
        description:
          'By the time they were taken, not by arrival; all that are in the table, with those left out of statistics.',
        width: 12,
        height: 8,
        sql: `SELECT ts AS time, sum(count) AS good, sum(excluded) AS "left out" FROM readings_1m WHERE $__timeFilter(ts) GROUP BY ts ORDER BY ts`,
      }),
    )
    .withPanel(
      table({
        title: 'Tables of QuestDB',
        description: 'Transactions that are acknowledged and not yet readable.',
        width: 12,
        sql: `SELECT name AS "table", sequencerTxn - writerTxn AS "transactions behind", suspended FROM wal_tables() ORDER BY 2 DESC LIMIT 50`,
      }),
    )
    .withPanel(
      metricLines({
        title: 'Bridge: publishes a second',
        description: 'What gateways sent, by what became of it.',
        width: 12,
        queries: {
          received: 'sum(rate(millrace_bridge_received_total[5m]))',
          rejected: 'sum(rate(millrace_bridge_rejected_total[5m]))',
          refused: 'sum(rate(millrace_bridge_refused_total[5m]))',
        },
      }),
    )
    .withPanel(
      metricLines({
        title: 'Bridge: until stored in Kafka',
        description: 'From the publish to its acknowledgement by Kafka, which is when the gateway gets PUBACK.',
        width: 12,
        unit: 's',
        queries: {
          median: 'histogram_quantile(0.5, sum by (le) (rate(millrace_bridge_store_seconds_bucket[5m])))',
          '99 %': 'histogram_quantile(0.99, sum by (le) (rate(millrace_bridge_store_seconds_bucket[5m])))',
        },
      }),
    )
    .withPanel(
      metricLines({
        title: 'Bridge: unacknowledged',
        description: 'Publishes taken in and not yet stored.',
        width: 12,
        queries: { 'in flight': 'sum(millrace_bridge_in_flight)' },
      }),
    )
    .withPanel(
      metricLines({
        title: 'Not yet processed',
        description: 'Records of Kafka that a consumer has not reached.',
        width: 12,
        queries: { '{{job}}': 'sum by (job) (millrace_lag)' },
      }),
    )
    .withPanel(
      metricLines({
        title: 'Sinks: rows stored a second',
        description: 'By sink.',
        width: 12,
        queries: { '{{sink}}': 'sum by (sink) (rate(millrace_sink_rows_total[5m]))' },
      }),
    )
    .withPanel(
      metricLines({
        title: 'Sinks: paused, and rejected',
        description: 'A pause keeps rows and loses none; what is rejected is in the rejected topic.',
        width: 12,
        queries: {
          'paused {{sink}} {{reason}}': 'max by (sink, reason) (millrace_sink_paused)',
          'rejected {{sink}}': 'sum by (sink) (rate(millrace_sink_rejected_total[5m]))',
        },
      }),
    )
    .withPanel(
      metricLines({
        title: 'From the bridge to QuestDB',
        description: 'From receipt by the bridge until QuestDB has acknowledged the row, 99 %.',
        width: 12,
        unit: 's',
        queries: {
          '{{sink}}':
            'histogram_quantile(0.99, sum by (sink, le) (rate(millrace_sink_received_to_stored_seconds_bucket[5m])))',
        },
      }),
    )
    .withPanel(
      metricLines({
        title: 'Holes in the ledger',
        description: 'Readings below the highest number arrived that were neither counted nor given up.',
        width: 12,
        queries: { missing: 'sum(millrace_ledger_missing_readings)' },
      }),
    );
}
