/** The root as it lies on the card: Debian's packages, the agent's, and what is the image's own. */
import {
  chmodSync,
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { run } from './machine.ts';
import { markUpdated, trim } from './trim.ts';

const overlay = join(import.meta.dirname, 'overlay');

/** Fills the empty folder `root`. @param epoch no file in it is younger. */
export function fillRoot(root: string, { tar, deb, epoch }: { tar: string; deb: string; epoch: number }): void {
  run('tar', ['-xf', tar, '-C', root, '--numeric-owner', '--xattrs', '--xattrs-include=*']);
  cpSync(deb, join(root, 'tmp', basename(deb)));
  const env = {
    SOURCE_DATE_EPOCH: String(epoch),
    DEBIAN_FRONTEND: 'noninteractive',
    PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
  };
  run('chroot', [root, 'dpkg', '-i', `/tmp/${basename(deb)}`], { env });
  rmSync(join(root, 'tmp', basename(deb)));

  for (const file of readdirSync(overlay, { recursive: true, encoding: 'utf8' })) {
    const from = join(overlay, file);
    if (!statSync(from).isFile()) continue;
    const to = join(root, file);
    mkdirSync(dirname(to), { recursive: true });
    cpSync(from, to);
    chmodSync(to, /^(usr\/lib|etc\/initramfs-tools)\//.test(file) ? 0o755 : 0o644);
  }
  // Its hooks, and the kernel's arguments, came with the overlay. Anew, also when nothing newer than it asks for it.
  // raspi-firmware asks /proc whether this is a chroot; mounted for this command only.
  const inside = 'mount -t proc proc "$0/proc" && exec chroot "$0" update-initramfs -u -k all';
  run('unshare', ['--mount', 'sh', '-c', inside, root], { env });
  const units = ['systemd-networkd', 'systemd-resolved', 'systemd-timesyncd', 'millrace-grow-root'];
  run('systemctl', [`--root=${root}`, '--quiet', 'enable', ...units.map(unit => `${unit}.service`)]);
  run('systemctl', [`--root=${root}`, '--quiet', 'set-default', 'multi-user.target']);
  // sshd when first-boot has a key; the supplicant when it has a radio's network; nothing that only wears the card.
  const without = [
    'e2scrub_reap.service',
    'ssh.service',
    'wpa_supplicant.service',
    'apt-daily.timer',
    'apt-daily-upgrade.timer',
    'e2scrub_all.timer',
  ];
  run('systemctl', [`--root=${root}`, '--quiet', 'disable', ...without, 'systemd-networkd-wait-online.service']);
  trim(root);

  const gone = [
    'etc/ssh/ssh_host_*',
    'etc/*-',
    'var/log/**/*.log',
    'var/lib/apt/lists/*',
    'var/cache/ldconfig/*',
    'var/cache/debconf/*-old',
    'var/lib/dpkg/*-old',
    'var/lib/systemd/random-seed',
    'var/lib/dbus/machine-id',
    'boot/System.map-*',
    'var/log/apt/*',
  ];
  for (const file of globSync(gone, { cwd: root })) rmSync(join(root, file), { recursive: true });
  mkdirSync(join(root, 'var/lib/apt/lists/partial'), { recursive: true });
  // Empty: the first start makes one. The same in two gateways would give them the same DHCP identity.
  writeFileSync(join(root, 'etc/machine-id'), '');
  markUpdated(root, epoch);
  if (existsSync(join(root, 'etc/.pwd.lock'))) rmSync(join(root, 'etc/.pwd.lock'));
}

/** Gives each file younger than `epoch` that time. */
export function clampTimes(root: string, epoch: number): void {
  run('find', [root, '-newermt', `@${epoch}`, '-exec', 'touch', '-h', '-d', `@${epoch}`, '{}', '+']);
}
