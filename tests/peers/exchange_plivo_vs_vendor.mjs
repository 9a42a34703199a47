// The account that `ringtrip phone --answer --as plivo` plays, held to Plivo's own Node client: what that client asks it
// must take, what it answers that client must understand, its callbacks must carry signatures that the library calls
// valid, and the call that it makes must fetch the document that the library has written.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';

import { WebSocketServer } from 'ws';

import { body, listen, plivoAt, run, start, test, until } from './lib.mjs';

const ID = 'MA0123456789ABCDEFGH';
const TOKEN = '0123456789abcdef0123456789abcdef';
const OURS = '15005550006';

let account;
const plivo = plivoAt(() => account);

// A server of the vendor's making: its documents, its check of signatures.
const callbacks = [];
const server = createServer(async (req, res) => {
  const form = Object.fromEntries(new URLSearchParams((await body(req)).toString()));
  const valid = plivo.validateV3Signature('POST', `http://${host}${req.url}`, req.headers['x-plivo-signature-v3-nonce'], TOKEN,
    req.headers['x-plivo-signature-v3'] ?? '', form);
  callbacks.push({ path: req.url, form, valid });
  if (req.url.startsWith('/answer') || req.url.startsWith('/moved')) {
    const response = new plivo.Response();
    if (req.url.startsWith('/answer?wait')) {
      response.addStream(`ws://${host}/ws`, { bidirectional: 'true', keepCallAlive: 'true', contentType: 'audio/x-mulaw;rate=8000' });
    }
    response.addHangup();
    res.writeHead(200, { 'Content-Type': 'application/xml' }).end(response.toXML());
  } else {
    res.writeHead(200).end('OK');
  }
});
const sockets = new WebSocketServer({ noServer: true });
let upgrades = 0;
let refuse = 0;
server.on('upgrade', (req, socket, head) => {
  upgrades++;
  if (refuse > 0) {
    refuse--;
    socket.end('HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n');
    return;
  }
  sockets.handleUpgrade(req, socket, head, (ws) => ws.on('error', () => {}));
});
const host = await listen(server);

/** The address of an account whose people are what they are after ringing so long. */
async function open(ringMs) {
  const { url } = await start(process.env.RINGTRIP, ['phone', '--answer', '--as', 'plivo', '--listen', '127.0.0.1:0', '--account', ID,
    '--auth-token', TOKEN, '--deliver', `http://${host}`, '--ring-ms', String(ringMs), '--callee', '+15550009999=busy',
    '--callee', '+15550008888=no-answer', '--callee', '+15550007777=machine', '--hangup', 'never', '-q']);
  return url.replace(/\/$/, '');
}
const quick = await open(100);
const patient = await open(60000);
account = quick;

const client = (id = ID, token = TOKEN) => new plivo.Client(id, token, { url: `${account}/v1/Account/${id}` });

async function quietly(fn) {
  const log = console.log; // the library prints its parameters
  console.log = () => {};
  try {
    return await fn();
  } finally {
    console.log = log;
  }
}

const dial = (to, more = {}, path = '/answer?attempt=a1') => client().calls.create(OURS, to, `http://${host}${path}`, {
  answerMethod: 'POST', hangupUrl: `http://${host}/hangup?attempt=a1`, hangupMethod: 'POST', ringUrl: `http://${host}/ring?attempt=a1`,
  ringMethod: 'POST', ringTimeout: 20, ...more });
const told = (path, request) => callbacks.find((c) => c.path.startsWith(path) && c.form.RequestUUID === request);

test('wrong credentials are the vendor\'s error', async () => {
  await assert.rejects(client(ID, 'wrong').calls.create(OURS, '15550002222', `http://${host}/answer`, {}));
});

test('a call is made, answered, and told about with valid signatures', async () => {
  const call = await dial('15550002222');
  assert.equal(call.message, 'call fired');
  assert.match(call.requestUuid, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/);
  const end = await until(() => told('/hangup', call.requestUuid));
  assert.equal(end.form.Event, 'Hangup');
  assert.equal(end.form.CallStatus, 'completed');
  assert.equal(end.form.HangupCause, 'NORMAL_CLEARING');
  assert.equal((await until(() => told('/ring', call.requestUuid))).form.Event, 'Ring'); // each request for itself
  const answer = told('/answer', call.requestUuid);
  assert.equal(answer.form.Event, 'StartApp');
  assert.equal(answer.form.Direction, 'outbound');
  assert.equal(answer.form.CallStatus, 'in-progress');
  assert.equal(answer.form.To, '15550002222');
  assert.equal(answer.form.ALegUUID, answer.form.CallUUID);
  assert.ok(callbacks.every((c) => c.valid), JSON.stringify(callbacks.filter((c) => !c.valid)));
  const record = await client().calls.get(answer.form.CallUUID);
  assert.equal(record.callUuid, answer.form.CallUUID);
  assert.equal(record.toNumber, '15550002222');
  assert.equal(record.hangupCauseCode, 4000);
});

test('busy and no answer are what they are', async () => {
  const busy = await dial('15550009999');
  const end = await until(() => told('/hangup', busy.requestUuid));
  assert.equal(end.form.CallStatus, 'busy');
  assert.equal(end.form.HangupCauseCode, '3010');
  assert.equal(end.form.BillDuration, '0');
  assert.equal(end.form.AnswerTime, '');
});

