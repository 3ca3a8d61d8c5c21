/** Small images for tests: a partition table, FAT as FatFs makes it, and bytes that stand for a root file system. */
import { createCipheriv } from 'node:crypto';
import * as FatFs from 'js-fatfs';
import { diskOf, openFat } from './fat.ts';
import { Overlay } from './overlay.ts';

const mib = 1024 * 1024;
export const bootOffset = 4 * mib;

/** What the boot partitions of the two bases hold, as far as it matters. */
export const bootFiles = {
  millrace: { 'config.txt': 'arm_64bit=1\n', 'millrace/README': 'Written by millrace flash.\n' },
  'cloud-init': {
    'config.txt': 'arm_64bit=1\n',
    'cmdline.txt': 'console=tty1 root=PARTUUID=5f3a1b-02 rootwait\n',
    'user-data': '#cloud-config\n',
    'meta-data': 'instance-id: rpios-image\n',
    'network-config': '#\n',
  },
  other: { 'cmdline.txt': 'console=tty1\n' },
} as const;

export async function makeImage(
  base: keyof typeof bootFiles,
  bootBytes = 8 * mib,
  rootBytes = 4 * mib,
): Promise<Buffer> {
  const image = new Overlay({ readInto: buffer => void buffer.fill(0) });
  const fat = await FatFs.create({ diskio: diskOf(image, bootOffset, bootBytes) });
  const work = fat.malloc(65_536);
  const options = { fmt: FatFs.FM_ANY | FatFs.FM_SFD, n_fat: 2, align: 0, n_root: 512, au_size: 0 };
  if (fat.f_mkfs('', options, work, 65_536) !== FatFs.FR_OK) throw new Error('FatFs made no file system');
  {
    using boot = await openFat(image, bootOffset, bootBytes);
    for (const [name, content] of Object.entries(bootFiles[base])) {
      if (name.includes('/')) boot.makeFolder(name.split('/')[0]!);
      boot.write(name, content);
    }
  }
  const bytes = Buffer.alloc(bootOffset + bootBytes + rootBytes);
  image.readInto(bytes, 0);
  partition(bytes, 0, 0x0c, bootOffset, bootBytes);
  partition(bytes, 1, 0x83, bootOffset + bootBytes, rootBytes);
  bytes.writeUInt16LE(0xaa55, 510);
  // Bytes that do not repeat, so that a chunk in the wrong place shows.
  createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16))
    .update(Buffer.alloc(rootBytes))
    .copy(bytes, bootOffset + bootBytes);
  return bytes;
}

function partition(bytes: Buffer, index: number, type: number, offset: number, length: number): void {
  const entry = 446 + 16 * index;
  bytes[entry + 4] = type;
  bytes.writeUInt32LE(offset / 512, entry + 8);
  bytes.writeUInt32LE(length / 512, entry + 12);
}

/** The boot partition of a card image, to look at. */
export async function bootOf(card: Buffer, bootBytes = 8 * mib) {
  const view = new Overlay({
    readInto(buffer, offset) {
      buffer.fill(0);
      buffer.set(card.subarray(offset, offset + buffer.length));
    },
  });
  return await openFat(view, bootOffset, bootBytes);
}

export const gatewaysCsv = `gateway,site,zone,lat,lon,network,wifi_ssid,wifi_psk,wifi_country,broker,ssh_key
lamp_17,auckland,cbd,-36.8485,174.7633,dhcp,,,,mqtts://bridge.example:8883,
lamp_18,auckland,cbd,,,"static:10.1.0.18/24,10.1.0.1,10.1.0.1",city,correct horse,NZ,mqtts://bridge.example:8883,ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ2C9W1UuGGiVqcGYYYYYYYYYYYYYYYYYYYYYYYYYYYY technician
lamp_19,auckland,harbour,,,dhcp,,,,mqtt://127.0.0.1:1883,
`;
