/** The city's authority: who may publish, and which bridge a gateway believes. */
import { join, resolve } from 'node:path';
import { exitCodes } from '@millrace/runtime/service.ts';
import { type Command, parse, UsageError } from '../command.ts';
import { harmless, table, terminalWidth } from '../text.ts';

const actions = ['init', 'gateway', 'server', 'revoke', 'list'] as const;

/** `pki` in `MILLRACE_HOME`, or in `.millrace` of the working directory. */
export function authorityFolder(dir: string | undefined): string {
  return resolve(dir ?? join(process.env['MILLRACE_HOME'] ?? '.millrace', 'pki'));
}

export const pki: Command = {
  name: 'pki',
  summary: "The city's authority: certificates of gateways and bridges, and their revocation",
  usage: 'init | gateway NAME | server HOST … | revoke NAME|SERIAL | list [options]',
  options: [
    "  --dir DIR       the authority's folder (default: pki in MILLRACE_HOME, or in .millrace)",
    '  --days N        how long the certificate holds (default 825; init: 7300)',
    '  --out DIR       where key and certificate go (default: gateways/NAME or servers/HOST in the folder)',
    '  --json          print JSON',
    '',
    'Keys are P-256, mode 0600. revoke writes crl.pem, which the bridge reads; ca.key is what to keep offline and copied.',
  ].join('\n'),
  example: 'millrace pki init && millrace pki gateway lamp-post-17',
  async run(args) {
    const { values, positionals } = parse(
      args,
      { dir: { type: 'string' }, days: { type: 'string' }, out: { type: 'string' }, json: { type: 'boolean' } },
      { max: 100 },
    );
    const [action, ...names] = positionals;
    if (action === undefined || !(actions as readonly string[]).includes(action))
      throw new UsageError(
        `${action === undefined ? 'say what to do' : `'${action}' is none of these`}: ${actions.join(', ')}`,
      );
    const { days: daysText } = values;
    if (daysText !== undefined && !/^[1-9]\d{0,4}$/.test(daysText))
      throw new UsageError(`--days ${daysText}: a whole number from 1 to 99999`);
    const days = daysText === undefined ? {} : { days: Number(daysText) };
    const folder = authorityFolder(values.dir);
    const takes = { init: [0, 0], list: [0, 0], gateway: [1, 1], revoke: [1, 1], server: [1, 99] }[
      action as (typeof actions)[number]
    ];
    if (names.length < takes[0]!) throw new UsageError(`${action} takes a name`);
    if (names.length > takes[1]!) throw new UsageError(`unexpected argument '${names[takes[1]!]}'`);
    const run = await import('@millrace/pki/authority.ts'); // loaded here, so that --help is quick
    const say = (result: unknown, sentence: string): number => {
      process.stdout.write(values.json ? `${JSON.stringify(result, null, 2)}\n` : `${sentence}\n`);
      return exitCodes.done;
    };
    if (action === 'init') {
      await run.createAuthority(folder, days);
      const files = { ca: join(folder, 'ca.pem'), key: join(folder, 'ca.key'), crl: join(folder, 'crl.pem') };
      return say(files, `The authority is in ${folder}. Keep a copy of ca.key where nobody else reads it.`);
    }
    const authority = run.openAuthority(folder);
    if (action === 'list') {
      const rows = authority.list();
      if (values.json || rows.length === 0) return say(rows, 'No certificates were issued.');
      const cells = rows.map(({ name, kind, serial, notAfter, revoked }) => [
        harmless(name),
        kind,
        notAfter.slice(0, 10),
        revoked === undefined ? '' : revoked.slice(0, 10),
        serial,
      ]);
      const titles = ['name', 'kind', 'until', 'revoked', 'serial'].map(title => ({ title }));
      return say(rows, table(titles, cells, terminalWidth()).join('\n'));
    }
    if (action === 'revoke') {
      const revoked = await authority.revoke(names[0]!);
      if (revoked.length > 0)
        return say(revoked, `${revoked.length} revoked; ${join(folder, 'crl.pem')} is for the bridge.`);
      process.stderr.write(`millrace pki: no certificate of '${names[0]}' stands; "millrace pki list" shows them\n`);
      return exitCodes.failed;
    }
    const issued = await (action === 'gateway'
      ? authority.gateway(names[0]!, days.days)
      : authority.server(names, days.days));
    const out = resolve(values.out ?? join(folder, `${action}s`, names[0]!.replaceAll(/[^\w.-]/g, '_')));
    const { makePrivateFolder, writeAtomically } = await import('@millrace/pki/private-files.ts');
    makePrivateFolder(out, values.out === undefined);
    writeAtomically(join(out, 'key.pem'), issued.keyPem, 0o600);
    writeAtomically(join(out, 'cert.pem'), issued.certPem, 0o644);
    writeAtomically(join(out, 'ca.pem'), authority.caPem, 0o644);
    const until = issued.notAfter.toISOString().slice(0, 10);
    return say(
      { serial: issued.serial, notAfter: issued.notAfter, folder: out },
      `${out}: key.pem, cert.pem (until ${until}) and ca.pem.`,
    );
  },
};
