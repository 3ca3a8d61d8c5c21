/** Members of LVM and RAID that are asleep: nothing holds them, and all the same they are somebody's data. */
import { closeSync, openSync, readSync } from 'node:fs';

const sector = 512;
/** Linux RAID superblock (md_p.h), little endian, at 0 (version 1.1) or 4 KiB (1.2); older ones lie at the end. */
const raidMagic = Buffer.from('fc4e2ba9', 'hex');

/** What lies on the device or partition; undefined: none of the two, or it may not be read. */
export function dormantMember(path: string, sizeBytes: number): 'LVM' | 'RAID' | undefined {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    return undefined; // Who may not read it may not write it either, and is told so when it is opened.
  }
  try {
    const at = (offset: number, length: number): Buffer => {
      const bytes = Buffer.alloc(length);
      return offset < 0 ? bytes : bytes.subarray(0, readSync(fd, bytes, 0, length, offset));
    };
    const start = at(0, 4096 + sector);
    // The label may be in any of the first four sectors (LVM2, label.h).
    for (let i = 0; i < 4; i++) if (start.toString('latin1', i * sector, i * sector + 8) === 'LABELONE') return 'LVM';
    // Versions 1.0 and 0.90 stand at the last 8 and 64 KiB that are aligned to 4 and to 64 KiB.
    const ends = [Math.floor((sizeBytes - 8192) / 4096) * 4096, Math.floor(sizeBytes / 65_536) * 65_536 - 65_536].map(
      offset => at(offset, 4),
    );
    const places = [start.subarray(0, 4), start.subarray(4096, 4100), ...ends];
    return places.some(bytes => bytes.equals(raidMagic)) ? 'RAID' : undefined;
  } finally {
    closeSync(fd);
  }
}
