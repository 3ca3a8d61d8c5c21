import { tableFault } from './migrations.ts';
import type { TableContext, TableSink } from './table-sink.ts';
import { Writer, type WriterOptions } from './writer.ts';

/** A writer for a sink's own table, with the limits of the configuration. */
export function openTableWriter(
  context: TableContext,
  { name, table }: Pick<TableSink, 'name' | 'table'>,
  own: Pick<WriterOptions, 'newChunk' | 'part' | 'inFlight'>,
): Writer {
  const { batchRows, batchBytes, lingerMs } = context.limits;
  return new Writer({
    ...own,
    context,
    sink: name,
    maxRows: batchRows,
    maxBytes: batchBytes,
    lingerMs,
    tableFault: () => tableFault(context.http, table, context.tablePrefix),
  });
}
