// The Model Context Protocol's own demonstration server, as a program and over HTTP, behind a gateway that takes a call:
// the caller asks, the agent uses a tool of that server, the answer is spoken.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { cleanup, folder, run, startGateway, startSandbox, test } from './lib.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const server = join(here, 'node_modules/@modelcontextprotocol/server-everything/dist/index.js');
const dir = await folder();

await writeFile(join(dir, 'dialogue.yaml'), `
greeting: Weather desk.
refusal: I did not understand.
script: [how is the weather]
intents:
  weather:
    rules: [how is the weather]
    call: {tool: PREFIX_get-structured-content, arguments: {location: Chicago}}
results:
  PREFIX_get-structured-content:
    - say: It is {result.temperature} degrees and {result.conditions} in Chicago.
`.replaceAll('PREFIX', 'wx'));
const sandbox = await startSandbox('--speed', '1', '--canned', '--dialogue', join(dir, 'dialogue.yaml'));

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}

/** A gateway with this section mcp:, when it has said that the server is up. */
async function gateway(name, mcp) {
  const config = join(dir, `${name}.yaml`);
  await writeFile(config, `
server: {listen: "127.0.0.1:0"}
records: {dir: ${join(dir, name)}}
log: {format: json}
providers:
  sandbox: {kind: sandbox, url: ${sandbox.url}}
agent: {name: desk, provider: sandbox, instructions: Say how the weather is., mcp: [weather]}
mcp:
  weather:
${mcp}
    prefix: wx_
    tools: [get-structured-content, get-sum, get-env]
`);
  return startGateway(['-c', config], { cwd: dir, ready: /mcp\.up/ });
}

async function call(url, name) {
  const report = join(dir, `${name}.json`);
  const phone = spawn(process.env.RINGTRIP, ['phone', `${url}/twiml`, '--when', 'greeting-done', '--say',
    'How is the weather', '--hangup', 'agent-stops:1500', '--report', report, '--max-s', '30', '-q'], { stdio: 'inherit' });
  const [status] = await once(phone, 'exit');
  assert.equal(status, 0);
  const calls = await (await fetch(`${url}/v1/calls?limit=1`)).json();
  const id = (calls.calls ?? calls)[0].call_id ?? (calls.calls ?? calls)[0].id;
  for (let i = 0; i < 50; i++) {
    const record = await (await fetch(`${url}/v1/calls/${id}`)).json();
    if (JSON.stringify(record).includes('degrees')) {
      return record;
    }
    await new Promise((later) => setTimeout(later, 100));
  }
  return (await fetch(`${url}/v1/calls/${id}`)).json();
}

test('a program: its tools are offered and used in a call', async () => {
  const g = await gateway('pipe', `    command: [${JSON.stringify(process.execPath)}, ${JSON.stringify(server)}, stdio]\n    env: {MCP_TEST: there}`);
  assert.match(g.line, /tools"?[=:]"?3\b/);
  const record = JSON.stringify(await call(g.url, 'pipe'));
  assert.match(record, /It is 36 degrees and Light rain \/ drizzle in Chicago/);
  assert.ok(g.lines.some((l) => /tool\.done/.test(l) && /wx_get-structured-content/.test(l) && /ok/.test(l)), g.lines.join('\n'));
});

test('streamable HTTP: the same', async () => {
  const port = await freePort();
  const child = spawn(process.execPath, [server, 'streamableHttp'], { env: { ...process.env, PORT: String(port) }, stdio: ['ignore', 'ignore', 'pipe'] });
  cleanup(async () => {
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  for await (const line of createInterface({ input: child.stderr })) {
    if (/listening/.test(line)) {
      break;
    }
  }
  const g = await gateway('http', `    url: http://127.0.0.1:${port}/mcp`);
  const record = JSON.stringify(await call(g.url, 'http'));
  assert.match(record, /It is 36 degrees and Light rain \/ drizzle in Chicago/);
});

await run();
