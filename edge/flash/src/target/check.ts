/** Whether a target may be written, each refusal a plain sentence. Looked at again once the target is open. */
import { existsSync, realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { RejectedError } from '@millrace/runtime/errors.ts';
import { dormantMember } from './signatures.ts';
import {
  type BlockDevice,
  blockDevice,
  blockDevices,
  deviceNumber,
  holders,
  kindOf,
  loopsOver,
  mounts,
  partitionBytes,
  type System,
  swaps,
  thisSystem,
} from './system.ts';

export type Target =
  | { readonly kind: 'device'; readonly path: string; readonly device: BlockDevice }
  | { readonly kind: 'file'; readonly path: string; readonly exists: boolean };

export interface TargetOptions {
  readonly imageBytes?: number | undefined;
  /** Devices named a second time, as they are not removable. */
  readonly reallyYes?: readonly string[];
  readonly overwrite?: boolean;
  readonly system?: System;
}

/** @throws {RejectedError} with the first reason against it. */
export function checkTarget(path: string, options: TargetOptions = {}): Target {
  const system = options.system ?? thisSystem;
  if (!existsSync(path)) {
    if (path.startsWith('/dev/')) throw refusal(path, 'is not there; "millrace flash list" shows the devices');
    if (!existsSync(dirname(path))) throw refusal(path, `its folder ${dirname(path)} is not there`);
    return { kind: 'file', path, exists: false };
  }
  const stat = statSync(path);
  if (stat.isBlockDevice())
    return { kind: 'device', path, device: checkDevice(path, deviceNumber(path)!, system, options) };
  if (!stat.isFile()) throw refusal(path, 'is neither a block device nor a file');
  const real = realpathSync(path);
  const [loop] = loopsOver(system, real);
  if (loop !== undefined)
    throw refusal(path, `is attached as /dev/${loop}: detach it first ("losetup -d /dev/${loop}")`);
  if (swaps(system).includes(real)) throw refusal(path, 'is in use as swap');
  if (!options.overwrite) throw refusal(path, 'exists; --overwrite replaces it');
  return { kind: 'file', path, exists: true };
}

function checkDevice(path: string, number: string, system: System, options: TargetOptions): BlockDevice {
  const devices = blockDevices(system);
  const whole = devices.find(device => device.number === number);
  if (whole === undefined) {
    const owner = devices.find(({ partitions }) => partitions.some(partition => partition.number === number));
    if (owner) throw refusal(path, `is a partition of ${owner.path}: a card is written whole, name ${owner.path}`);
    throw refusal(path, 'is no device that /sys/block knows');
  }
  const device = blockDevice(system, whole.name);
  if (device.sizeBytes === 0) throw refusal(path, 'holds no card');
  if (device.isReadOnly) throw refusal(path, 'is write-protected: look for the switch on the card or its adapter');
  const use = useOf(device, system);
  if (use !== undefined) throw refusal(path, use);
  for (const { path: part, sizeBytes } of [device, ...partitionNodes(device, system)]) {
    const member = dormantMember(part, sizeBytes);
    if (member !== undefined)
      throw refusal(path, `${part} is part of ${member}: if it is not needed any more, "wipefs --all ${part}" first`);
  }
  const { imageBytes } = options;
  if (imageBytes !== undefined && device.sizeBytes < imageBytes)
    throw refusal(path, `is too small: it has ${device.sizeBytes} bytes, the image ${imageBytes}`);
  const isNamedTwice = (options.reallyYes ?? []).some(named => deviceNumber(named) === number);
  if (!device.isRemovable && !isNamedTwice)
    throw refusal(path, `is not removable: if it is the right one, name it twice (--yes-really ${path})`);
  return device;
}

function partitionNodes(device: BlockDevice, system: System): { path: string; sizeBytes: number }[] {
  return device.partitions.map(({ name }) => ({
    path: `/dev/${name}`,
    sizeBytes: partitionBytes(system, device, name),
  }));
}

/** What this machine does with the device, its partitions, and whatever stands on them; undefined: nothing. */
export function useOf(device: BlockDevice, system: System): string | undefined {
  const [mounted, swapping] = [mounts(system), swaps(system)];
  const queue = [device, ...device.partitions].map(({ number, name }) => ({ number, name, via: '' }));
  const seen = new Set<string>();
  const reasons: string[] = [];
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const { number, name, via } = next;
    if (seen.has(number)) continue;
    seen.add(number);
    const paths = mounted
      .filter(mount => mount.number === number || deviceNumber(mount.source) === number)
      .map(mount => mount.path);
    // The gravest reason, wherever in the walk it turns up.
    if (paths.includes('/')) return `holds the running system${via}`;
    if (paths[0] !== undefined)
      reasons.unshift(`is in use: ${name} is mounted at ${paths[0]}${via}; "umount ${paths[0]}" first`);
    if (swapping.some(swap => deviceNumber(swap) === number))
      reasons.unshift(`is in use: ${name} is swap${via}; "swapoff /dev/${name}" first`);
    for (const holder of holders(system, number)) {
      reasons.push(`is in use: it carries ${kindOf(system, holder)}; release that first`);
      queue.push({
        number: blockDevice(system, holder).number,
        name: holder,
        via: `, through ${kindOf(system, holder)}`,
      });
    }
    for (const loop of loopsOver(system, `/dev/${name}`)) {
      reasons.push(`is in use: /dev/${loop} stands on it; "losetup -d /dev/${loop}" first`);
      queue.push({ number: blockDevice(system, loop).number, name: loop, via: `, through /dev/${loop}` });
    }
  }
  return reasons[0];
}

export interface Candidate {
  readonly device: BlockDevice;
  /** Why it would be refused; undefined: it may be written. */
  readonly refusal: string | undefined;
}

/** Every device with something in it; empty loop and RAM devices are left out. */
export function candidates(system: System = thisSystem): readonly Candidate[] {
  return blockDevices(system)
    .filter(({ sizeBytes, name }) => sizeBytes > 0 && !/^(ram|zram|sr|fd)\d/.test(name))
    .map(device => {
      const reason =
        useOf(device, system) ??
        (device.isReadOnly ? 'is write-protected' : device.isRemovable ? undefined : 'is not removable');
      return { device, refusal: reason };
    });
}

const refusal = (path: string, sentence: string): RejectedError => new RejectedError(path, sentence);
