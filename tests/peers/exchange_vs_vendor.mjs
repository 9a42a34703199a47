// The account that `ringtrip phone --answer` plays, held to Twilio's own Node client: what that client asks it must take,
// what it answers that client must understand, its callbacks must carry signatures that the library calls valid, and the
// call that it makes must fetch the TwiML that the library has written.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';

import twilio from 'twilio';
import { WebSocketServer } from 'ws';

import { body, listen, run, start, test, until } from './lib.mjs';

const ACCOUNT = 'AC0123456789abcdef0123456789abcdef';
const TOKEN = '0123456789abcdef0123456789abcdef';
const OURS = '+15005550006';

// A server of the vendor's making: its TwiML, its check of signatures.
const callbacks = [];
const server = createServer(async (req, res) => {
  const form = Object.fromEntries(new URLSearchParams((await body(req)).toString()));
  const valid = twilio.validateRequest(TOKEN, req.headers['x-twilio-signature'] ?? '', `http://${host}${req.url}`, form);
  callbacks.push({ path: req.url, form, valid });
  if (req.url.startsWith('/answer')) {
    const twiml = new twilio.twiml.VoiceResponse();
    if (req.url === '/answer?wait') {
      twiml.connect().stream({ url: `ws://${host}/media` });
    } else {
      twiml.hangup();
    }
    res.writeHead(200, { 'Content-Type': 'text/xml' }).end(twiml.toString());
  } else {
    res.writeHead(204).end();
  }
});
const sockets = new WebSocketServer({ noServer: true });
let upgrades = 0;
server.on('upgrade', (req, socket, head) => {
  upgrades++;
  sockets.handleUpgrade(req, socket, head, (ws) => ws.on('error', () => {}));
});
const host = await listen(server);

/** The address of an account whose people are what they are after ringing so long. */
async function open(ringMs) {
  const { url } = await start(process.env.RINGTRIP, ['phone', '--answer', '--listen', '127.0.0.1:0', '--account', ACCOUNT,
    '--auth-token', TOKEN, '--deliver', `http://${host}`, '--ring-ms', String(ringMs), '--callee', '+15550009999=busy',
    '--callee', '+15550008888=no-answer', '-q']);
  return url.replace(/\/$/, '');
}
const quick = await open(100);
const patient = await open(60000);
let url = quick;

function client(account = ACCOUNT, token = TOKEN) {
  const c = twilio(account, token);
  c.api.baseUrl = url;
  return c;
}

const dial = (to, more = {}) => client().calls.create({ to, from: OURS, url: `http://${host}/answer?attempt=a1`,
  statusCallback: `http://${host}/status?attempt=a1`, statusCallbackMethod: 'POST',
  statusCallbackEvent: ['initiated', 'ringing', 'answered', 'completed'], timeout: 20, ...more });
const statuses = (sid) => callbacks.filter((c) => c.path.startsWith('/status') && c.form.CallSid === sid);

test('the account answers the check of credentials', async () => {
  const account = await client().api.accounts(ACCOUNT).fetch();
  assert.equal(account.sid, ACCOUNT);
  assert.equal(account.status, 'active');
});

test('wrong credentials are the vendor\'s error', async () => {
  await assert.rejects(client(ACCOUNT, 'wrong').calls.create({ to: '+15550002222', from: OURS, url: `http://${host}/answer` }),
    (error) => error.status === 401 && error.code === 20003);
});

test('a call is made, answered, and told about with valid signatures, in order', async () => {
  const call = await dial('+15550002222');
  assert.match(call.sid, /^CA[0-9a-f]{32}$/);
  assert.equal(call.status, 'queued');
  assert.equal(call.direction, 'outbound-api');
  const told = await until(() => statuses(call.sid).length === 4 && statuses(call.sid));
  told.sort((a, b) => a.form.SequenceNumber - b.form.SequenceNumber); // each is a request for itself
  assert.deepEqual(told.map((c) => c.form.CallStatus), ['initiated', 'ringing', 'in-progress', 'completed']);
  assert.deepEqual(told.map((c) => c.form.SequenceNumber), ['0', '1', '2', '3']);
  assert.ok(callbacks.every((c) => c.valid));
  const answer = callbacks.find((c) => c.path.startsWith('/answer') && c.form.CallSid === call.sid);
  assert.equal(answer.form.CallStatus, 'in-progress');
  assert.equal(answer.form.Direction, 'outbound-api');
  const record = await client().calls(call.sid).fetch();
  assert.equal(record.status, 'completed');
  assert.equal(record.to, '+15550002222');
  assert.ok(record.dateCreated instanceof Date && Math.abs(Date.now() - record.dateCreated) < 60000);
});

