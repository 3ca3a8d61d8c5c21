/** What this machine says of its block devices: /sys/block, /proc/self/mountinfo, /proc/swaps. */
import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Where they are; a test gives copies. */
export interface System {
  readonly sys: string;
  readonly proc: string;
}

export const thisSystem: System = { sys: '/sys', proc: '/proc' };

export interface BlockDevice {
  /** As in `/sys/block`: `sda`, `mmcblk0`. */
  readonly name: string;
  readonly path: string;
  /** `major:minor`. */
  readonly number: string;
  readonly sizeBytes: number;
  readonly isReadOnly: boolean;
  readonly isRemovable: boolean;
  readonly model: string;
  readonly serial: string;
  readonly partitions: readonly { readonly name: string; readonly number: string }[];
}

export function blockDevices(system: System): readonly BlockDevice[] {
  return readdirSync(join(system.sys, 'block'))
    .toSorted()
    .map(name => blockDevice(system, name));
}

export function blockDevice(system: System, name: string): BlockDevice {
  const folder = join(system.sys, 'block', name);
  const device = join(folder, 'device');
  const partitions = readdirSync(folder)
    .filter(entry => existsSync(join(folder, entry, 'partition')))
    .map(entry => ({ name: entry, number: attribute(folder, entry, 'dev') }));
  return {
    name,
    path: `/dev/${name.replaceAll('!', '/')}`, // sysfs writes the slash so
    number: attribute(folder, 'dev'),
    // In units of 512 bytes whatever the device's own sectors are.
    sizeBytes: Number(attribute(folder, 'size') || 0) * 512,
    isReadOnly: attribute(folder, 'ro') === '1',
    // A card in a built-in slot says `removable` 0 as its slot is not; its type says that it is a card and no eMMC.
    isRemovable: attribute(folder, 'removable') === '1' || attribute(device, 'type') === 'SD',
    model: [attribute(device, 'vendor'), attribute(device, 'model') || attribute(device, 'name')]
      .filter(Boolean)
      .join(' '),
    serial: attribute(device, 'cid') || attribute(device, 'serial') || usbSerial(folder),
    partitions,
  };
}

export function partitionBytes(system: System, device: BlockDevice, name: string): number {
  return Number(attribute(system.sys, 'block', device.name, name, 'size') || 0) * 512;
}

export interface Mount {
  readonly number: string;
  readonly source: string;
  readonly path: string;
}

/** Format: proc_pid_mountinfo(5). */
export function mounts(system: System): readonly Mount[] {
  return readFileSync(join(system.proc, 'self/mountinfo'), 'utf8')
    .split('\n')
    .filter(Boolean)
    .map(line => {
      const [before, after] = line.split(' - ') as [string, string];
      const fields = before.split(' ');
      const unescaped = (text: string): string =>
        text.replaceAll(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
      return { number: fields[2]!, path: unescaped(fields[4]!), source: unescaped(after.split(' ')[1] ?? '') };
    });
}

export function swaps(system: System): readonly string[] {
  const file = join(system.proc, 'swaps');
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .slice(1)
    .flatMap(line => line.split(/\s+/)[0] || []);
}

/** What stands on the device or partition: device-mapper (LVM, LUKS), RAID. */
export function holders(system: System, number: string): readonly string[] {
  const folder = join(system.sys, 'dev/block', number, 'holders');
  return existsSync(folder) ? readdirSync(folder) : [];
}

/** A holder in words. */
export function kindOf(system: System, name: string): string {
  const folder = join(system.sys, 'block', name);
  const uuid = attribute(folder, 'dm/uuid');
  const label = attribute(folder, 'dm/name');
  if (uuid.startsWith('LVM-')) return `LVM (${label})`;
  if (uuid.startsWith('CRYPT-')) return `an encrypted volume (${label})`;
  if (uuid !== '') return `device-mapper (${label})`;
  return name.startsWith('md') ? `RAID (${name})` : name;
}

/** Loop devices whose backing file this is. */
export function loopsOver(system: System, path: string): readonly string[] {
  return readdirSync(join(system.sys, 'block')).filter(
    name => attribute(join(system.sys, 'block', name), 'loop/backing_file') === path,
  );
}

/** `major:minor` of a device node; undefined when it is none, or is not there. */
export function deviceNumber(path: string): string | undefined {
  try {
    const stat = statSync(path);
    return stat.isBlockDevice() ? `${majorOf(stat.rdev)}:${minorOf(stat.rdev)}` : undefined;
  } catch {
    return undefined; // Gone, or in another name space: nothing to compare with.
  }
}

// The split of glibc's sysmacros.h for numbers that fit 32 bits.
const majorOf = (rdev: number): number => (rdev >>> 8) & 0xfff;
const minorOf = (rdev: number): number => (rdev & 0xff) | ((rdev >>> 12) & 0xfff00);

function attribute(...path: string[]): string {
  try {
    return readFileSync(join(...path), 'utf8').trim();
  } catch {
    return ''; // Most devices lack most attributes.
  }
}

function usbSerial(folder: string): string {
  const parts = realpathSync(folder).split('/');
  const usb = parts.findLastIndex(part => /^\d+-[\d.]+$/.test(part));
  return usb < 0 ? '' : attribute(parts.slice(0, usb + 1).join('/'), 'serial');
}
