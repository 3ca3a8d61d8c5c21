/** What may run out: memory, file systems, disks' and network's throughput. */
import { readdir, readFile, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { Probe, Sample } from './probe.ts';
import { rates } from './rates.ts';

/** proc_meminfo(5); kB there means KiB. */
export function memory(root: string): Probe {
  return {
    name: 'memory',
    async read() {
      const text = await readFile(join(root, 'proc/meminfo'), 'utf8');
      const bytes = new Map(
        [...text.matchAll(/^(\w+): +(\d+) kB$/gm)].map(([, key, kib]) => [key, Number(kib) * 1024]),
      );
      const value = (key: string): number => bytes.get(key) ?? Number.NaN;
      const used = (100 * (value('MemTotal') - value('MemAvailable'))) / value('MemTotal');
      const samples: Sample[] = [
        { sensor: 'memory', metric: 'available', unit: 'By', value: value('MemAvailable') },
        { sensor: 'memory', metric: 'used', unit: '%', value: used },
      ];
      if (value('SwapTotal') > 0) {
        const swapped = value('SwapTotal') - value('SwapFree');
        samples.push({ sensor: 'memory', metric: 'swap_used', unit: 'By', value: swapped });
      }
      return samples;
    },
  };
}

/** Space of the file systems that lie on devices; each device once, at its first mount. */
export function fileSystems(root: string): Probe {
  return {
    name: 'file systems',
    async read() {
      const mounts = await readFile(join(root, 'proc/mounts'), 'utf8');
      const first = new Map<string, string>();
      for (const [device, path] of mounts.split('\n').map(line => line.split(' ')))
        if (device?.startsWith('/dev/') && !device.startsWith('/dev/loop') && path !== undefined && !first.has(device))
          first.set(device, path.replaceAll('\\040', ' ')); // fstab(5): a blank is written as \040
      const samples = await Promise.all([...first.values()].map(path => space(root, path)));
      return samples.flat();
    },
  };
}

async function space(root: string, path: string): Promise<Sample[]> {
  const sensor = `fs:${path}`;
  // A mount that vanished or hides behind permissions silences itself alone.
  const { bsize, blocks, bfree, bavail } = await statfs(join(root, path)).catch(() => ({
    bsize: Number.NaN,
    blocks: Number.NaN,
    bfree: Number.NaN,
    bavail: Number.NaN,
  }));
  return [
    { sensor, metric: 'free', unit: 'By', value: bavail * bsize },
    // As df(1) counts: what is kept for root is neither used nor free.
    { sensor, metric: 'used', unit: '%', value: (100 * (blocks - bfree)) / (blocks - bfree + bavail) },
  ];
}

/** proc_diskstats(5); a sector there is 512 bytes whatever the device says. Whole devices only, no partitions. */
export function disks(root: string): Probe {
  const rate = rates();
  return {
    name: 'disks',
    async read(atMs) {
      const text = await readFile(join(root, 'proc/diskstats'), 'utf8');
      const whole = new Set(await readdir(join(root, 'sys/block')));
      const samples: Sample[] = [];
      for (const line of text.trim().split('\n')) {
        const [, , name, , , readSectors, , , , writtenSectors, , , busyMs] = line.trim().split(/\s+/);
        if (name === undefined || !whole.has(name) || /^(loop|ram|zram)/.test(name)) continue;
        for (const [metric, unit, value, factor] of [
          ['read', 'By/s', readSectors, 512],
          ['written', 'By/s', writtenSectors, 512],
          ['busy', '%', busyMs, 0.1],
        ] as const) {
          const perSecond = rate(`${name} ${metric}`, Number(value), atMs);
          if (perSecond !== undefined)
            samples.push({ sensor: `disk:${name}`, metric, unit, value: perSecond * factor });
        }
      }
      return samples;
    },
  };
}

/** proc_pid_net(5), `/proc/net/dev`. Interfaces which have never carried a byte are left out, and so is loopback. */
export function network(root: string): Probe {
  const rate = rates();
  return {
    name: 'network',
    async read(atMs) {
      const text = await readFile(join(root, 'proc/net/dev'), 'utf8');
      const samples: Sample[] = [];
      for (const [, name, columns] of text.matchAll(/^ *([^\s:]+): *(.*)$/gm)) {
        const [received, , inErrors, inDrops, , , , , sent, , outErrors, outDrops] = columns!.split(/\s+/).map(Number);
        if (name === 'lo' || (received === 0 && sent === 0)) continue;
        for (const [metric, unit, value] of [
          ['received', 'By/s', received],
          ['sent', 'By/s', sent],
          ['errors', '{packets}/s', (inErrors ?? Number.NaN) + inDrops! + outErrors! + outDrops!],
        ] as const) {
          const perSecond = rate(`${name} ${metric}`, value ?? Number.NaN, atMs);
          if (perSecond !== undefined) samples.push({ sensor: `net:${name}`, metric, unit, value: perSecond });
        }
      }
      return samples;
    },
  };
}
