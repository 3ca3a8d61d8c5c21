/**
 * Puts a gateway's identity on the boot partition of an image. Two bases:
 *
 *     millrace    our own image: its first boot takes the folder millrace/ and deletes the secrets from it
 *     cloud-init  Raspberry Pi OS trixie or later, untouched: cloud-init installs the package, which has the same first boot
 */
import { RejectedError } from '@millrace/runtime/errors.ts';
import { cloudInitFiles } from './cloud-init.ts';
import type { FatVolume } from './fat.ts';
import type { GatewayRow } from './gateways.ts';

export type Base = 'millrace' | 'cloud-init';

export const folder = 'millrace';

/** @throws {RejectedError} when it is neither. */
export function baseOf(boot: FatVolume): Base {
  if (boot.exists(folder)) return 'millrace';
  const readsCloudInit =
    boot.exists('user-data') ||
    (boot.exists('cmdline.txt') && /\bds=nocloud\b/.test(boot.read('cmdline.txt').toString()));
  if (readsCloudInit) return 'cloud-init';
  throw new RejectedError(
    'boot partition',
    'is neither of a Millrace image (no folder millrace) nor of Raspberry Pi OS with cloud-init (no user-data): take Raspberry Pi OS Lite (64-bit) of trixie or later',
  );
}

/** What all cards of one run share. Only for cloud-init: our own image holds the package already. */
export function putPackage(boot: FatVolume, deb: Uint8Array): void {
  boot.makeFolder(folder);
  boot.write(`${folder}/millrace-edge.deb`, deb);
}

/** @param instanceId new for each card: cloud-init does nothing on an instance that it has seen. */
export function putIdentity(
  boot: FatVolume,
  base: Base,
  row: GatewayRow,
  files: ReadonlyMap<string, string>,
  instanceId: string,
): void {
  boot.makeFolder(folder);
  for (const [name, content] of files) boot.write(`${folder}/${name}`, content);
  if (base === 'cloud-init') for (const [name, content] of cloudInitFiles(row, instanceId)) boot.write(name, content);
}
