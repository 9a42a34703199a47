// What the gateway asks of its carriers' accounts is what the vendors' own clients send for the same wish, to one and the
// same recording service: method, path, authorization, type of the body, and each of its members.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';

import twilio from 'twilio';

import { body, cleanup, folder, listen, plivoAt, run, startGateway, startSandbox, test } from './lib.mjs';

const SID = 'AC0123456789abcdef0123456789abcdef';
const ID = 'MA0123456789ABCDEFGH';
const TOKEN = '0123456789abcdef0123456789abcdef';
const OURS = '+14155550100';
const CALLEE = '+15005550009';
const PUBLIC = 'https://gw.example.com';
const TEXT = 'Your code is 4711 & more';
const dir = await folder();

// ---- the service ----

const asked = [];

/** A form with repeated names as lists, or the JSON that it is. */
function parse(type, text) {
  if (!text) {
    return undefined;
  }
  if (type?.startsWith('application/json')) {
    return JSON.parse(text);
  }
  const form = {};
  for (const [k, v] of new URLSearchParams(text)) {
    form[k] = k in form ? [].concat(form[k], v) : v;
  }
  return form;
}

const answers = [
  [/^GET .*Application\//, 200, { api_id: 'a', meta: { limit: 20, offset: 0, next: null, previous: null, total_count: 0 }, objects: [] }],
  [/^POST .*Application\//, 201, { message: 'created', app_id: '77', api_id: 'a' }],
  [/^GET .*Number\//, 200, { api_id: 'a', number: OURS.slice(1), application: null }],
  [/^POST .*Number\//, 202, { message: 'changed', api_id: 'a' }],
  [/^POST .*\/Call\/$/, 201, { message: 'call fired', request_uuid: 'r-1', api_id: 'a' }],
  [/^POST .*\/Message\/$/, 202, { message: 'message(s) queued', message_uuid: ['m-1'], api_id: 'a' }],
  [/^POST .*\/Call\/.*/, 202, { message: 'call transferred', api_id: 'a' }],
  [/^DELETE/, 204, null],
  [/^POST .*Calls\.json/, 201, { sid: 'CA0123456789abcdef0123456789abcdef', status: 'queued' }],
  [/^POST .*Messages\.json/, 201, { sid: 'SM0123456789abcdef0123456789abcdef', status: 'queued' }],
  [/^POST .*Calls\/.*\.json/, 200, { sid: 'CA0123456789abcdef0123456789abcdef', status: 'in-progress' }],
];
const service = createServer(async (req, res) => {
  const type = req.headers['content-type'];
  const url = req.url.replace(/^(\/v1\/Account\/[^/]+)\/\//, '$1/'); // the library's own base ends with a slash
  asked.push({ method: req.method, url, auth: req.headers.authorization, type: type?.split(';')[0], body: parse(type, (await body(req)).toString()) });
  const [, status, json] = answers.find(([pattern]) => pattern.test(`${req.method} ${url}`)) ?? [0, 404, { error: 'not found' }];
  res.writeHead(status, { 'Content-Type': 'application/json' }).end(json ? JSON.stringify(json) : undefined);
});
const base = `http://${await listen(service)}`;

async function request(pattern) {
  for (let i = 0; i < 600; i++) {
    const at = asked.findIndex((a) => pattern.test(`${a.method} ${a.url}`));
    if (at >= 0) {
      return asked.splice(at, 1)[0];
    }
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error(`nobody asked ${pattern}; but ${asked.map((a) => `${a.method} ${a.url}`).join(', ')}`);
}

// ---- the vendors' clients ----

const plivo = plivoAt(() => base);
const theirs = {
  twilio: twilio(SID, TOKEN),
  plivo: new plivo.Client(ID, TOKEN, { url: `${base}/v1/Account/${ID}` }),
};
theirs.twilio.api.baseUrl = base;

/** Ours was asked already; theirs is asked now. except: members that the client adds by itself. */
async function same(ours, ask, pattern, except = []) {
  await ask();
  const want = await request(pattern);
  for (const key of except) {
    delete want.body[key];
  }
  assert.deepEqual(ours, want);
}

// ---- the gateway ----

await writeFile(join(dir, 'dialogue.yaml'), `
name: test
greeting: Hello.
refusal: What?
unavailable: Not now.
prompt: Anything else?
intents:
  message:
    rules: [text me]
    keywords: [text]
    say: I will.
    call: {tool: send_sms, arguments: {phone_number: "${CALLEE}", message: "${TEXT}"}}
  colleague:
    rules: [sales please]
    keywords: [sales]
    say: I will put you through.
    call: {tool: transfer_call, arguments: {department: sales, reason: wants it}}
results:
  send_sms:
    - say: It is sent.
  transfer_call:
    - say: One moment.
`);
const sandbox = await startSandbox('--speed', '4', '--dialogue', join(dir, 'dialogue.yaml'));
await writeFile(join(dir, 'gateway.yaml'), `
server: {listen: "127.0.0.1:0", public_url: "${PUBLIC}"}
records: {dir: ${join(dir, 'records')}}
providers:
  sandbox: {kind: sandbox, url: ${sandbox.url}}
agent: {turn_detection: server_vad, tools: [send_sms, transfer_call, end_call]}
departments: {Sales: "+15005551111"}
transfer: {ring_s: 20}
outbound: {ring_s: 25}
carriers:
  plivo: {auth_id: ${ID}, auth_token: "${TOKEN}", phone_number: "${OURS}", application: gw, record: true, api_base: "${base}"}
  twilio: {account_sid: ${SID}, auth_token: "${TOKEN}", phone_number: "${OURS}", api_base: "${base}"}
`);
const { url: gateway } = await startGateway(['-c', join(dir, 'gateway.yaml')], { cwd: dir, ready: /plivo\.ready/ });
asked.length = 0;

const post = (path, body) => fetch(`${gateway}${path}`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });

/** A call of the simulated phone, up and greeted. */
async function talk(as, sid) {
  const caller = spawn(process.env.RINGTRIP, ['phone', `${gateway}${as === 'plivo' ? '/answer' : '/twiml'}`, '--as', as, '--auth-token', TOKEN,
    '--sign-base', PUBLIC, '--stream-base', gateway.replace('http', 'ws'), '--max-s', '50', '--hangup', 'never', '--call-sid', sid, '-q'],
  { stdio: 'ignore' });
  cleanup(() => caller.kill('SIGKILL'));
  for (let i = 0; i < 200; i++) {
    const call = await (await fetch(`${gateway}/v1/calls/${sid}`)).json();
    if (call.status === 'in_progress') {
      await new Promise((done) => setTimeout(done, 2500)); // its greeting
      return caller;
    }
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error('the call is not up');
}

// ---- Plivo ----

const UUID = '4d04c52e-0f5c-4f9c-9f5e-0a1b2c3d4e5f';

test('plivo: a call is asked for as the client does', async () => {
  assert.equal((await post('/v1/calls', { to: CALLEE, carrier: 'plivo', on_machine: 'voicemail', voicemail: 'Call us.' })).status, 201);
  const ours = await request(/^POST .*\/Call\/$/);
  const b = ours.body;
  assert.ok(b.answer_url.startsWith(`${PUBLIC}/answer?attempt=`) && b.machine_detection_url.startsWith(`${PUBLIC}/plivo/amd?attempt=`));
  await same(ours, () => theirs.plivo.calls.create(OURS.slice(1), CALLEE.slice(1), b.answer_url, { answerMethod: 'POST',
    ringUrl: b.ring_url, ringMethod: 'POST', hangupUrl: b.hangup_url, hangupMethod: 'POST', fallbackUrl: b.fallback_url, fallbackMethod: 'POST',
    ringTimeout: 25, machineDetection: 'true', machineDetectionUrl: b.machine_detection_url, machineDetectionMethod: 'POST',
    ...('machine_detection_time' in b ? { machineDetectionTime: b.machine_detection_time } : {}),
    ...('time_limit' in b ? { timeLimit: b.time_limit } : {}) }), /^POST .*\/Call\/$/);
});

test('plivo: messages, recordings and transfers are asked for as the client does', async () => {
  await talk('plivo', UUID);
  assert.equal((await post(`/v1/calls/${UUID}/record`)).status, 202);
  const record = await request(/^POST .*\/Record\/$/);
  await same(record, () => theirs.plivo.calls.record(UUID, { timeLimit: 86400, fileFormat: 'wav', recordChannelType: 'stereo',
    callbackUrl: `${PUBLIC}/plivo/recording`, callbackMethod: 'POST' }), /^POST .*\/Record\/$/);
  await post(`/v1/calls/${UUID}/text`, { text: 'please text me' });
  const message = await request(/^POST .*\/Message\/$/);
  await same(message, () => theirs.plivo.messages.create({ src: OURS.slice(1), dst: CALLEE.slice(1), text: TEXT, url: `${PUBLIC}/plivo/sms`,
    method: 'POST' }), /^POST .*\/Message\/$/, ['log']);
  await new Promise((done) => setTimeout(done, 2500));
  await post(`/v1/calls/${UUID}/text`, { text: 'sales please' });
  const transfer = await request(/^POST .*\/Call\/[^/]+\/$/);
  await same(transfer, () => theirs.plivo.calls.transfer(UUID, { legs: 'aleg', alegUrl: transfer.body.aleg_url, alegMethod: 'POST' }),
    /^POST .*\/Call\/[^/]+\/$/);
  assert.equal(transfer.body.aleg_url, `${PUBLIC}/plivo/transfer?to=%2B15005551111`);
}, 90000);

// ---- Twilio ----

const CALL = 'CA00112233445566778899aabbccddeeff';

test('twilio: a call is asked for as the client does', async () => {
  assert.equal((await post('/v1/calls', { to: '+15005550008', carrier: 'twilio', on_machine: 'voicemail', voicemail: 'Call us.' })).status, 201);
  const ours = await request(/^POST .*Calls\.json/);
  const b = ours.body;
  assert.ok(b.Url.startsWith(PUBLIC) && b.Url.includes('attempt='));
  await same(ours, () => theirs.twilio.calls.create({ to: '+15005550008', from: OURS, url: b.Url, ...(b.Method ? { method: b.Method } : {}),
    statusCallback: b.StatusCallback, ...(b.StatusCallbackMethod ? { statusCallbackMethod: b.StatusCallbackMethod } : {}),
    statusCallbackEvent: b.StatusCallbackEvent, timeout: 25, ...(b.TimeLimit ? { timeLimit: Number(b.TimeLimit) } : {}),
    ...(b.FallbackUrl ? { fallbackUrl: b.FallbackUrl } : {}), ...(b.FallbackMethod ? { fallbackMethod: b.FallbackMethod } : {}),
    machineDetection: 'DetectMessageEnd', ...(b.MachineDetectionTimeout ? { machineDetectionTimeout: Number(b.MachineDetectionTimeout) } : {}),
    asyncAmd: 'true', asyncAmdStatusCallback: b.AsyncAmdStatusCallback,
    ...(b.AsyncAmdStatusCallbackMethod ? { asyncAmdStatusCallbackMethod: b.AsyncAmdStatusCallbackMethod } : {}) }), /^POST .*Calls\.json/);
});

test('twilio: messages, recordings, transfers and hang-ups are asked for as the client does', async () => {
  await talk('twilio', CALL);
  assert.equal((await post(`/v1/calls/${CALL}/record`)).status, 202);
  const record = await request(/^POST .*Recordings\.json/);
  await same(record, () => theirs.twilio.calls(CALL).recordings.create({ recordingChannels: 'dual',
    recordingStatusCallback: `${PUBLIC}/twilio/recording`, recordingStatusCallbackMethod: 'POST',
    recordingStatusCallbackEvent: ['completed', 'absent'] }), /^POST .*Recordings\.json/);
  await post(`/v1/calls/${CALL}/text`, { text: 'please text me' });
  const message = await request(/^POST .*Messages\.json/);
  await same(message, () => theirs.twilio.messages.create({ to: CALLEE, from: OURS, body: TEXT }), /^POST .*Messages\.json/);
  await new Promise((done) => setTimeout(done, 2500));
  await post(`/v1/calls/${CALL}/text`, { text: 'sales please' });
  const transfer = await request(/^POST .*Calls\/.*\.json/);
  const document = new twilio.twiml.VoiceResponse();
  document.dial({ action: `${PUBLIC}/twilio/dialled`, timeout: 20 }).number('+15005551111');
  const attributes = (xml) => xml.replace(/^<\?xml[^>]*\?>/, '').match(/[\w+:/.-]+(="[^"]*")?/g).sort();
  assert.ok(attributes(document.toString()).filter((a) => !a.includes('dialled')).every((a) => attributes(transfer.body.Twiml).includes(a)),
    transfer.body.Twiml);
  await same(transfer, () => theirs.twilio.calls(CALL).update({ twiml: transfer.body.Twiml }), /^POST .*Calls\/.*\.json/);
  const other = CALL.replace(/ff$/, '00');
  await talk('twilio', other);
  assert.equal((await post(`/v1/calls/${other}/hangup`, {})).status, 202);
  await same(await request(/^POST .*Calls\/.*00\.json/), () => theirs.twilio.calls(other).update({ status: 'completed' }), /^POST .*Calls\/.*00\.json/);
}, 120000);

await run();
