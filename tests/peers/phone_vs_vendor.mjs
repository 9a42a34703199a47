// The phone held to the vendor's own server side: @openai/agents-extensions' Twilio transport answers its calls, and the
// Twilio library checks its signatures. What the phone sends must be understood there; what that server sends must pass
// the phone's strictness. The model behind it is the sandbox.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';

import { RealtimeAgent, RealtimeSession, tool } from '@openai/agents-realtime';
import { TwilioRealtimeTransportLayer } from '@openai/agents-extensions';
import twilio from 'twilio';
import { WebSocketServer } from 'ws';
import { z } from 'zod';

import { body, folder, listen, run, startSandbox, test } from './lib.mjs';

const TOKEN = '0123456789abcdef0123456789abcdef';
const sandbox = await startSandbox('--speed', '1');
const dir = await folder();

/** One gateway of the vendor's making. What happened is kept per call. */
class Gateway {
  calls = [];
  statuses = [];

  async open() {
    this.http = createServer((req, res) => this.#request(req, res));
    const sockets = new WebSocketServer({ noServer: true });
    this.http.on('upgrade', (req, socket, head) => {
      const call = this.calls.at(-1);
      call.upgrade = {
        url: req.url,
        agent: req.headers['user-agent'],
        valid: twilio.validateRequest(TOKEN, req.headers['x-twilio-signature'], `ws://${this.host}${req.url}`, {}),
      };
      sockets.handleUpgrade(req, socket, head, (ws) => this.#media(ws, call));
    });
    this.host = await listen(this.http);
  }

  async #request(req, res) {
    const params = Object.fromEntries(new URLSearchParams((await body(req)).toString()));
    const valid = twilio.validateRequest(TOKEN, req.headers['x-twilio-signature'], `http://${this.host}${req.url}`, params);
    if (req.url === '/status') {
      this.statuses.push({ params, valid });
      res.writeHead(204).end();
      return;
    }
    this.calls.push({ params, valid, agent: req.headers['user-agent'], type: req.headers['content-type'], messages: [], errors: [], tools: [] });
    const response = new twilio.twiml.VoiceResponse();
    const stream = response.connect().stream({ url: `ws://${this.host}/media-stream` });
    stream.parameter({ name: 'tenant', value: 'a & "b"' });
    response.say('Goodbye & <thanks>');
    res.writeHead(200, { 'Content-Type': 'text/xml' }).end(response.toString());
  }

  async #media(ws, call) {
    call.ws = ws;
    ws.on('close', (code) => (call.closeCode = code));
    const order = tool({
      name: 'check_order_status',
      description: 'Looks up an order',
      parameters: z.object({ order_number: z.string() }),
      execute: async (args) => {
        call.tools.push(args);
        return JSON.stringify({ status: 'shipped', order_number: args.order_number, carrier: 'FedEx', estimated_delivery: 'May third' });
      },
    });
    const transport = new TwilioRealtimeTransportLayer({ twilioWebSocket: ws });
    const session = new RealtimeSession(new RealtimeAgent({ name: 'Desk', instructions: 'Answer briefly.', tools: [order] }), {
      transport,
      model: 'gpt-realtime',
      // A session's own defaults are PCM at 24 kHz; Twilio's audio has to be asked for.
      config: {
        audio: {
          input: { format: { type: 'audio/pcmu' }, turnDetection: { type: 'server_vad', silenceDurationMs: 400 } },
          output: { format: { type: 'audio/pcmu' } },
        },
      },
    });
    session.on('transport_event', (event) => {
      if (event.type === 'twilio_message') {
        call.messages.push(event.message);
      }
    });
    session.on('error', (e) => call.errors.push(e));
    await session.connect({ apiKey: 'any', url: `${sandbox.url}?model=gpt-realtime` });
    call.session = session;
  }
}

const gateway = new Gateway();
await gateway.open();
let runs = 0;

