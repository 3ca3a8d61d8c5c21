import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';

/**
 * Ends this process's children when it ends, whatever ends it, SIGKILL included: a small `sh` in a session of its own
 * reads process ids from a pipe that only this process holds. At end of file it sends SIGTERM to those still listed,
 * waits, then SIGKILL, each time only to a process whose start time is the one it had when it was added.
 */
export interface Lifeline extends Disposable {
  /** Lists a child: call it in the same tick as `spawn`. Spawn it `detached`, so that Ctrl-C does not reach it first. */
  add(pid: number): void;
  /** Takes a child off the list, once it has ended. */
  remove(pid: number): void;
  /** Closes the pipe: children still listed are ended as if this process had died. */
  [Symbol.dispose](): void;
}

/** @param graceMs How long the children have between SIGTERM and SIGKILL. */
export function openLifeline({ graceMs = 10_000 }: { graceMs?: number } = {}): Lifeline {
  const pids = new Set<number>();
  let closed = false;
  let shell = spawnShell();

  function spawnShell(): ChildProcess {
    const child = spawn('sh', ['-c', SCRIPT, 'millrace-lifeline', String(Math.ceil(graceMs / 200))], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
      cwd: '/',
      env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin' },
    });
    // The lifeline must not keep its parent alive.
    child.unref();
    (child.stdin as Socket).unref();
    // A write to a shell that somebody killed fails with EPIPE; 'exit' below is what answers it.
    child.stdin?.on('error', () => {});
    child.on('error', error => {
      process.emitWarning(`no lifeline, so child processes may outlive this one: ${error.message}`);
      closed = true;
    });
    child.on('exit', () => {
      if (closed) return;
      shell = spawnShell();
      for (const pid of pids) tell(`+${pid}`);
    });
    return child;
  }

  function tell(line: string) {
    if (shell.stdin?.writable) shell.stdin.write(`${line}\n`);
  }

  return {
    add(pid) {
      pids.add(pid);
      tell(`+${pid}`);
    },
    remove(pid) {
      if (pids.delete(pid)) tell(`-${pid}`);
    },
    [Symbol.dispose]() {
      closed = true;
      shell.stdin?.end();
    },
  };
}

/**
 * POSIX sh, no process forked where /proc exists. proc(5): after the last ')' come the state and, 19 fields on, the
 * start time. Entries are `pid:start`. SIGKILL goes to the whole group first, for children of children.
 */
const SCRIPT = `
rounds=$1
trap '' INT TERM HUP
started() {
  if [ -r /proc/self/stat ]; then
    { read -r line < "/proc/$1/stat"; } 2>/dev/null || return 1
    set -- \${line##*) }
    case $1 in Z|X) return 1;; esac
    start=\${20}
  else
    start=$(ps -o lstart= -p "$1" | tr ' ' '_')
    [ -n "$start" ]
  fi
}
listed=
drop() {
  kept=
  for entry in $listed; do [ "\${entry%%:*}" = "$1" ] || kept="$kept $entry"; done
  listed=$kept
}
alive() {
  kept=
  for entry in $listed; do started "\${entry%%:*}" && [ "$entry" = "\${entry%%:*}:$start" ] && kept="$kept $entry"; done
  listed=$kept
  [ -n "$listed" ]
}
while read -r line; do
  pid=\${line#?}
  case $line in
    +*) drop "$pid"; started "$pid" && listed="$listed $pid:$start";;
    -*) drop "$pid";;
  esac
done
alive || exit 0
for entry in $listed; do kill -TERM "\${entry%%:*}"; kill -CONT "\${entry%%:*}"; done 2>/dev/null
while [ "$rounds" -gt 0 ]; do
  alive || exit 0
  rounds=$((rounds - 1))
  sleep 0.2
done
alive && for entry in $listed; do kill -KILL -- "-\${entry%%:*}" || kill -KILL "\${entry%%:*}"; done 2>/dev/null
`;
