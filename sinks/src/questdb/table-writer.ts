import type { Sink, StoreContext } from '../sink.ts';
import { tableFault } from './migrations.ts';
import { Writer, type WriterOptions } from './writer.ts';

/** A writer for a sink's own table, with the limits of the configuration. */
export function openTableWriter(
  context: StoreContext,
  { name, table }: Pick<Sink, 'name' | 'table'>,
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