test('the fallback URL is told which URL gave no document, and why', async () => {
  const url = `http://${host}/nothing`;
  const call = await dial('+15550002222', { url, fallbackUrl: `http://${host}/answer?fallback` });
  const asked = await until(() => callbacks.find((c) => c.path === '/answer?fallback' && c.form.CallSid === call.sid));
  assert.ok(asked.valid);
  assert.equal(asked.form.ErrorCode, '12300'); // 204, without a document
  assert.equal(asked.form.ErrorUrl, url);
});

test('busy and no answer are what they are', async () => {
  const busy = await dial('+15550009999');
  const last = await until(() => statuses(busy.sid).find((c) => c.form.SipResponseCode));
  assert.equal(last.form.CallStatus, 'busy');
  assert.equal(last.form.SipResponseCode, '486');
});

test('a ringing call is canceled, and a second time it is over', async () => {
  url = patient; // it rings until it is canceled, however slow this machine is
  const call = await dial('+15550008888', { timeout: 60 });
  await until(() => statuses(call.sid).find((c) => c.form.CallStatus === 'ringing'));
  const canceled = await client().calls(call.sid).update({ status: 'canceled' });
  assert.equal(canceled.status, 'canceled');
  await assert.rejects(client().calls(call.sid).update({ status: 'completed' }), (error) => error.code === 21220);
  url = quick;
});

test('the list is searched by number', async () => {
  const calls = await client().calls.list({ to: '+15550009999', from: OURS, limit: 20 });
  assert.ok(calls.length >= 1);
  assert.ok(calls.every((c) => c.to === '+15550009999'));
});

test('what is wrong with a request has the vendor\'s number', async () => {
  await assert.rejects(dial('hello'), (error) => error.status === 400 && error.code === 21211);
  await assert.rejects(dial('+15550002222', { timeout: 9999 }), (error) => error.status === 400);
  await assert.rejects(dial('+15550002222', { fallbackUrl: 'nowhere' }), (error) => error.status === 400 && error.code === 21205);
  await assert.rejects(client().calls('CA00000000000000000000000000000000').fetch(), (error) => error.status === 404 && error.code === 20404);
});

test('a talk is given another document, from an address or inline, and hung up', async () => {
  const talk = async () => {
    const before = upgrades;
    const call = await dial('+15550002222', { url: `http://${host}/answer?wait` });
    await until(() => upgrades > before);
    return call;
  };
  const moved = await talk();
  const twiml = new twilio.twiml.VoiceResponse();
  twiml.say('Goodbye & thanks');
  twiml.hangup();
  assert.equal((await client().calls(moved.sid).update({ twiml: twiml.toString() })).status, 'in-progress');
  await until(() => statuses(moved.sid).find((c) => c.form.CallStatus === 'completed'));
  const led = await talk();
  await client().calls(led.sid).update({ url: `http://${host}/answer?moved`, method: 'POST' });
  const fetched = await until(() => callbacks.find((c) => c.path === '/answer?moved' && c.form.CallSid === led.sid));
  assert.ok(fetched.valid);
  await until(() => statuses(led.sid).find((c) => c.form.CallStatus === 'completed'));
  await assert.rejects(client().calls(led.sid).update({ twiml: twiml.toString() }), (error) => error.code === 21220);
  const ended = await talk();
  await client().calls(ended.sid).update({ status: 'completed' });
  await until(() => statuses(ended.sid).find((c) => c.form.CallStatus === 'completed'));
  assert.equal((await client().calls(ended.sid).fetch()).status, 'completed');
});

test('a text message is taken', async () => {
  const message = await client().messages.create({ to: '+15550002222', from: OURS, body: 'Hello & wélcome +1' });
  assert.match(message.sid, /^SM[0-9a-f]{32}$/);
  assert.equal(message.body, 'Hello & wélcome +1');
});

await run();
