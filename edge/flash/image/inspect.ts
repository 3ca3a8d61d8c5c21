/** What must hold of an image before it is started, read from its bytes. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createReadStream, readFileSync, rmSync, statSync } from 'node:fs';
import { bootOffset, copyPartition } from './disk.ts';
import { run } from './machine.ts';

const mostBytes = 350e6;

/** Reads the ext4 partition of a card; nothing is mounted. */
export class RootReader implements Disposable {
  readonly #file: string;

  constructor(image: string) {
    this.#file = `${image}.root`;
    copyPartition(image, 2, this.#file);
  }

  text(path: string): string {
    return run('debugfs', ['-R', `cat ${path}`, this.#file]);
  }

  /** `0640 0:998`, or undefined where there is none. */
  mode(path: string): string | undefined {
    const said = run('debugfs', ['-R', `stat ${path}`, this.#file]);
    const [, mode] = said.match(/Mode: +(\d+)/) ?? [];
    const [, user, group] = said.match(/User: +(\d+) +Group: +(\d+)/) ?? [];
    return mode === undefined ? undefined : `${mode} ${user}:${group}`;
  }

  list(path: string): string[] {
    const lines = run('debugfs', ['-R', `ls -p ${path}`, this.#file]).split('\n');
    return lines.map(line => line.split('/')[5] ?? '').filter(name => name !== '' && name !== '.' && name !== '..');
  }

  check(): void {
    run('e2fsck', ['-f', '-n', this.#file]);
  }

  get sizeBytes(): number {
    return statSync(this.#file).size;
  }

  [Symbol.dispose](): void {
    rmSync(this.#file, { force: true });
  }
}

export async function inspectImage({ raw, compressed }: { raw: string; compressed: string }): Promise<void> {
  const { size } = statSync(compressed);
  assert.ok(size <= mostBytes, `${size} bytes compressed, at most ${mostBytes}`);
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(compressed)) hash.update(chunk as Buffer);
  assert.equal(readFileSync(`${compressed}.sha256`, 'utf8').split(' ')[0], hash.digest('hex'));

  const fat = `${raw}.fat`;
  copyPartition(raw, 1, fat);
  run('fsck.vfat', ['-n', fat]);
  rmSync(fat);
  const files = run('mdir', ['-b', '-i', `${raw}@@${bootOffset}`, '::/']);
  for (const name of [
    'config.txt',
    'cmdline.txt',
    'start4.elf',
    'bootcode.bin',
    'bcm2711-rpi-4-b.dtb',
    'bcm2837-rpi-3-b.dtb',
  ])
    assert.ok(files.includes(`::/${name}\n`), `${name} on the boot partition`);

  using root = new RootReader(raw);
  root.check();
  for (const line of root.text('/etc/shadow').trim().split('\n'))
    assert.match(line, /^[^:]+:!?\*?:/, `a password: ${line.split(':')[0]}`);
  const ssh = root.list('/etc/ssh');
  assert.ok(ssh.includes('sshd_config'));
  assert.deepEqual(
    ssh.filter(name => name.startsWith('ssh_host')),
    [],
    'host keys',
  );
  assert.equal(root.text('/etc/machine-id'), '');
  const wanted = root.list('/etc/systemd/system/multi-user.target.wants');
  assert.ok(!wanted.includes('ssh.service'), 'sshd waits for a key');
  for (const unit of ['millrace-edge.service', 'millrace-first-boot.service']) assert.ok(wanted.includes(unit), unit);
  assert.match(root.mode('/etc/millrace')!, /^0750 0:[1-9]/);
  assert.match(root.mode('/var/lib/millrace')!, /^0750 [1-9]\d*:[1-9]/);
  assert.deepEqual(root.list('/etc/millrace'), ['tls']);
  assert.ok(root.list('/etc/systemd/system').includes('getty.target'), 'what a gateway does not need is masked');
  assert.match(root.text('/etc/.updated'), /^TIMESTAMP_NSEC=\d{19}$/m, 'the first start rebuilds no caches');
}
