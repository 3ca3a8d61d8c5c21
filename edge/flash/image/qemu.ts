/** A card in an emulated machine. Its network is QEMU's own: 10.0.2.2 is this machine's loopback. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { run } from './machine.ts';

export interface MachineOptions {
  readonly machine: 'virt' | 'raspi3b';
  readonly card: string;
  readonly kernel: string;
  readonly initrd: string;
  /** raspi3b: its device tree. */
  readonly dtb?: string;
  readonly console: string;
  /** virt: what its clock says at the start, an ISO date. raspi3b has no clock. */
  readonly clock?: string;
}

export interface Machine extends AsyncDisposable {
  readonly startedAtMs: number;
  readonly console: () => string;
  /** Processor time it has taken of this machine: says more than seconds where others work too. */
  cpuSeconds(): number;
  /** Rejects when the machine ends by itself. */
  readonly failed: Promise<never>;
  /** Pulls the plug: what the guest has not had on its disk is gone. */
  cut(): Promise<void>;
}

/**
 * As on the card; little on the console, each byte of which the emulator handles by itself; and time, where it has a tenth of a
 * core: systemd's 90 s end services that only begin to run, and start them again.
 */
const patience = 'systemd.default_timeout_start_sec=30min systemd.default_device_timeout_sec=30min';
const common = `root=LABEL=millrace rw rootwait net.ifnames=0 quiet systemd.show_status=false ${patience}`;

function argumentsOf({ machine, card, dtb, clock, console }: MachineOptions): string[] {
  const network = ['-netdev', 'user,id=net'];
  if (machine === 'virt')
    return [
      ['-M', 'virt', '-cpu', 'cortex-a72', '-smp', '2', '-m', '1024', '-append', `${common} console=ttyAMA0`],
      ['-drive', `if=none,id=card,format=raw,file=${card}`, '-device', 'virtio-blk-pci,drive=card'],
      [...network, '-device', 'virtio-net-pci,netdev=net', '-serial', `file:${console}`],
      clock ? ['-rtc', `base=${clock}`] : [],
    ].flat();
  // QEMU has no model of its watchdog: the guest would be reset by one that never hears it.
  const quiet = 'modprobe.blacklist=bcm2835_wdt systemd.watchdog_sec=0';
  return [
    ['-M', 'raspi3b', '-dtb', dtb!, '-append', `${common} console=ttyAMA0,115200 console=ttyS1,115200 ${quiet}`],
    ['-drive', `if=sd,format=raw,file=${card}`, ...network, '-usb', '-device', 'usb-net,netdev=net'],
    // The two serial lines of the chip; which of them the kernel calls the console is the device tree's.
    ['-serial', `file:${console}`, '-serial', `file:${console}.2`],
  ].flat();
}

export async function startMachine(options: MachineOptions): Promise<Machine> {
  const base = [
    '-display',
    'none',
    '-monitor',
    'none',
    '-no-reboot',
    '-kernel',
    options.kernel,
    '-initrd',
    options.initrd,
  ];
  const startedAtMs = Date.now();
  const child = spawn('qemu-system-aarch64', [...base, ...argumentsOf(options)], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  await once(child, 'spawn');
  const { promise: failed, reject } = Promise.withResolvers<never>();
  failed.catch(() => {});
  const console = (): string => readFileSync(options.console, 'utf8');
  const ended = once(child, 'exit').then(() => reject(new Error(`the machine has ended:\n${console().slice(-2000)}`)));
  const cut = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
  };
  const cpuSeconds = (): number => {
    const fields = readFileSync(`/proc/${child.pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
    // utime and stime, in ticks of 10 ms: proc_pid_stat(5).
    return (Number(fields[11]) + Number(fields[12])) / 100;
  };
  return { startedAtMs, console, cpuSeconds, failed, cut, [Symbol.asyncDispose]: cut };
}

export const qemuTools = { 'qemu-system-aarch64': 'qemu-system-arm', debugfs: 'e2fsprogs', 'fsck.vfat': 'dosfstools' };

/** The version, for the record of a measurement. */
export function qemuVersion(): string {
  return run('qemu-system-aarch64', ['--version']).split('\n')[0]!;
}
