// ringtrip-sandbox as a process: its first line, its ends, its refusals, and that help and documentation agree.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import WebSocket from 'ws';

import { folder, run, start, test } from './lib.mjs';

const binary = process.env.RINGTRIP_SANDBOX;
const docs = join(dirname(fileURLToPath(import.meta.url)), '../../docs/sandbox.md');
const dir = await folder();

const help = execFileSync(binary, ['--help'], { encoding: 'utf8' });
const wrong = (...args) => spawnSync(binary, args, { encoding: 'utf8', timeout: 10000 });

async function connected(url) {
  const ws = new WebSocket(`${url}?model=gpt-realtime`);
  await once(ws, 'message');
  return ws;
}

test('SIGTERM closes the sessions with 1001 and exits 0', async () => {
  const { url, child } = await start(binary, ['--listen', '127.0.0.1:0', '--canned']);
  const ws = await connected(url);
  const closed = once(ws, 'close');
  child.kill('SIGTERM');
  assert.equal((await closed)[0], 1001);
  assert.deepEqual(await once(child, 'exit'), [0, null]);
});

test('with --die-with-parent it ends when stdin closes, without it does not', async () => {
  const { child } = await start(binary, ['--listen', '127.0.0.1:0', '--canned', '--die-with-parent']);
  const exit = once(child, 'exit');
  child.stdin.end();
  assert.deepEqual(await exit, [0, null]);
  const other = await start(binary, ['--listen', '127.0.0.1:0', '--canned']);
  other.child.stdin.end();
  (await connected(other.url)).close();
});

async function hasIpv6() {
  const probe = createServer();
  const works = new Promise((yes) => probe.once('listening', () => yes(true)).once('error', () => yes(false)));
  probe.listen(0, '::1');
  const result = await works;
  probe.close();
  return result;
}

test('IPv6 is listened on and told as a URL', async () => {
  if (!(await hasIpv6())) { // containers without it
    const r = wrong('--canned', '--listen', '[::1]:0');
    assert.equal(r.status, 1);
    assert.match(r.stderr, /cannot listen on \[::1\]/);
    return;
  }
  const { url } = await start(binary, ['--listen', '[::1]:0', '--canned']);
  assert.match(url, /^ws:\/\/\[::1\]:\d+\/v1\/realtime$/);
  (await connected(url)).close();
});

test('wrong use ends with status 2 and names the option', () => {
  const cases = [
    [['--nonsense'], /--nonsense/],
    [['--listen', 'somewhere'], /--listen "somewhere"/],
    [['--listen', '127.0.0.1:70000'], /--listen "127.0.0.1:70000"/],
    [['--speed', 'fast'], /--speed "fast"/],
    [['--faults', 'text-only,unheard'], /"unheard"/],
    [['--canned-answer-s', '0'], /--canned-answer-s "0"/],
    [['--keep-sessions', 'all'], /--keep-sessions "all"/],
    [['--tls-cert', 'x'], /go together/],
    [['--canned-profile', 'loud'], /--canned-profile "loud"/],
    [['extra'], /extra/],
    [['--listen'], /--listen/],
  ];
  for (const [args, message] of cases) {
    const r = wrong(...args);
    assert.equal(r.status, 2, args.join(' '));
    assert.match(r.stderr, message);
    assert.equal(r.stdout, '');
  }
});

test('what cannot run ends with status 1 and says why', async () => {
  const bad = join(dir, 'bad.yaml');
  writeFileSync(bad, 'greeting: hi\nrefusal: what\nintents:\n  a:\n    rules: [(b]\n');
  let r = wrong('--dialogue', bad, '--listen', '127.0.0.1:0');
  assert.equal(r.status, 1);
  assert.match(r.stderr, /bad\.yaml:5:13: "\)" expected/);
  r = wrong('--dialogue', join(dir, 'none.yaml'));
  assert.equal(r.status, 1);
  assert.match(r.stderr, /none\.yaml/);
  r = wrong('--tls-cert', bad, '--tls-key', bad);
  assert.equal(r.status, 1);
  const { url } = await start(binary, ['--listen', '127.0.0.1:0', '--canned']);
  r = wrong('--canned', '--listen', new URL(url).host);
  assert.equal(r.status, 1);
  assert.match(r.stderr, /cannot listen on 127\.0\.0\.1/);
});

test('a word without phones is named, one with phones is taken', async () => {
  const file = join(dir, 'word.yaml');
  const yaml = 'greeting: hi\nrefusal: what\nintents: {a: {rules: hello xyzzyplugh, say: yes}}\n';
  writeFileSync(file, yaml);
  if (/cannot hear/.test(execFileSync(binary, ['--version'], { encoding: 'utf8' }))) { // nor need phones
    await start(binary, ['--dialogue', file, '--listen', '127.0.0.1:0', '--die-with-parent']);
    return;
  }
  const r = wrong('--dialogue', file, '--listen', '127.0.0.1:0');
  assert.equal(r.status, 1);
  assert.match(r.stderr, /"xyzzyplugh".*pronunciations/);
  writeFileSync(file, `${yaml}pronunciations: {xyzzyplugh: Z IH Z IY P L AH G}\n`);
  await start(binary, ['--dialogue', file, '--listen', '127.0.0.1:0', '--die-with-parent']);
});

test('the printed dialogue is one that loads', async () => {
  const file = join(dir, 'printed.yaml');
  writeFileSync(file, execFileSync(binary, ['--print-dialogue']));
  await start(binary, ['--dialogue', file, '--listen', '127.0.0.1:0', '--die-with-parent']);
});

test('the dialogue of the documentation loads', async () => {
  const file = join(dir, 'documented.yaml');
  writeFileSync(file, /```yaml\n([^]*?)```/.exec(readFileSync(docs, 'utf8'))[1]);
  await start(binary, ['--dialogue', file, '--listen', '127.0.0.1:0', '--die-with-parent']);
});

test('the man page names every option and no other', () => {
  const page = readFileSync(join(dirname(fileURLToPath(import.meta.url)), '../../packaging/ringtrip-sandbox.1'), 'utf8').replaceAll('\\-', '-');
  const options = (s) => [...new Set([...s.matchAll(/--[a-z][a-z-]*/g)].map((m) => m[0]))].sort();
  assert.deepEqual(options(page), options(help));
});

test('help and documentation name the same faults and options', () => {
  const text = readFileSync(docs, 'utf8');
  const inHelp = [...help.slice(help.indexOf('faults:')).matchAll(/^ {2}([a-z-]+)(?:=(\S+))? /gm)].map((m) => [m[1], m[2] ?? '']);
  const inDocs = [...text.slice(text.indexOf('## Faults')).matchAll(/^\| `([a-z-]+)` \| (\S*) ?\|/gm)].map((m) => [m[1], m[2].replace('|', '')]);
  assert.ok(inHelp.length > 20);
  assert.deepEqual(inDocs, inHelp);
  const options = (s) => [...new Set([...s.matchAll(/--[a-z][a-z-]*/g)].map((m) => m[0]))].sort();
  const documented = options(text.slice(text.indexOf('## Options'), text.indexOf('## What it does')).concat('--print-dialogue'));
  assert.deepEqual(options(help).filter((o) => !['--help', '--version'].includes(o)), documented);
});

await run();
