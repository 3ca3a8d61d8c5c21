/** `npm run test:lake`: all tests of the lake, with a real S3 server and Apache Spark, which are built the first time. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { buildLakeTools } from './lake-tools.ts';

const { s3Server, python } = await buildLakeTools(process.env);
const tests = join(import.meta.dirname, '..', '..', 'scripts', 'test.ts');
const child = spawn(process.execPath, [tests, 'sinks/src/lake', ...process.argv.slice(2)], {
  env: { ...process.env, MILLRACE_TEST_S3_SERVER: s3Server, MILLRACE_TEST_SPARK: python, MILLRACE_TEST_KILLS: '12' },
  stdio: 'inherit',
});
child.once('exit', code => {
  process.exitCode = code ?? 1;
});
