/** An upgrade while QuestDB does not apply what it takes; a QuestDB of its own, for the key that lets a test suspend. */
import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { TransientError } from '@millrace/runtime/errors.ts';
import { openStack } from '@millrace/stack/stack.ts';
import { until } from '../testing.ts';
import { QuestdbHttp } from './http.ts';
import { migrate, readMigrations, tableFault } from './migrations.ts';
import { walStates } from './wal-watch.ts';

test('an upgrade while a table is suspended waits for it, resumes it where that may help, and is then complete', async () => {
  const home = mkdtempSync(join(tmpdir(), 'millrace-upgrade-'));
  using _ = { [Symbol.dispose]: () => rmSync(home, { recursive: true, force: true }) };
  await using stack = await openStack({ home, kafkaNodes: 0 });
  const questdb = stack.questdb!;
  appendFileSync(join(home, 'questdb', 'conf', 'server.conf'), 'dev.mode.enabled=true\n');
  await questdb.stop();
  await questdb.start();
  using http = new QuestdbHttp({ url: questdb.httpUrl, user: 'admin', password: 'quest' });

  const before = readMigrations().filter(({ number }) => number <= 5);
  for (const [tablePrefix, cause, isPassing] of [
    ['full_', "28, 'no space left'", true],
    ['broken_', "2, 'no such file'", false],
  ] as const) {
    const table = `${tablePrefix}gateways`;
    await migrate(http, { tablePrefix, migrations: before });
    await http.query(`ALTER TABLE ${table} SUSPEND WAL WITH ${cause}`);
    await assert.rejects(migrate(http, { tablePrefix }), (error: Error) => {
      assert.ok(error instanceof TransientError, `${error.name}: ${error.message}`);
      assert.match(error.message, new RegExp(`suspended the table ${table} .*show once it goes on`));
      return true;
    });
    if (!isPassing) {
      assert.equal((await walStates(http)).get(table)?.suspended, true, 'nobody but a person resumes it');
      await http.query(`ALTER TABLE ${table} RESUME WAL`);
    }
    await until('the table goes on', async () => (await walStates(http)).get(table)?.suspended === false);
    // Columns were added before it stopped; views and what follows waited for a table that is as it should be.
    assert.equal((await migrate(http, { tablePrefix }))[0], '0011-readings-views');
    assert.deepEqual(await migrate(http, { tablePrefix }), []);
    assert.equal(await tableFault(http, 'gateways', tablePrefix), undefined);
  }
});
