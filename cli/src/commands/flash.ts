/** Cards for gateways: an image and a row of gateways.csv become a card that is that gateway. */
import { type Command, parse, UsageError } from '../command.ts';
import { authorityFolder } from './pki.ts';

export const flash: Command = {
  name: 'flash',
  summary: 'Write cards for gateways: verified, customised, read back, with a receipt each',
  usage: 'IMAGE --to DEVICE|FILE [--to …] --gateways FILE [options] | list | --verify-ledger FILE',
  options: [
    '  IMAGE           .img, .img.gz, .img.xz or .img.zst: a Millrace image, or Raspberry Pi OS Lite (trixie or later)',
    '  --to TARGET     a whole device such as /dev/sdb, or a file; several are written at once',
    '  --gateways FILE gateways.csv: gateway, site, zone, lat, lon, network, wifi_ssid, wifi_psk, wifi_country, broker, ssh_key',
    '  --gateway NAME  the row for the first --to, the next for the second, …',
    '  --batch         the next rows that have no receipt yet, one a target',
    '  --sources FILE  YAML: the sources of every gateway (default: the host itself, each second)',
    '  --package FILE  millrace-edge.deb, for Raspberry Pi OS',
    "  --dir DIR       the authority's folder (default: pki in MILLRACE_HOME, or in .millrace)",
    '  --ledger FILE   where receipts go (default: cards.jsonl in the folder)',
    '  --sha256 HEX    what the image file must have (default: that of IMAGE.sha256 when it is there)',
    '  --signed-by PEM the Ed25519 public key that must have signed IMAGE.sig',
    '  --max-size N    bytes that the image may unpack to (default 34359738368: 32 GiB)',
    '  --overwrite     a file that exists may be replaced',
    '  --yes-really DEVICE  a second time, for a device that is not removable',
    '  --plan          say what would be written where, and read no image',
    '  --dry-run       do all but write: no target is opened, no certificate issued',
    '  --json          print JSON',
  ].join('\n'),
  example: 'millrace flash millrace.img.zst --to /dev/sdb --to /dev/sdc --gateways gateways.csv --batch',
  async run(args) {
    const { values, positionals } = parse(
      args,
      {
        to: { type: 'string', multiple: true },
        gateways: { type: 'string' },
        gateway: { type: 'string', multiple: true },
        batch: { type: 'boolean' },
        sources: { type: 'string' },
        package: { type: 'string' },
        dir: { type: 'string' },
        ledger: { type: 'string' },
        sha256: { type: 'string' },
        'signed-by': { type: 'string' },
        'max-size': { type: 'string' },
        overwrite: { type: 'boolean' },
        'yes-really': { type: 'string', multiple: true },
        plan: { type: 'boolean' },
        'dry-run': { type: 'boolean' },
        'verify-ledger': { type: 'string' },
        json: { type: 'boolean' },
      },
      { max: 1 },
    );
    const [image] = positionals;
    const { to = [], gateways, gateway = [], batch = false, json = false } = values;
    const authority = authorityFolder(values.dir);
    if (values['verify-ledger'] !== undefined) {
      const { checkLedger } = await import('../flash-actions.ts');
      return checkLedger(values['verify-ledger'], authority, json);
    }
    if (image === 'list') {
      const { listDevices } = await import('../flash-actions.ts');
      return listDevices(json);
    }
    if (image === undefined) throw new UsageError('name an image, or list');
    if (to.length === 0)
      throw new UsageError('--to is missing: a device or a file; "millrace flash list" shows devices');
    if (new Set(to).size < to.length) throw new UsageError('--to names the same target twice');
    if (gateways === undefined) throw new UsageError('--gateways is missing: a card is the card of a gateway');
    if (batch && gateway.length > 0) throw new UsageError('--batch and --gateway exclude each other');
    if (gateway.length > 0 && gateway.length !== to.length)
      throw new UsageError(`${gateway.length} × --gateway for ${to.length} × --to: one each`);
    const maxSize = values['max-size'];
    if (maxSize !== undefined && !/^[1-9]\d{0,14}$/.test(maxSize))
      throw new UsageError(`--max-size ${maxSize}: a whole number of bytes`);
    const run = await import('../flash-actions.ts'); // loaded here, so that --help is quick
    return await run.flashCards(
      {
        image,
        targets: to,
        gateways,
        gateway,
        batch,
        sources: values.sources,
        packageFile: values.package,
        authority,
        ledger: values.ledger,
        source: {
          sha256: values.sha256,
          signedBy: values['signed-by'],
          maxBytes: maxSize === undefined ? undefined : Number(maxSize),
        },
        overwrite: values.overwrite ?? false,
        reallyYes: values['yes-really'] ?? [],
      },
      values.plan ? 'plan' : values['dry-run'] ? 'dry-run' : 'write',
      json,
    );
  },
};
