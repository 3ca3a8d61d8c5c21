import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(import.meta.resolve('./main.ts'));
const home = mkdtempSync(join(tmpdir(), 'millrace-edge-cli-'));
after(() => rmSync(home, { recursive: true, force: true }));

function millrace(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise(resolve =>
    execFile(
      process.execPath,
      [main, ...args],
      { cwd: home, env: { PATH: process.env['PATH'] } },
      (error, stdout, stderr) => resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    ),
  );
}

function file(name: string, text: string): string {
  writeFileSync(join(home, name), text);
  return name;
}

test('edge check: every mistake at once, each with line and column', async () => {
  const wrong = file(
    'wrong.yaml',
    `edge:
  gateway: Lamp 17
  mqtt: { url: http://broker }
  shape:
    - { metric: co2, unit: { from: ppm, to: Cel } }
    - { metrik: x }
  sources:
    - { type: host, intervalMs: fast }
    - { type: modbux }
`,
  );
  const { code, stdout } = await millrace('edge', 'check', wrong);
  assert.equal(code, 78);
  for (const line of [
    /edge\.gateway \(wrong\.yaml:2:12\): must be 1–64/,
    /edge\.mqtt\.url \(wrong\.yaml:3:16\): must be an address/,
    /edge\.shape\.0\.unit\.to \(wrong\.yaml:5:\d+\): \[ppm\] does not convert into Cel/,
    /edge\.shape\.1\.metrik \(wrong\.yaml:6:\d+\): no such key; did you mean metric\?/,
    /edge\.sources\.0\.intervalMs \(wrong\.yaml:8:\d+\)/,
    /edge\.sources\.1(\.type)? \(wrong\.yaml:9:\d+\): must be a mapping with a type: one of/,
  ])
    assert.match(stdout, line);
});

test('edge check: what only the files tell has its place too, all of it', async () => {
  const absent = file(
    'absent.yaml',
    `edge:
  gateway: lamp-17
  mqtt:
    url: mqtts://broker:8883
    tls: { ca: no-ca.pem, cert: no-cert.pem, key: no-key.pem }
  sources:
    - { type: replay, name: a, file: a.csv, timeColumn: t, timeFormat: epoch-s, metric: m, unit: "1" }
    - { type: replay, name: b, file: b.csv, timeColumn: t, timeFormat: epoch-s, metric: m, unit: "1" }
`,
  );
  const { code, stdout } = await millrace('edge', 'check', absent);
  assert.equal(code, 78);
  assert.match(stdout, /^5 mistakes/);
  assert.match(stdout, /edge\.sources\.0\.file \(absent\.yaml:7:\d+\): /);
  assert.match(stdout, /edge\.sources\.1\.file \(absent\.yaml:8:\d+\): /);
  assert.match(stdout, /edge\.mqtt\.tls\.key \(absent\.yaml:5:\d+\): cannot be read/);
});

test('edge try: what was read and what would be sent', async () => {
  file('data.csv', 't,air,debug\n0,50,1\n1,68,1\n2,212,1\n');
  const good = file(
    'good.yaml',
    `edge:
  gateway: lamp-17
  shape:
    - { sensor: air, unit: { to: Cel }, range: { plausible: [-40, 60] }, rename: { sensor: weather } }
    - { sensor: debug, drop: true }
  sources:
    - { type: replay, file: data.csv, timeColumn: t, timeFormat: epoch-s, metric: temperature, unit: "[degF]", speed: 100 }
`,
  );
  assert.equal((await millrace('edge', 'check', good)).code, 0);
  const text = await millrace('edge', 'try', good, '--seconds', '1');
  assert.equal(text.code, 0, text.stderr);
  assert.match(text.stdout, /replay +air +temperature +3 +212 \[degF\] +3 +weather temperature 100 Cel +suspect/);
  assert.match(text.stdout, /replay +debug +temperature +3 +1 \[degF\] +0 +–/);
  assert.match(text.stdout, /6 readings of 2 series in 1 s; 3 would be sent/);
  const json = await millrace('edge', 'try', good, '--seconds', '1', '--json');
  const { series, batches } = JSON.parse(json.stdout) as { series: { sent?: { value: number } }[]; batches: number };
  assert.ok(Math.abs(series[0]!.sent!.value - 100) < 1e-9 && batches > 0);
});

test('edge status, and typing mistakes', async () => {
  const { code, stderr } = await millrace('edge', 'status', '--socket', join(home, 'none.sock'));
  assert.equal(code, 1);
  assert.match(stderr, /none\.sock: no agent runs there/);
  assert.equal((await millrace('edge', 'chek', 'x.yaml')).code, 2);
  assert.equal((await millrace('edge', 'try')).code, 2);
  assert.equal((await millrace('edge', 'try', 'x.yaml', '--seconds', 'long')).code, 2);
});
