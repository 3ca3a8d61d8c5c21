/** The partition table of an image: that it is sane, and where the boot partition is. */
import { crc32 } from 'node:zlib';
import { RejectedError } from '@millrace/runtime/errors.ts';

const sector = 512;
/** Held back until all else is on the card; a table, and a primary GPT with its entries, lies within. */
export const headBytes = 1024 * 1024;

export interface Partition {
  readonly number: number;
  readonly offset: number;
  readonly length: number;
  /** May hold FAT: by its type in an MBR, by its type's GUID in a GPT. */
  readonly isFat: boolean;
}

const protective = 0xee;
const fatTypes = new Set([0x01, 0x04, 0x06, 0x0b, 0x0c, 0x0e, 0xef]);
/** EFI system and Microsoft basic data, as they stand in the table (UEFI 2.10, 5.3: mixed byte order). */
const fatGuids = new Set(['28732ac11ff8d211ba4b00a0c93ec93b', 'a2a0d0ebe5b9334487c068b6b72699c7']);

/** @param head the image's first MiB. @throws {RejectedError} when there is no table, or one that the image is too short for. */
export function partitionsOf(head: Buffer, sizeBytes: number): readonly Partition[] {
  if (head.length < 2 * sector || head.readUInt16LE(510) !== 0xaa55)
    throw new RejectedError('image', 'has no partition table (no signature in its first sector): it is no disk image');
  const entries = Array.from({ length: 4 }, (_, i) => head.subarray(446 + 16 * i, 462 + 16 * i));
  const partitions = entries.some(entry => entry[4] === protective) ? gpt(head) : mbr(entries);
  if (partitions.length === 0) throw new RejectedError('image', 'has an empty partition table');
  const sorted = partitions.toSorted((a, b) => a.offset - b.offset);
  for (const [i, { number, offset, length }] of sorted.entries()) {
    if (offset + length > sizeBytes)
      throw new RejectedError(
        'image',
        `is cut short: partition ${number} ends at byte ${offset + length}, the image at ${sizeBytes}`,
      );
    const next = sorted[i + 1];
    if (next !== undefined && offset + length > next.offset)
      throw new RejectedError('image', `has a damaged partition table: ${number} and ${next.number} overlap`);
  }
  return partitions;
}

export function bootPartition(partitions: readonly Partition[]): Partition {
  const boot = partitions.find(({ isFat }) => isFat);
  if (boot === undefined)
    throw new RejectedError('image', 'has no FAT partition, which a Raspberry Pi needs to boot from');
  return boot;
}

function mbr(entries: readonly Buffer[]): Partition[] {
  return entries.flatMap((entry, i) => {
    const [type, start, count] = [entry[4]!, entry.readUInt32LE(8), entry.readUInt32LE(12)];
    if (type === 0 || count === 0) return [];
    return [{ number: i + 1, offset: start * sector, length: count * sector, isFat: fatTypes.has(type) }];
  });
}

function gpt(head: Buffer): Partition[] {
  const header = head.subarray(sector, 2 * sector);
  const size = header.readUInt32LE(12);
  const damaged = (what: string): RejectedError =>
    new RejectedError('image', `has a damaged partition table (${what})`);
  if (header.toString('latin1', 0, 8) !== 'EFI PART' || size < 92 || size > sector) throw damaged('no GPT header');
  const blank = Buffer.from(header.subarray(0, size));
  blank.writeUInt32LE(0, 16);
  if (crc32(blank) !== header.readUInt32LE(16)) throw damaged('checksum of the GPT header');
  const start = Number(header.readBigUInt64LE(72)) * sector;
  const [count, width] = [header.readUInt32LE(80), header.readUInt32LE(84)];
  if (width < 128 || count * width > headBytes - start) throw damaged('size of the GPT entries');
  const entries = head.subarray(start, start + count * width);
  if (crc32(entries) !== header.readUInt32LE(88)) throw damaged('checksum of the GPT entries');
  return Array.from({ length: count }, (_, i) => entries.subarray(i * width, (i + 1) * width)).flatMap((entry, i) => {
    const type = entry.toString('hex', 0, 16);
    if (/^0+$/.test(type)) return [];
    const first = Number(entry.readBigUInt64LE(32));
    const last = Number(entry.readBigUInt64LE(40));
    if (last < first) throw damaged(`entry ${i + 1}`);
    return [{ number: i + 1, offset: first * sector, length: (last - first + 1) * sector, isFat: fatGuids.has(type) }];
  });
}
