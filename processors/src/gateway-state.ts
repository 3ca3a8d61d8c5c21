/**
 * The state entries of a gateway: `g/<gateway>` how far it has come and what was counted, `s/<gateway>/<chunk>` its series,
 * `p/<gateway>/<step>/<start>/<chunk>` their panes. All that changed between two commits is committed together, so they are
 * always of one moment. Until version 2, `<gateway>` held everything: see `earlier-state.ts`.
 */
import { InvariantError } from '@millrace/runtime/errors.ts';
import { type GatewayId, isGatewayId } from '@millrace/wire/names.ts';
import { ByteReader, ByteWriter } from './bytes.ts';
import { takeOver } from './earlier-state.ts';
import { Gateway, type GatewayContext } from './gateway.ts';

const version = 3;
const writer = new ByteWriter();

/** Entries of one gateway, as they are read back in any order. */
interface Found {
  account?: Uint8Array;
  earlier?: Uint8Array;
  readonly series: Uint8Array[];
  readonly panes: Map<string, Uint8Array>;
}

/** Gathers the entries of all gateways, and makes the gateways of them when all are there. */
export class GatewayRestore {
  readonly #found = new Map<GatewayId, Found>();

  /** @throws {InvariantError} for a key that no version has written. */
  add(key: string, value: Uint8Array): void {
    const [kind, id = kind, ...rest] = key.split('/') as [string, string?, ...string[]];
    if (!isGatewayId(id)) throw new InvariantError(`the state has an entry "${key}", which is none of ours`);
    let found = this.#found.get(id);
    if (found === undefined) {
      found = { series: [], panes: new Map() };
      this.#found.set(id, found);
    }
    if (key === id) found.earlier = value;
    else if (kind === 'g') found.account = value;
    else if (kind === 's') found.series.push(value);
    else if (kind === 'p') found.panes.set(rest.join('/'), value);
    else throw new InvariantError(`the state has an entry "${key}", which is none of ours`);
  }

  /** @throws {InvariantError} when an entry is not readable: going on without it would count readings twice. */
  *gateways(context: GatewayContext): Generator<Gateway> {
    for (const [id, found] of this.#found) {
      const gateway = new Gateway(id, context);
      if (found.account !== undefined) readAccount(gateway, found.account);
      else if (found.earlier === undefined)
        throw new InvariantError(`the state has panes of gateway ${id}, and does not say what was counted of it`);
      const keptUs = gateway.forgottenUs;
      for (const entry of found.series) gateway.series.restore(entry);
      for (const [place, entry] of found.panes) readPanes(gateway, place, entry);
      if (found.account === undefined && found.earlier !== undefined) takeOver(gateway, found.earlier);
      gateway.restored(keptUs);
      yield gateway;
    }
    this.#found.clear();
  }
}

/** What changed since the last call. */
export function* changesOf(gateway: Gateway): Generator<[key: string, entry: Uint8Array | null]> {
  const { id } = gateway;
  yield [`g/${id}`, writeAccount(gateway)];
  for (const [chunk, entry] of gateway.series.changes()) yield [`s/${id}/${chunk}`, entry];
  for (const [place, entry] of gateway.panes.changes()) yield [`p/${id}/${place}`, entry];
  if (!gateway.earlier) return;
  gateway.earlier = false;
  yield [id, null];
}

function writeAccount(gateway: Gateway): Uint8Array {
  const to = writer.reset();
  to.byte(version);
  to.string(gateway.site);
  const { completeThroughUs, newestUs, closedUs, forgottenUs, finalUs, heardUs } = gateway;
  for (const us of [completeThroughUs, newestUs, closedUs, forgottenUs, finalUs, heardUs]) to.whole(us);
  to.whole(gateway.flush);
  gateway.boots.write(to);
  gateway.results.write(to);
  return to.done();
}

function readAccount(gateway: Gateway, bytes: Uint8Array): void {
  const from = new ByteReader(bytes);
  const written = from.byte();
  if (written !== version)
    throw new InvariantError(
      `the state of gateway ${gateway.id} is of version ${written}, this program reads ${version} and older: run the version that wrote it`,
    );
  gateway.site = from.string();
  gateway.completeThroughUs = from.whole();
  gateway.newestUs = from.whole();
  gateway.closedUs = from.whole();
  gateway.forgottenUs = from.whole();
  gateway.finalUs = from.whole();
  gateway.heardUs = from.whole();
  gateway.flush = from.whole();
  gateway.boots.read(from);
  gateway.results.read(from, gateway.forgottenUs);
}

/** Panes of a size that the windows are no longer made of go, and the windows that they were for stay as they were published. */
function readPanes(gateway: Gateway, place: string, entry: Uint8Array): void {
  const [step, start, chunk] = place.split('/').map(Number);
  if (step === undefined || start === undefined || chunk === undefined || !Number.isSafeInteger(step * start * chunk))
    throw new InvariantError(`the state of gateway ${gateway.id} has panes of no time: "${place}"`);
  if (gateway.panes.restore(step * 1e6, start * 1e6, chunk, entry)) return;
  gateway.panes.remove(place);
  gateway.lose((start + step) * 1e6);
}
