/** Files on a FAT partition of an image, without mounting it: ChaN's FatFs, compiled to WebAssembly. */
import { InvariantError, RejectedError } from '@millrace/runtime/errors.ts';
import * as FatFs from 'js-fatfs';
import { type Overlay, sectorBytes } from './overlay.ts';

export interface FatVolume {
  exists(path: string): boolean;
  read(path: string): Buffer;
  /** Replaces the file; its folder must be there. */
  write(path: string, content: string | Uint8Array): void;
  makeFolder(path: string): void;
  [Symbol.dispose](): void;
}

/** Read at most: what is read back here are texts of a boot partition. */
const maxReadBytes = 1024 * 1024;

/** @param offset of the partition in the image, and @param length of it; both whole sectors. */
export async function openFat(image: Overlay, offset: number, length: number): Promise<FatVolume> {
  const fat = await FatFs.create({ diskio: diskOf(image, offset, length) });
  const filesystem = fat.malloc(FatFs.sizeof_FATFS);
  const mounted = fat.f_mount(filesystem, '', 1);
  if (mounted !== FatFs.FR_OK)
    throw new RejectedError('boot partition', `holds no FAT file system (FatFs result ${mounted})`);
  const file = fat.malloc(FatFs.sizeof_FIL);
  const info = fat.malloc(FatFs.sizeof_FILINFO);
  const count = fat.malloc(4);

  const check = (result: number, what: string): void => {
    if (result === FatFs.FR_OK) return;
    if (result === FatFs.FR_DENIED) throw new RejectedError(what, 'the boot partition is full');
    throw new RejectedError(what, `the boot partition's file system is damaged (FatFs result ${result})`);
  };
  const withBuffer = <T>(size: number, use: (pointer: number) => T): T => {
    const pointer = fat.malloc(size);
    try {
      return use(pointer);
    } finally {
      fat.free(pointer);
    }
  };

  return {
    exists: path => fat.f_stat(path, info) === FatFs.FR_OK,
    read(path) {
      check(fat.f_open(file, path, FatFs.FA_READ), path);
      try {
        const size = fat.f_size(file);
        if (size > maxReadBytes) throw new RejectedError(path, 'is larger than 1 MiB');
        return withBuffer(Math.max(size, 1), pointer => {
          check(fat.f_read(file, pointer, size, count), path);
          return Buffer.from(fat.HEAPU8.slice(pointer, pointer + size));
        });
      } finally {
        fat.f_close(file);
      }
    },
    write(path, content) {
      const bytes = typeof content === 'string' ? Buffer.from(content) : content;
      check(fat.f_open(file, path, FatFs.FA_WRITE | FatFs.FA_CREATE_ALWAYS), path);
      try {
        withBuffer(65_536, pointer => {
          for (let at = 0; at < bytes.length; at += 65_536) {
            const part = bytes.subarray(at, at + 65_536);
            fat.HEAPU8.set(part, pointer);
            check(fat.f_write(file, pointer, part.length, count), path);
            // FatFs says a full disk by writing less.
            if (fat.getValue(count, 'i32') !== part.length) check(FatFs.FR_DENIED, path);
          }
        });
      } finally {
        check(fat.f_close(file), path);
      }
    },
    makeFolder(path) {
      const made = fat.f_mkdir(path);
      if (made !== FatFs.FR_EXIST) check(made, path);
    },
    [Symbol.dispose]() {
      if (fat.f_unmount('') !== FatFs.FR_OK) throw new InvariantError('FatFs did not let go of its volume');
    },
  };
}

export function diskOf(image: Overlay, offset: number, length: number): FatFs.DiskIO {
  return {
    initialize: () => 0,
    status: () => 0,
    read(fat, _drive, pointer, sector, count) {
      if ((sector + count) * sectorBytes > length) return FatFs.RES_PARERR;
      const bytes = new Uint8Array(count * sectorBytes);
      image.readInto(bytes, offset + sector * sectorBytes);
      fat.HEAPU8.set(bytes, pointer);
      return FatFs.RES_OK;
    },
    write(fat, _drive, pointer, sector, count) {
      if ((sector + count) * sectorBytes > length) return FatFs.RES_PARERR;
      image.write(fat.HEAPU8.subarray(pointer, pointer + count * sectorBytes), offset + sector * sectorBytes);
      return FatFs.RES_OK;
    },
    ioctl(fat, _drive, command, pointer) {
      if (command === FatFs.GET_SECTOR_COUNT) fat.setValue(pointer, length / sectorBytes, 'i32');
      else if (command === FatFs.GET_SECTOR_SIZE) fat.setValue(pointer, sectorBytes, 'i16');
      else if (command === FatFs.GET_BLOCK_SIZE) fat.setValue(pointer, 1, 'i32');
      else if (command !== FatFs.CTRL_SYNC) return FatFs.RES_PARERR;
      return FatFs.RES_OK;
    },
  };
}
