/** The ledger: what became of each reading. */
import { exitCodes } from '@millrace/runtime/service.ts';
import { gatewayRule, isGatewayId } from '@millrace/wire/names.ts';
import { type Command, parse, UsageError } from '../command.ts';
import { terminalWidth } from '../text.ts';
import { timeUs } from '../time.ts';

export const reconcile: Command = {
  name: 'reconcile',
  summary: 'Check that taken = stored + dropped + rejected + late + in flight, reading by reading',
  usage: '[--gateway NAME] [--from TIME] [--to TIME] [--wait SECONDS] [--checksum] [--json] [--config FILE]',
  options: [
    '  --gateway NAME  only this gateway (default: all)',
    '  --from TIME     readings taken at or after this time: 2026-11-22T19:00:00Z, or 2h, 30m, 7d ago',
    '  --to TIME       readings taken before this time',
    '  --wait SECONDS  look again until nothing is in flight, at most so long',
    '  --checksum      print a checksum of the stored readings of the interval, in any order',
    '  --json          print JSON',
    '',
    'With --from or --to it counts, of each boot of a gateway, from the first to the last sequence number known to lie in',
    'the interval. Exit code 0: every reading is accounted for; 1: readings are lost or twice, or a server does not answer.',
  ].join('\n'),
  example: 'millrace reconcile --gateway this-machine --from 24h --wait 30',
  async run(args) {
    const { values, source } = parse(
      args,
      {
        gateway: { type: 'string' },
        from: { type: 'string' },
        to: { type: 'string' },
        wait: { type: 'string' },
        checksum: { type: 'boolean' },
        json: { type: 'boolean' },
      },
      { max: 0 },
    );
    const { gateway } = values;
    if (gateway !== undefined && !isGatewayId(gateway)) throw new UsageError(`--gateway ${gateway}: ${gatewayRule}`);
    const nowMs = Date.now();
    const fromUs = values.from === undefined ? undefined : timeUs('--from', values.from, nowMs);
    const toUs = values.to === undefined ? undefined : timeUs('--to', values.to, nowMs);
    if (fromUs !== undefined && toUs !== undefined && fromUs >= toUs) throw new UsageError('--from is not before --to');
    const waitSeconds = Number(values.wait ?? 0);
    if (values.wait?.trim() === '' || !(waitSeconds >= 0 && waitSeconds <= 86_400))
      throw new UsageError(`--wait ${values.wait}: seconds, from 0 to 86400`);

    // Loaded here, so that --help is quick.
    const [{ serversOf }, ledger, { reportOf }, { verdictOf }] = await Promise.all([
      import('../servers.ts'),
      import('@millrace/ledger/reconcile.ts'),
      import('../reconcile-report.ts'),
      import('@millrace/ledger/verdict.ts'),
    ]);
    const startedMs = Date.now();
    const account = await ledger.reconcile({
      ...serversOf(source),
      gateway,
      fromUs,
      toUs,
      waitMs: waitSeconds * 1000,
      checksum: values.checksum ?? false,
      onProgress: sentence => {
        if (Date.now() - startedMs > quietMs) process.stderr.write(`${sentence}\n`);
      },
    });
    if (values.json) process.stdout.write(`${JSON.stringify({ verdict: verdictOf(account), ...account }, null, 2)}\n`);
    else {
      process.stdout.write(reportOf(account, terminalWidth()));
      if (account.checksum !== undefined) process.stdout.write(`checksum ${account.checksum}\n`);
    }
    return account.ok ? exitCodes.done : exitCodes.failed;
  },
};

/** Until then nobody wonders. */
const quietMs = 3000;
