/** What Debian starts on every machine and a gateway has no use for: each is a process, or a file read, in every start. */
import { mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { run } from './machine.ts';

/** There is no password to log in with, no session to manage, no TPM, no hibernation, no other file system. */
const units = [
  'getty.target',
  'systemd-logind.service',
  'systemd-ask-password-console.path',
  'systemd-ask-password-wall.path',
  'systemd-pstore.service',
  'modprobe@efi_pstore.service',
  'systemd-tpm2-setup-early.service',
  'systemd-tpm2-setup.service',
  'systemd-pcrmachine.service',
  'systemd-pcrphase-sysinit.service',
  'systemd-pcrphase.service',
  'systemd-hibernate-clear.service',
  'systemd-firstboot.service',
  'systemd-hwdb-update.service',
  'systemd-udev-load-credentials.service',
  'systemd-network-generator.service',
  'systemd-networkd-persistent-storage.service',
  'systemd-binfmt.service',
  'proc-sys-fs-binfmt_misc.automount',
  'sys-fs-fuse-connections.mount',
  'sys-kernel-config.mount',
  'sys-kernel-debug.mount',
  'sys-kernel-tracing.mount',
  'dev-hugepages.mount',
  'dev-mqueue.mount',
];

const generators = ['getty', 'gpt-auto', 'hibernate-resume', 'rc-local', 'ssh', 'system-update', 'sysv', 'tpm2'];

/** Of seats, sound, screens, tapes and disks of a data centre. */
const udevRules = [
  '60-autosuspend',
  '60-cdrom_id',
  '60-dmi-id',
  '60-drm',
  '60-evdev',
  '60-fido-id',
  '60-infiniband',
  '60-input-id',
  '60-persistent-alsa',
  '60-persistent-input',
  '60-persistent-storage-mtd',
  '60-persistent-storage-tape',
  '60-persistent-v4l',
  '64-btrfs',
  '70-camera',
  '70-joystick',
  '70-memory',
  '70-mouse',
  '70-power-switch',
  '70-touchpad',
  '70-uaccess',
  '71-seat',
  '73-seat-late',
  '75-probe_mtd',
  '78-sound-card',
  '90-iocost',
  '96-e2scrub',
];

/** Masks them: a link to /dev/null in /etc, which an operator may remove and no upgrade does. */
export function trim(root: string): void {
  run('systemctl', [`--root=${root}`, '--quiet', 'mask', ...units]);
  for (const generator of generators) mask(root, `etc/systemd/system-generators/systemd-${generator}-generator`);
  for (const rules of udevRules) mask(root, `etc/udev/rules.d/${rules}.rules`);
}

function mask(root: string, path: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  symlinkSync('/dev/null', join(root, path));
}

/**
 * Says that /etc and /var are of the same time as /usr (systemd-update-done.service(8)): without, the first start rebuilds the
 * linker's cache and the journal's catalogue, which the packages have built.
 */
export function markUpdated(root: string, epoch: number): void {
  for (const folder of ['etc', 'var']) {
    const file = join(root, folder, '.updated');
    writeFileSync(file, `TIMESTAMP_NSEC=${epoch}000000000\n`);
    utimesSync(file, epoch, epoch);
  }
}
