// Plivo's own Node library against our phone and our gateway. The phone is held to a server of the vendor's making: its
// signatures are checked by the library, its documents are the library's, its messages have the documented shapes. The
// gateway signs nothing itself: what the library calls valid it must take, what it answers must be what the library writes,
// and its requests of the account must be those that the library sends, to one and the same recording service.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';

import { WebSocketServer } from 'ws';

import { body, folder, listen, plivoAt, run, startGateway, startSandbox, test } from './lib.mjs';

const ID = 'MA0123456789ABCDEFGH';
const TOKEN = '0123456789abcdef0123456789abcdef';
const NUMBER = '14155550100';
const PUBLIC = 'https://gw.example.com';
const UUID = '4d04c52e-0f5c-4f9c-9f5e-0a1b2c3d4e5f';
const dir = await folder();

// The account: keeps what was asked, answers as the vendor's pages say.
const asked = [];
const accountHost = await listen(createServer(async (req, res) => {
  const text = (await body(req)).toString();
  asked.push({ method: req.method, url: req.url.replace(`/v1/Account/${ID}/`, ''), auth: req.headers.authorization,
    type: req.headers['content-type'], json: text ? JSON.parse(text) : undefined });
  const answers = [
    [/^GET .*Application\//, 200, { api_id: 'a', meta: { limit: 20, offset: 0, next: null, previous: null, total_count: 0 }, objects: [] }],
    [/^POST .*Application\/$/, 201, { message: 'created', app_id: '77', api_id: 'a' }],
    [/^GET .*Number\//, 200, { api_id: 'a', number: NUMBER, application: null }],
    [/^POST .*Number\//, 202, { message: 'changed', api_id: 'a' }],
    [/^POST .*Call\/$/, 201, { message: 'call fired', request_uuid: 'r-1', api_id: 'a' }],
    [/^POST .*Message\/$/, 202, { message: 'message(s) queued', message_uuid: ['m-1'], api_id: 'a' }],
    [/^POST .*Call\//, 202, { message: 'call transferred', api_id: 'a' }],
    [/^DELETE/, 204, null],
  ];
  const [, status, json] = answers.find(([pattern]) => pattern.test(`${req.method} ${req.url}`)) ?? [0, 404, { error: 'not found' }];
  res.writeHead(status, { 'Content-Type': 'application/json' }).end(json ? JSON.stringify(json) : undefined);
}));

const plivo = plivoAt(() => `http://${accountHost}`);

/** A signature over the text that the vendor's captures show, checked by its library before it is used. */
function sign(method, url, form = {}) {
  const nonce = String(Math.floor(Math.random() * 1e15));
  const at = new URL(url);
  const query = [...at.searchParams].sort(([a], [b]) => (a < b ? -1 : 1)).map(([k, v]) => `${k}=${v}`).join('&');
  const fields = Object.keys(form).sort().map((k) => k + form[k]).join('');
  const base = url.split('?')[0];
  const text = base + (query || fields ? '?' : '') + query + (query && fields ? '.' : '') + fields;
  const signature = createHmac('sha256', TOKEN).update(`${text}.${nonce}`).digest('base64');
  assert.equal(plivo.validateV3Signature(method, url, nonce, TOKEN, signature, form), true);
  return { 'X-Plivo-Signature-V3': signature, 'X-Plivo-Signature-V3-Nonce': nonce };
}

// ---- the phone, on a server of the vendor's making ----

const calls = [];
let server;
let onStart; // what the server does besides, when the next stream has started
const sockets = new WebSocketServer({ noServer: true });
const phoneServer = createServer(async (req, res) => {
  const params = Object.fromEntries(new URLSearchParams((await body(req)).toString()));
  const valid = plivo.validateV3Signature('POST', `http://${server}${req.url}`, req.headers['x-plivo-signature-v3-nonce'], TOKEN,
    req.headers['x-plivo-signature-v3'], params);
  if (params.Event === 'Hangup') {
    calls.at(-1).hangup = { params, valid, url: req.url };
    res.end('OK');
    return;
  }
  if (req.url.startsWith('/after')) {
    res.setHeader('Content-Type', 'application/xml');
    res.end('<Response><Hangup/></Response>');
    return;
  }
  calls.push({ params, valid, messages: [] });
  const response = new plivo.Response();
  response.addStream(`ws://${server}/ws?call=a&tenant=${encodeURIComponent('b c')}`,
    { bidirectional: 'true', keepCallAlive: 'true', contentType: 'audio/x-mulaw;rate=8000' });
  response.addSpeak('Goodbye & thanks');
  res.writeHead(200, { 'Content-Type': 'application/xml' }).end(response.toXML());
});
phoneServer.on('upgrade', (req, socket, head) => {
  const call = calls.at(-1);
  call.upgrade = { url: req.url, valid: plivo.validateV3Signature('GET', `ws://${server}${req.url}`,
    req.headers['x-plivo-signature-v3-nonce'], TOKEN, req.headers['x-plivo-signature-v3'], {}) };
  sockets.handleUpgrade(req, socket, head, (ws) => media(ws, call));
});
server = await listen(phoneServer);

/** Half a second of a tone in frames of 20 ms, then a checkpoint. */
function media(ws, call) {
  call.ws = ws;
  const frame = Buffer.alloc(160);
  for (let i = 0; i < 160; i++) {
    frame[i] = i % 16 < 8 ? 0x90 : 0x10;
  }
  ws.on('message', (data) => {
    const m = JSON.parse(data);
    call.messages.push(m);
    if (m.event === 'start') {
      const streamId = m.start.streamId;
      for (let i = 0; i < 25; i++) {
        ws.send(JSON.stringify({ event: 'playAudio', media: { contentType: 'audio/x-mulaw', sampleRate: 8000, payload: frame.toString('base64') } }));
      }
      ws.send(JSON.stringify({ event: 'checkpoint', streamId, name: 'first' }));
      onStart?.(ws, streamId, frame);
      onStart = undefined;
    }
  });
  ws.on('close', (code) => (call.closeCode = code));
}

let runs = 0;

async function phone(...args) {
  const report = join(dir, `${++runs}.json`);
  const child = spawn(process.env.RINGTRIP, ['phone', `http://${server}/answer?tenant=7`, '--as', 'plivo', '--auth-token', TOKEN,
    '--report', report, '--max-s', '15', '--seed', '5', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  child.stdout.on('data', (d) => (text += d));
  child.stderr.on('data', (d) => (text += d));
  const [status] = await once(child, 'close');
  return { status, text, report: JSON.parse(await readFile(report, 'utf8')), call: calls.at(-1) };
}

const events = (call, name) => call.messages.filter((m) => m.event === name);

test('the library accepts the signatures of webhook, upgrade and hang-up callback', async () => {
  const r = await phone('--hangup', 'after:1200');
  assert.equal(r.status, 0, r.text);
  assert.equal(r.call.valid, true);
  assert.equal(r.call.params.From, '15005550001');
  assert.equal(r.call.upgrade.valid, true);
  assert.equal(r.call.upgrade.url, '/ws?call=a&tenant=b%20c');
  assert.equal(r.call.hangup.valid, true);
  assert.equal(r.call.hangup.url, '/hangup');
  assert.equal(r.call.hangup.params.CallUUID, r.call.params.CallUUID);
});

test('the messages have the shapes of the vendor', () => {
  const call = calls[0];
  const [start, ...rest] = call.messages;
  assert.equal(start.event, 'start');
  assert.equal(start.start.callId, call.params.CallUUID);
  assert.deepEqual(start.start.mediaFormat, { encoding: 'audio/x-mulaw', sampleRate: 8000 });
  assert.equal(start.streamId, undefined);
  assert.equal(typeof start.extra_headers, 'string');
  const media = events(call, 'media');
  assert.ok(media.length > 20);
  media.forEach((m, i) => {
    assert.equal(m.media.chunk, i + 1);
    assert.equal(typeof m.sequenceNumber, 'number');
    assert.equal(typeof m.media.timestamp, 'string');
    assert.ok(Number(m.media.timestamp) > 1.6e12);
    assert.equal(Buffer.from(m.media.payload, 'base64').length, 160);
  });
  const played = events(call, 'playedStream');
  assert.deepEqual(played.map((m) => m.name), ['first']);
  assert.equal(played[0].streamId, start.start.streamId);
  assert.ok(!rest.some((m) => m.event === 'stop'));
});

test('a clear is answered, and the checkpoints that it met never come', async () => {
  onStart = (ws, streamId) => ws.send(JSON.stringify({ event: 'clearAudio', streamId }));
  const r = await phone('--hangup', 'after:800');
  assert.equal(r.status, 0, r.text);
  assert.equal(events(r.call, 'clearedAudio').length, 1);
  assert.equal(events(r.call, 'playedStream').length, 0);
  assert.equal(r.report.clears.n, 1);
});

for (const [name, message, code] of [
  ['a rate inside contentType', (frame) => ({ event: 'playAudio', media: { contentType: 'audio/x-mulaw;rate=8000', sampleRate: 8000, payload: frame.toString('base64') } }), 2],
  ['a frame that is not 160 bytes', (frame) => ({ event: 'playAudio', media: { contentType: 'audio/x-mulaw', sampleRate: 8000, payload: frame.subarray(1).toString('base64') } }), 3],
  ['an event of another vendor', (frame) => ({ event: 'media', media: { payload: frame.toString('base64') } }), 1],
]) {
  test(`${name} fails the run`, async () => {
    onStart = (ws, streamId, frame) => ws.send(JSON.stringify(message(frame)));
    const r = await phone('--hangup', 'after:600');
    assert.equal(r.status, 1, r.text);
    assert.deepEqual(r.report.warnings.map((w) => w.code), [code]);
  });
}

// ---- the gateway ----

const sandbox = await startSandbox('--speed', '1', '--canned');
await writeFile(join(dir, 'gateway.yaml'), `
server: {listen: "127.0.0.1:0", public_url: "${PUBLIC}"}
records: {dir: ${join(dir, 'records')}}
log: {format: json}
providers:
  sandbox: {kind: sandbox, url: ${sandbox.url}}
carriers:
  plivo: {auth_id: ${ID}, auth_token: "${TOKEN}", phone_number: "${NUMBER}", application: gw, api_base: "http://${accountHost}"}
`);
const { url: gateway, lines } = await startGateway(['-c', join(dir, 'gateway.yaml')], { cwd: dir, ready: /plivo\.ready/ });

const post = (path, form, headers) => fetch(`${gateway}${path}`, { method: 'POST', body: new URLSearchParams(form), headers });
const FORM = { CallUUID: 'u-1', From: '14155550101', To: NUMBER, Direction: 'inbound', CallStatus: 'ringing', Event: 'StartApp', CallerName: 'Zoë & Co' };

test('at the start it says that it is ready, and what to call', () => {
  assert.ok(lines.some((l) => l.includes(`Ready! Call +${NUMBER} to test`)), lines.join('\n'));
});

test('it takes what the library signed, in form and query, and nothing else', async () => {
  const good = await post('/answer?tenant=7', FORM, sign('POST', `${PUBLIC}/answer?tenant=7`, FORM));
  assert.equal(good.status, 200);
  assert.match(good.headers.get('content-type'), /^(application|text)\/xml/);
  const moved = await post('/answer?tenant=8', FORM, sign('POST', `${PUBLIC}/answer?tenant=7`, FORM));
  assert.equal(moved.status, 403);
  const changed = await post('/answer', { ...FORM, From: '1' }, sign('POST', `${PUBLIC}/answer`, FORM));
  assert.equal(changed.status, 403);
  const query = `/answer?${new URLSearchParams(FORM)}`;
  const got = await fetch(`${gateway}${query}`, { headers: sign('GET', PUBLIC + query) });
  assert.equal(got.status, 200);
});

test('its document is what the library writes', async () => {
  const reply = await post('/answer', { ...FORM, CallUUID: 'u-2' }, sign('POST', `${PUBLIC}/answer`, { ...FORM, CallUUID: 'u-2' }));
  const xml = (await reply.text()).replace(/^<\?xml[^>]*\?>/, '');
  const url = /<Stream[^>]*>([^<]*)</.exec(xml)[1];
  assert.match(url, /^wss:\/\/gw\.example\.com\/ws\?token=[\w-]+$/);
  const want = new plivo.Response();
  want.addStream(url, { bidirectional: 'true', keepCallAlive: 'true', contentType: 'audio/x-mulaw;rate=8000',
    statusCallbackUrl: `${PUBLIC}/plivo/stream-status` });
  want.addRedirect(`${PUBLIC}/plivo/after`, { method: 'POST' });
  assert.equal(xml, want.toXML());
});

/** Same method and path; each key of ours is one of the library's, of the same type; so are the headers. */
function assertAsked(ours, theirs) {
  assert.equal(ours.method, theirs.method);
  assert.equal(ours.url, theirs.url);
  assert.equal(ours.auth, theirs.auth);
  if (ours.method !== 'GET') {
    assert.equal(ours.type, theirs.type);
    for (const [key, value] of Object.entries(ours.json)) {
      assert.equal(typeof value, typeof theirs.json[key], `${ours.method} ${ours.url}: ${key}`);
    }
  }
}

test('what it asks of the account at the start is what the library asks', async () => {
  const ours = asked.splice(0);
  assert.deepEqual(ours.map((a) => `${a.method} ${a.url}`), ['GET Application/?app_name=gw&limit=20&offset=0', 'POST Application/',
    `GET Number/${NUMBER}/`, `POST Number/${NUMBER}/`]);
  const client = new plivo.Client(ID, TOKEN, { url: `http://${accountHost}/v1/Account/${ID}/` });
  const log = console.log; // the library prints its parameters
  console.log = () => {};
  await client.applications.create('gw', { answerUrl: `${PUBLIC}/answer`, answerMethod: 'POST', hangupUrl: `${PUBLIC}/hangup`,
    hangupMethod: 'POST', fallbackAnswerUrl: `${PUBLIC}/fallback`, fallbackMethod: 'POST' }).finally(() => (console.log = log));
  const made = asked.splice(0).at(-1);
  assertAsked(ours[1], made);
  assert.equal(ours[1].json.answer_url, made.json.answer_url);
  assert.equal(ours[1].json.fallback_answer_url, made.json.fallback_answer_url);
  await client.numbers.update(NUMBER, { appId: '77' });
  const assigned = asked.splice(0).find((a) => a.method === 'POST');
  assert.deepEqual(ours[3].json, { app_id: '77' });
  assert.equal(assigned.json.app_id, ours[3].json.app_id);
});

test('its hang-up is what the library sends', async () => {
  asked.length = 0;
  const caller = spawn(process.env.RINGTRIP, ['phone', `${gateway}/answer`, '--as', 'plivo', '--auth-token', TOKEN, '--sign-base', PUBLIC,
    '--stream-base', gateway.replace('http', 'ws'), '--max-s', '20', '--hangup', 'never', '--call-sid', UUID, '-q'], { stdio: 'ignore' });
  const over = once(caller, 'close');
  while ((await (await fetch(`${gateway}/v1/calls/${UUID}`)).json()).status !== 'in_progress') {
    await new Promise((yes) => setTimeout(yes, 100));
  }
  assert.equal((await fetch(`${gateway}/v1/calls/${UUID}/hangup`, { method: 'POST' })).status, 202);
  while (!asked.length) {
    await new Promise((yes) => setTimeout(yes, 50));
  }
  await over;
  const ours = asked.find((a) => a.method === 'DELETE');
  const client = new plivo.Client(ID, TOKEN);
  asked.length = 0;
  await client.calls.hangup(UUID);
  assertAsked(ours, asked[0]);
  assert.deepEqual(ours.json, asked[0].json);
});

await run();