/** Runs the phone; returns its exit status, its report and what the gateway saw. */
async function phone(...args) {
  const report = join(dir, `${++runs}.json`);
  const child = spawn(
    process.env.RINGTRIP,
    ['phone', `http://${gateway.host}/voice?tenant=7`, '--auth-token', TOKEN, '--report', report, '--max-s', '25', '--seed', '5', '--hangup', 'agent-stops:1000', ...args],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let text = '';
  child.stdout.on('data', (d) => (text += d));
  child.stderr.on('data', (d) => (text += d));
  const [status] = await once(child, 'close');
  const call = gateway.calls.at(-1);
  return { status, text, report: JSON.parse(await readFile(report, 'utf8')), call };
}

const events = (call, name) => call.messages.filter((m) => m.event === name);

test('a question is heard, looked up and answered, and every mark comes back', async () => {
  const record = join(dir, 'question.wav');
  const r = await phone('--when', 'after:600', '--say', 'Where is my order one two three four', '--record', record, '--expect-turns', '1',
    '--expect-agent-speech-ms', '1000', '--expect-hangup', 'caller', '--status-callback', `http://${gateway.host}/status`);
  assert.equal(r.status, 0, r.text);
  assert.deepEqual(r.call.errors, []);
  assert.deepEqual(r.call.tools, [{ order_number: '1234' }]);
  assert.equal(r.report.turns.length, 1);
  assert.ok(r.report.turns[0].gap_ms > 0 && r.report.turns[0].gap_ms < 5000, r.text);
  assert.equal(r.report.warnings_total, 0);
  assert.ok(r.report.marks.received > 3);
  assert.equal(r.report.marks.played, r.report.marks.received);
  assert.equal(r.report.marks.outstanding, 0);
  assert.equal(events(r.call, 'mark').length, r.report.marks.received);
  const wav = await readFile(record);
  assert.equal(wav.toString('latin1', 0, 4), 'RIFF');
  assert.equal(wav.length - 44, r.report.duration_ms * 32);
});

test('the Twilio library accepts the signatures of webhook, upgrade and status callback', async () => {
  const call = gateway.calls[0];
  assert.equal(call.valid, true);
  assert.equal(call.agent, 'TwilioProxy/1.1');
  assert.equal(call.type, 'application/x-www-form-urlencoded; charset=UTF-8');
  assert.equal(call.upgrade.valid, true);
  assert.equal(call.upgrade.agent, 'Twilio.TmeWs/1.0');
  assert.equal(gateway.statuses.length, 1);
  assert.equal(gateway.statuses[0].valid, true);
  assert.equal(gateway.statuses[0].params.CallStatus, 'completed');
  assert.equal(gateway.statuses[0].params.CallSid, call.params.CallSid);
});

test('the messages have the shapes that Twilio sends', async () => {
  const call = gateway.calls[0];
  assert.deepEqual(call.messages[0], { event: 'connected', protocol: 'Call', version: '1.0.0' });
  const start = call.messages[1];
  assert.equal(start.event, 'start');
  assert.equal(start.sequenceNumber, '1');
  assert.equal(start.start.callSid, call.params.CallSid);
  assert.equal(start.start.accountSid, call.params.AccountSid);
  assert.equal(start.streamSid, start.start.streamSid);
  assert.deepEqual(start.start.customParameters, { tenant: 'a & "b"' });
  assert.deepEqual(start.start.mediaFormat, { encoding: 'audio/x-mulaw', sampleRate: 8000, channels: 1 });
  const media = events(call, 'media');
  media.forEach((m, i) => {
    assert.equal(m.media.chunk, String(i + 1));
    assert.equal(m.media.timestamp, String(Number(media[0].media.timestamp) + 20 * i));
    assert.equal(Buffer.from(m.media.payload, 'base64').length, 160);
  });
  call.messages.slice(1).forEach((m, i) => assert.equal(m.sequenceNumber, String(i + 1)));
  assert.equal(call.messages.at(-1).event, 'stop');
  assert.equal(call.closeCode, 1000);
});

test('speaking over the agent clears it, and its marks return', async () => {
  const r = await phone('--when', 'after:600', '--say', 'What are your opening hours', '--when', 'agent-speaks:800', '--say',
    'Where is my order one two three four', '--delay', '30', '--jitter', '10', '--expect-stop-ms', '1500', '--expect-turns', '2');
  assert.equal(r.status, 0, r.text);
  assert.deepEqual(r.call.errors, []);
  assert.ok(r.report.clears.n >= 1, r.text);
  assert.ok(r.report.clears.dropped_bytes > 0);
  assert.ok(r.report.marks.returned_by_clear >= 1);
  assert.equal(r.report.turns[1].barge_in, true);
  assert.equal(r.report.marks.outstanding, 0);
  assert.equal(r.report.warnings_total, 0);
});

test('when the server closes, the TwiML goes on and the agent has hung up', async () => {
  const before = gateway.calls.length;
  const closing = (async () => {
    while (gateway.calls.length === before || events(gateway.calls.at(-1), 'media').length < 20) {
      await new Promise((yes) => setTimeout(yes, 20));
    }
    gateway.calls.at(-1).ws.close(1000);
  })();
  const r = await phone('--hangup', 'never', '--expect-hangup', 'agent');
  await closing;
  assert.equal(r.status, 0, r.text);
  assert.deepEqual(r.report.verbs_after_stream, ['Say Goodbye & <thanks>']);
});

test('keys reach the server one by one', async () => {
  const r = await phone('--when', 'start', '--dtmf', '12#', '--hangup', 'after:100');
  assert.equal(r.status, 0, r.text);
  assert.deepEqual(events(r.call, 'dtmf').map((m) => m.dtmf), ['1', '2', '#'].map((digit) => ({ track: 'inbound_track', digit })));
});

test('a server that adds a key fails the run with the number', async () => {
  const before = gateway.calls.length;
  const breaking = (async () => {
    while (gateway.calls.length === before || events(gateway.calls.at(-1), 'media').length < 5) {
      await new Promise((yes) => setTimeout(yes, 20));
    }
    const call = gateway.calls.at(-1);
    call.ws.send(JSON.stringify({ event: 'clear', streamSid: events(call, 'start')[0].streamSid, why: 'surplus' }));
  })();
  const r = await phone('--hangup', 'after:600');
  await breaking;
  assert.equal(r.status, 1, r.text);
  assert.deepEqual(r.report.warnings.map((w) => w.code), [31951]);
});

await run();