test('a ringing call is canceled by its request, and a second time it is over', async () => {
  account = patient; // it rings until it is canceled, however slow this machine is
  const call = await dial('15550008888', { ringTimeout: 60 });
  await until(() => told('/ring', call.requestUuid));
  const queued = await client().calls.listQueuedCalls().catch(() => []);
  assert.ok(!JSON.stringify(queued).includes(call.requestUuid)); // it rings: that is live
  await client().calls.cancel(call.requestUuid);
  const end = await until(() => told('/hangup', call.requestUuid));
  assert.equal(end.form.CallStatus, 'cancel');
  await assert.rejects(client().calls.cancel(call.requestUuid), (error) => error.status === 404 || /404|not found/.test(error.message));
  account = quick;
});

test('a talk is found among the live ones, recorded, given another document, and hung up', async () => {
  const call = await dial('15550002222', {}, '/answer?wait=1');
  const answer = await until(() => told('/answer', call.requestUuid));
  const uuid = answer.form.CallUUID;
  await until(() => upgrades > 0);
  const live = await client().calls.getLiveCall(uuid);
  assert.equal(live.callStatus, 'in-progress');
  assert.ok(JSON.stringify(await client().calls.listLiveCalls()).includes(uuid));
  const recording = await client().calls.record(uuid, { timeLimit: 600, fileFormat: 'wav' });
  assert.equal(recording.message, 'call recording started');
  const digits = await fetch(`${account}/v1/Account/${ID}/Call/${uuid}/DTMF/`, { method: 'POST', body: '{}', headers: {
    Authorization: `Basic ${Buffer.from(`${ID}:${TOKEN}`).toString('base64')}`, 'Content-Type': 'application/json' } });
  assert.equal(digits.status, 400);
  assert.match(await digits.text(), /digits parameter not present/);
  assert.equal((await client().calls.sendDigits(uuid, '12')).message, 'digits sent'); // that was one answer, not two
  const moved = await client().calls.transfer(uuid, { legs: 'aleg', alegUrl: `http://${host}/moved?to=x`, alegMethod: 'POST' });
  assert.equal(moved.message, 'call transferred');
  const fetched = await until(() => told('/moved', call.requestUuid));
  assert.equal(fetched.form.Event, 'Redirect');
  assert.ok(fetched.valid);
  const end = await until(() => told('/hangup', call.requestUuid));
  assert.equal(end.form.HangupSource, 'Answer XML');
  const before = upgrades;
  const other = await dial('15550002222', {}, '/answer?wait=2');
  const talk = await until(() => told('/answer', other.requestUuid));
  await until(() => upgrades > before);
  assert.equal(await client().calls.hangup(talk.form.CallUUID), true);
  assert.equal((await until(() => told('/hangup', other.requestUuid))).form.HangupSource, 'API Request');
});

test('a media socket that is refused is tried twice more', async () => {
  refuse = 2;
  const before = upgrades;
  const call = await dial('15550002222', {}, '/answer?wait=3');
  await until(() => upgrades === before + 3);
  const uuid = (await until(() => told('/answer', call.requestUuid))).form.CallUUID;
  assert.equal((await client().calls.getLiveCall(uuid)).callStatus, 'in-progress');
  await client().calls.hangup(uuid);
});

test('a machine is told of, before the document or beside it', async () => {
  const beside = await dial('15550007777', { machineDetection: 'true', machineDetectionUrl: `http://${host}/machine?attempt=a1`,
    machineDetectionMethod: 'POST', machineDetectionTime: 5000 });
  assert.equal((await until(() => told('/answer', beside.requestUuid))).form.Machine, undefined);
  const before = await dial('15550007777', { machineDetection: 'true' });
  assert.equal((await until(() => told('/answer', before.requestUuid))).form.Machine, 'true');
}, 30000);

test('what is wrong with a request is said in the vendor\'s way', async () => {
  await assert.rejects(dial('hello'), (error) => error.status === 400 && /not a valid number/.test(error.message));
  await assert.rejects(dial(OURS), (error) => error.status === 400 && /cannot be same/.test(error.message));
  await assert.rejects(client().calls.get('4d04c52e-0f5c-4f9c-9f5e-0a1b2c3d4e5f'), (error) => error.status === 404);
});

test('an application is made, changed, and given to the number', async () => {
  const made = await quietly(() => client().applications.create('gw', { answerUrl: `http://${host}/answer`, answerMethod: 'POST' }));
  assert.ok(made.appId);
  await client().applications.update(made.appId, { answerUrl: `http://${host}/new` });
  const app = await client().applications.get(made.appId);
  assert.equal(app.answerUrl, `http://${host}/new`);
  const list = await client().applications.list({ limit: 20, offset: 0 });
  assert.equal(list.length, 1);
  await client().numbers.update(OURS, { appId: made.appId });
  assert.ok((await client().numbers.get(OURS)).application.endsWith(`/Application/${made.appId}/`));
  const other = await quietly(() => client().applications.create('gw2', { answerUrl: `http://${host}/answer` }));
  await client().applications.delete(made.appId);
  const third = await quietly(() => client().applications.create('gw3', { answerUrl: `http://${host}/answer` }));
  assert.equal(new Set([made.appId, other.appId, third.appId]).size, 3);
});

test('a text message is taken, for one or for several', async () => {
  const one = await client().messages.create({ src: OURS, dst: '15550002222', text: 'Hello & wélcome +1' });
  assert.equal(one.messageUuid.length, 1);
  const two = await client().messages.create({ src: OURS, dst: '15550002222<15550003333', text: 'hi' });
  assert.equal(two.messageUuid.length, 2);
});

await run();
