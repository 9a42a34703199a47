// What the peer tests share: a TAP runner that runs its tests in order, and programs of ours started on a free port.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

const tests = [];
const cleanups = [];

/** Declares a test; fn may be async. */
export function test(name, fn, timeoutMs = 60000) {
  tests.push({ name, fn, timeoutMs });
}

/** Something to do when all tests are over, last one first. */
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
      for (const line of String(error?.stack ?? error).split('\n')) {
        console.log(`# ${line}`);
      }
    }
    clearTimeout(timer);
  }
  for (const fn of cleanups.reverse()) {
    await fn();
  }
  process.exit(failed ? 1 : 0);
}

/** What what() gives, as soon as it gives something. */
export async function until(what) {
  for (const end = Date.now() + 20000; Date.now() < end;) {
    const found = await what();
    if (found) {
      return found;
    }
    await new Promise((done) => setTimeout(done, 25));
  }
  throw new Error('it never came');
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
