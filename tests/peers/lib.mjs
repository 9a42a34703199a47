// What the peer tests share: a TAP runner that runs its tests in order, programs of ours started on a free port, and
// servers of the test's own.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const tests = [];
const cleanups = [];

/** Declares a test; fn may be async. */
export function test(name, fn, timeoutMs = 60000) {
  tests.push({ name, fn, timeoutMs });
}

/** Something to do when all tests are over, last one first; what it throws fails the whole. */
export function cleanup(fn) {
  cleanups.push(fn);
}

/** Runs what was declared, prints TAP, ends the process. */
export async function run() {
  let failed = 0;
  console.log(`1..${tests.length}`);
  for (const [i, { name, fn, timeoutMs }] of tests.entries()) {
    let timer;
    const late = new Promise((_, no) => {
      timer = setTimeout(() => no(new Error(`took longer than ${timeoutMs} ms`)), timeoutMs);
    });
    try {
      await Promise.race([fn(), late]);
      console.log(`ok ${i + 1} - ${name}`);
    } catch (error) {
      failed++;
      console.log(`not ok ${i + 1} - ${name}`);
      explain(error);
    }
    clearTimeout(timer);
  }
  for (const fn of cleanups.reverse()) {
    try {
      await fn();
    } catch (error) {
      failed++;
      explain(error);
    }
  }
  process.exit(failed ? 1 : 0);
}

function explain(error) {
  for (const line of String(error?.stack ?? error).split('\n')) {
    console.log(`# ${line}`);
    console.error(line); // what Meson shows of a failed test
  }
}

/** A folder for the time of the tests. */
export async function folder() {
  const name = await mkdtemp(join(tmpdir(), 'peers-'));
  cleanup(() => rm(name, { recursive: true }));
  return name;
}

/** What what() gives, as soon as it gives something; else the error has what instead() says. */
export async function until(what, instead = () => '') {
  for (const end = Date.now() + 20000; Date.now() < end;) {
    const found = await what();
    if (found) {
      return found;
    }
    await new Promise((done) => setTimeout(done, 25));
  }
  throw new Error(`it never came\n${instead()}`);
}

/** Starts a program and waits for its first line on stdout, which says where it listens. */
export async function start(binary, args) {
  const child = spawn(binary, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  child.on('error', (error) => {
    console.log(`Bail out! ${binary}: ${error.message}`);
    process.exit(1);
  });
  cleanup(async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
  });
  const [line] = await once(createInterface({ input: child.stdout }), 'line');
  const url = /(wss?|https?):\/\/\S+/.exec(line)?.[0];
  if (!url) {
    throw new Error(`unexpected first line: ${line}`);
  }
  return { url, child };
}

/** A gateway with these arguments of serve, when it has said what ready looks for; it has to end well. */
export async function startGateway(args, { ready = /gateway\.ready/, ...options }) {
  const child = spawn(process.env.RINGTRIP, ['serve', ...args], { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  const over = once(child, 'exit');
  const lines = [];
  const ended = (status, signal) => new Error(`the gateway ended with ${status ?? signal}\n${lines.join('\n')}`);
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => lines.push(line));
  }
  cleanup(async () => {
    child.kill('SIGTERM');
    const [status, signal] = await over;
    if (status !== 0) {
      throw ended(status, signal);
    }
  });
  process.on('exit', () => child.kill('SIGKILL'));
  const line = await Promise.race([until(() => lines.find((l) => ready.test(l)), () => lines.join('\n')),
    over.then((how) => { throw ended(...how); })]);
  const [, port] = /\bport"?[=:]"?(\d+)/.exec(lines.find((l) => l.includes('gateway.listening')));
  return { url: `http://127.0.0.1:${port}`, line, lines, stop: () => child.kill('SIGTERM') && over };
}

/** The sandbox, ready. */
export function startSandbox(...args) {
  return start(process.env.RINGTRIP_SANDBOX, ['--listen', '127.0.0.1:0', '--die-with-parent', '--speed', '20', ...args]);
}

/** What the sandbox at that address knows: truth(sandbox.url, `items/${id}`). */
export async function truth(url, path) {
  const answer = await fetch(new URL(`/sandbox/${path}`, url.replace(/^ws/, 'http')));
  if (answer.status !== 200) {
    throw new Error(`/sandbox/${path}: ${answer.status}`);
  }
  return answer.json();
}

/** What a request carries. */
export async function body(req) {
  const chunks = [];
  for await (const chunk of req) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The HTTP server listens until the tests are over, at this host and port. */
export async function listen(server) {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanup(() => server.close());
  return `127.0.0.1:${server.address().port}`;
}

/** Plivo's library. Its voice requests always go to the vendor's host: they are led to base(), before it loads its HTTP client. */
export function plivoAt(base) {
  const require = createRequire(import.meta.url);
  const axios = createRequire(require.resolve('plivo'))('axios');
  const http = axios.getAdapter('http');
  axios.defaults.adapter = (cfg) => {
    cfg.url = cfg.url.replace('https://api.plivo.com', base());
    return http(cfg);
  };
  return require('plivo');
}

/** Collects what passes and lets a test wait for something among it, whether it is past or to come. */
export class Log {
  items = [];
  #waiting = [];

  push(item) {
    this.items.push(item);
    this.#waiting = this.#waiting.filter((w) => !w(item));
  }

  /** The first item from `from` on that matches; waits for it. */
  find(matches, from = 0) {
    const known = this.items.slice(from).find(matches);
    if (known) {
      return Promise.resolve(known);
    }
    return new Promise((yes) => {
      this.#waiting.push((item) => matches(item) && (yes(item), true));
    });
  }

  get length() {
    return this.items.length;
  }
}
