// The sandbox held to the vendor's agents client: what @openai/agents-realtime does with a real service must work.
import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { OpenAIRealtimeWebSocket, RealtimeAgent, RealtimeSession, tool } from '@openai/agents-realtime';
import WebSocket from 'ws';
import { z } from 'zod';

import { Log, run, startSandbox, test, truth } from './lib.mjs';
// The client's own schemas. What they refuse it ignores silently, so the tests ask them directly.
import { realtimeServerEventSchema } from './node_modules/@openai/agents-realtime/dist/openaiRealtimeEvents.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const sandbox = await startSandbox();
const calmSandbox = await startSandbox('--speed', '4'); // whose answers can be met while they are being sent
const handoffSandbox = await startSandbox('--dialogue', join(here, 'sandbox_handoff.yaml'));

const orderTool = (seen) =>
  tool({
    name: 'check_order_status',
    description: 'Looks up an order',
    parameters: z.object({ order_number: z.string() }),
    execute: async (args) => {
      seen.push(args);
      return JSON.stringify({ status: 'shipped', order_number: args.order_number, carrier: 'FedEx', estimated_delivery: 'May third' });
    },
  });

/** A connected session with a log of the wire events. Every event must pass the client's schemas. */
async function open({ agent, options = {}, url = sandbox.url, query = '' }) {
  const transport = new OpenAIRealtimeWebSocket();
  const session = new RealtimeSession(agent, { transport, model: 'gpt-realtime', ...options });
  const log = new Log();
  const errors = [];
  session.on('transport_event', (event) => log.push(event));
  session.on('error', (e) => errors.push(e));
  await session.connect({ apiKey: 'any', url: `${url}?model=gpt-realtime${query}` });
  return { session, transport, log, errors, close: () => session.close() };
}

const plainAgent = (extra = {}) => new RealtimeAgent({ name: 'Desk', instructions: 'Answer briefly.', ...extra });
const done = (e) => e.type === 'response.done';
const transcriptOf = (e) => e.response.output.flatMap((i) => i.content ?? []).map((c) => c.transcript ?? c.text).join(' ');

function assertSchemas(log) {
  for (const event of log.items) {
    const r = realtimeServerEventSchema.safeParse(event);
    if (!r.success && event.type !== 'connection_change' && /^(response|conversation|session|input_audio_buffer|rate_limits|error)/.test(event.type)) {
      assert.fail(`the client's schema refuses ${JSON.stringify(event).slice(0, 400)}: ${r.error.message}`);
    }
  }
}

/** Speech by the sandbox's own voice: what the caller says. 24 kHz PCM. */
async function say(text) {
  const ws = new WebSocket(`${sandbox.url}?model=gpt-realtime`);
  const audio = [];
  await new Promise((yes, no) => {
    ws.on('error', no);
    ws.on('message', (m) => {
      const e = JSON.parse(m);
      if (e.type === 'session.created') {
        ws.send(JSON.stringify({ type: 'response.create', response: { instructions: `Say exactly: "${text}"` } }));
      } else if (e.type === 'response.output_audio.delta') {
        audio.push(Buffer.from(e.delta, 'base64'));
      } else if (e.type === 'response.done') {
        yes();
      }
    });
  });
  ws.close();
  return Buffer.concat(audio);
}

/** 20 ms pieces, as a caller's audio comes, but not in real time: the VAD's clock is the audio itself. */
function sendAudio(session, pcm) {
  for (let at = 0; at < pcm.length; at += 960) {
    const piece = pcm.subarray(at, at + 960);
    session.sendAudio(piece.buffer.slice(piece.byteOffset, piece.byteOffset + piece.length));
  }
}

test('typed text is answered aloud and both sides are in the history', async () => {
  const s = await open({ agent: plainAgent() });
  let audioBytes = 0;
  s.session.on('audio', (a) => (audioBytes += a.data.byteLength));
  s.session.sendMessage('What are your opening hours?');
  const e = await s.log.find(done);
  assert.equal(e.response.status, 'completed');
  assert.match(transcriptOf(e), /nine in the morning/);
  await s.log.find((x) => x.type === 'rate_limits.updated');
  assert.ok(audioBytes > 48000, `only ${audioBytes} bytes of audio`);
  const roles = s.session.history.filter((i) => i.type === 'message').map((i) => [i.role, i.status]);
  assert.deepEqual(roles, [['user', 'completed'], ['assistant', 'completed']]);
  assert.match(s.session.history[1].content[0].transcript, /nine in the morning/);
  assertSchemas(s.log);
  assert.deepEqual(s.errors, []);
  s.close();
});

test('a picture is taken as the client sends it, and counted', async () => {
  const pixel = 'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
  const s = await open({ agent: plainAgent(), options: { config: { outputModalities: ['text'] } } });
  s.session.addImage(pixel, { triggerResponse: false });
  const added = await s.log.find((e) => e.type === 'conversation.item.added');
  assert.deepEqual(added.item.content, [{ type: 'input_image', image_url: pixel, detail: 'auto' }]);
  s.session.sendMessage('hello');
  const e = await s.log.find(done);
  assert.equal(e.response.usage.input_token_details.image_tokens, 255);
  // The client sends pictures, but its schema of what comes back knows none: such items pass it by.
  assertSchemas({ items: s.log.items.filter((x) => x.item?.content?.[0]?.type !== 'input_image') });
  assert.deepEqual(s.errors, []);
  s.session.addImage('data:image/gif;base64,R0lGODlh', { triggerResponse: false });
  const refused = await s.log.find((x) => x.type === 'error');
  assert.equal(refused.error.param, 'item.content[0].image_url');
  s.close();
});

test('text-only sessions answer in text', async () => {
  const s = await open({ agent: plainAgent(), options: { config: { outputModalities: ['text'] } } });
  s.session.sendMessage('hello');
  const e = await s.log.find(done);
  assert.equal(e.response.output[0].content[0].type, 'output_text');
  assert.match(e.response.output[0].content[0].text, /How can I help/);
  assert.equal(s.log.items.filter((x) => x.type.includes('audio')).length, 0);
  assertSchemas(s.log);
  s.close();
});

test('a function call runs the tool and its result is spoken', async () => {
  const seen = [];
  const s = await open({ agent: plainAgent({ tools: [orderTool(seen)] }) });
  s.session.sendMessage('Where is my order 4711?');
  await s.log.find((x) => done(x) && /FedEx/.test(transcriptOf(x)));
  assert.deepEqual(seen, [{ order_number: '4711' }]);
  const call = s.session.history.find((i) => i.type === 'function_call');
  assert.equal(call.status, 'completed');
  assert.match(call.output, /shipped/);
  assertSchemas(s.log);
  assert.deepEqual(s.errors, []);
  s.close();
});

test('a tool that was not declared is not called', async () => {
  const s = await open({ agent: plainAgent() });
  s.session.sendMessage('Where is my order 4711?');
  const e = await s.log.find(done);
  assert.equal(e.response.output.length, 1);
  assert.match(transcriptOf(e), /cannot do that/);
  s.close();
});

test('an interruption cancels and truncates, and the next turn works', async () => {
  const s = await open({ agent: plainAgent(), query: '&fault=obfuscation' });
  s.session.sendMessage('What are your opening hours?');
  await s.log.find((x) => x.type === 'response.output_audio.delta');
  await new Promise((r) => setTimeout(r, 60));
  s.session.interrupt();
  const e = await s.log.find(done);
  assert.equal(e.response.status, 'cancelled');
  assert.deepEqual(e.response.status_details, { type: 'cancelled', reason: 'client_cancelled' });
  assert.equal(e.response.output[0].status, 'incomplete');
  const cut = await s.log.find((x) => x.type === 'conversation.item.truncated');
  assert.equal(cut.item_id, e.response.output[0].id);
  const back = await s.log.find((x) => x.type === 'conversation.item.retrieved');
  assert.equal(back.item.id, cut.item_id);
  const from = s.log.length;
  s.session.sendMessage('hello');
  const next = await s.log.find(done, from);
  assert.equal(next.response.status, 'completed');
  assertSchemas(s.log);
  assert.deepEqual(s.errors, []);
  s.close();
});

test('a guardrail stops the answer and a new one follows', async () => {
  const s = await open({
    agent: plainAgent(),
    options: {
      outputGuardrails: [
        {
          name: 'opening times',
          execute: async ({ agentOutput }) => ({ tripwireTriggered: /morning/.test(agentOutput), outputInfo: { hit: true } }),
        },
      ],
      outputGuardrailSettings: { debounceTextLength: 20 },
    },
  });
  const tripped = new Promise((yes) => s.session.on('guardrail_tripped', yes));
  s.session.sendMessage('What are your opening hours?');
  await tripped;
  const first = await s.log.find(done);
  const second = await s.log.find((x) => done(x) && x.response.id !== first.response.id);
  assert.equal(second.response.status, 'completed');
  assert.match(transcriptOf(second), /did not get that/);
  assertSchemas(s.log);
  s.close();
});

test('a handoff replaces the tools and keeps the conversation', async () => {
  const refunds = [];
  const billing = new RealtimeAgent({
    name: 'Billing Desk',
    instructions: 'You do billing.',
    tools: [
      tool({
        name: 'refund',
        description: 'Refunds an invoice',
        parameters: z.object({ invoice: z.string() }),
        execute: async (args) => {
          refunds.push(args);
          return JSON.stringify({ amount: 12 });
        },
      }),
    ],
  });
  const s = await open({ agent: plainAgent({ handoffs: [billing] }), url: handoffSandbox.url });
  let handoffs = 0;
  s.session.on('agent_handoff', () => handoffs++);
  s.session.sendMessage('I have a question about my invoice');
  await s.log.find((x) => done(x) && /speak to billing/.test(transcriptOf(x)));
  assert.equal(handoffs, 1);
  const from = s.log.length;
  s.session.sendMessage('I want a refund');
  await s.log.find((x) => done(x) && /Refunded 12 dollars/.test(transcriptOf(x)), from);
  assert.deepEqual(refunds, [{ invoice: '77' }]);
  assertSchemas(s.log);
  assert.deepEqual(s.errors, []);
  s.close();
});

test('spoken words are heard by server VAD, transcribed and answered with a tool', async () => {
  const seen = [];
  const s = await open({
    agent: plainAgent({ tools: [orderTool(seen)] }),
    options: { config: { audio: { input: { turnDetection: { type: 'server_vad', silenceDurationMs: 500 } } } } },
  });
  const speech = await say('where is my order one two three four');
  sendAudio(s.session, Buffer.concat([Buffer.alloc(24000), speech, Buffer.alloc(48000)]));
  const heard = await s.log.find((x) => x.type === 'conversation.item.input_audio_transcription.completed');
  assert.equal(heard.transcript, 'where is my order one two three four');
  await s.log.find((x) => done(x) && /FedEx/.test(transcriptOf(x)));
  assert.deepEqual(seen, [{ order_number: '1234' }]);
  const order = s.log.items.map((x) => x.type);
  assert.ok(order.indexOf('input_audio_buffer.speech_started') < order.indexOf('input_audio_buffer.speech_stopped'));
  assert.ok(order.indexOf('input_audio_buffer.speech_stopped') < order.indexOf('input_audio_buffer.committed'));
  const user = s.session.history.find((i) => i.role === 'user');
  assert.equal(user.content[0].transcript, 'where is my order one two three four');
  assertSchemas(s.log);
  assert.deepEqual(s.errors, []);
  s.close();
});

test('speaking over the answer stops it, as the server decides', async () => {
  const s = await open({ agent: plainAgent() });
  const speech = await say('please repeat that');
  s.session.sendMessage('What are your opening hours?');
  await s.log.find((x) => x.type === 'response.output_audio.delta');
  let interrupted = 0;
  s.session.on('audio_interrupted', () => interrupted++);
  sendAudio(s.session, Buffer.concat([Buffer.alloc(9600), speech, Buffer.alloc(96000)]));
  const e = await s.log.find(done);
  assert.deepEqual(e.response.status_details, { type: 'cancelled', reason: 'turn_detected' });
  assert.equal(interrupted, 1);
  const from = s.log.items.indexOf(e) + 1;
  const next = await s.log.find(done, from);
  assert.equal(next.response.status, 'completed');
  assertSchemas(s.log);
  s.close();
});

test('every combination of create and interrupt, under both detectors, is what the client is told and what happens', async () => {
  const speech = await say('what are your opening hours');
  for (const type of ['server_vad', 'semantic_vad']) {
    for (const [createResponse, interruptResponse] of [[true, true], [true, false], [false, true], [false, false]]) {
      const s = await open({ agent: plainAgent(), url: calmSandbox.url, options: { config: { audio: { input: { turnDetection: { type, createResponse, interruptResponse } } } } } });
      const isTold = (td) => td?.type === type && td.create_response === createResponse && td.interrupt_response === interruptResponse;
      await s.log.find((x) => x.type === 'session.updated' && isTold(x.session.audio.input.turn_detection));
      s.transport.sendEvent({ type: 'response.create', response: { instructions: 'Say exactly: "One two three four five six seven eight nine ten eleven twelve. One two three four five six seven."' } });
      await s.log.find((x) => x.type === 'response.output_audio.delta');
      sendAudio(s.session, Buffer.concat([Buffer.alloc(9600), speech]));
      const e = await s.log.find(done);
      sendAudio(s.session, Buffer.alloc(96000));
      // With interrupt_response false the client itself cancels: that is its manner.
      assert.equal(e.response.status, 'cancelled');
      assert.equal(e.response.status_details.reason, interruptResponse ? 'turn_detected' : 'client_cancelled');
      await s.log.find((x) => x.type === 'input_audio_buffer.committed');
      const from = s.log.items.indexOf(e) + 1;
      if (!createResponse) {
        await s.log.find((x) => x.type === 'conversation.item.done' && x.item.role === 'user');
        assert.equal(s.log.items.slice(from).filter((x) => x.type === 'response.created').length, 0);
        s.transport.sendEvent({ type: 'response.create' });
      }
      assert.match(transcriptOf(await s.log.find(done, from)), /nine in the morning/);
      assertSchemas(s.log);
      assert.deepEqual(s.errors, []);
      s.close();
    }
  }
});

test('detection can be switched off, on and to another kind in mid-session', async () => {
  const s = await open({ agent: plainAgent(), options: { config: { audio: { input: { turnDetection: null } } } } });
  const speech = await say('what are your opening hours');
  const switchTo = async (turnDetection, type) => {
    const from = s.log.length;
    s.transport.updateSessionConfig({ audio: { input: { turnDetection } } });
    await s.log.find((x) => x.type === 'session.updated' && (x.session.audio.input.turn_detection?.type ?? null) === type, from);
    return s.log.length;
  };
  sendAudio(s.session, Buffer.concat([speech, Buffer.alloc(96000)]));
  let from = await switchTo({ type: 'server_vad', silenceDurationMs: 400 }, 'server_vad');
  assert.equal(s.log.items.filter((x) => x.type.startsWith('input_audio_buffer')).length, 0);
  s.transport.sendEvent({ type: 'input_audio_buffer.clear' });
  await s.log.find((x) => x.type === 'input_audio_buffer.cleared');
  for (const [turnDetection, type] of [[null, null], [{ type: 'semantic_vad', eagerness: 'high' }, 'semantic_vad'], [{ type: 'server_vad' }, 'server_vad']]) {
    from = await switchTo(turnDetection, type);
    sendAudio(s.session, Buffer.concat([Buffer.alloc(24000), speech, Buffer.alloc(96000)]));
    if (turnDetection === null) {
      s.transport.sendEvent({ type: 'input_audio_buffer.commit' });
      s.transport.sendEvent({ type: 'response.create' });
    }
    assert.match(transcriptOf(await s.log.find(done, from)), /nine in the morning/);
  }
  assertSchemas(s.log);
  assert.deepEqual(s.errors, []);
  s.close();
}, 40000);

test('what the client truncates is what the sandbox takes for heard', async () => {
  const s = await open({ agent: plainAgent() });
  const id = (await s.log.find((x) => x.type === 'session.created')).session.id;
  s.session.sendMessage('What are your opening hours?');
  await s.log.find((x) => x.type === 'response.output_audio.delta');
  await new Promise((r) => setTimeout(r, 700));
  s.session.interrupt();
  const cut = await s.log.find((x) => x.type === 'conversation.item.truncated');
  const item = await truth(sandbox.url, `items/${cut.item_id}`);
  assert.equal(item.truncated_ms, cut.audio_end_ms);
  assert.ok(item.truncated_ms > 300 && item.truncated_ms <= item.audio_ms, JSON.stringify(item));
  const heard = item.words.filter((w) => (w.start_ms + w.end_ms) / 2 <= cut.audio_end_ms).map((w) => w.word);
  assert.equal(item.heard, heard.join(' '));
  assert.ok(heard.length > 0 && item.text.startsWith(item.heard));
  const session = await truth(sandbox.url, `sessions/${id}`);
  assert.deepEqual(session.truncations.map((t) => [t.item_id, t.audio_end_ms]), [[cut.item_id, cut.audio_end_ms]]);
  assert.equal(session.counts.truncations, 1);
  s.close();
  await new Promise((r) => setTimeout(r, 100));
  assert.equal((await truth(sandbox.url, `items/${cut.item_id}`)).heard, item.heard); // the session is over
});

test('manual turns: append, commit, create', async () => {
  const s = await open({ agent: plainAgent(), options: { config: { audio: { input: { turnDetection: null } } } } });
  await s.log.find((x) => x.type === 'session.updated' && x.session.audio.input.turn_detection === null);
  const speech = await say('what are your opening hours');
  s.session.sendAudio(speech.buffer.slice(speech.byteOffset, speech.byteOffset + speech.length), { commit: true });
  await s.log.find((x) => x.type === 'input_audio_buffer.committed');
  assert.equal(s.log.items.filter((x) => x.type === 'response.created').length, 0);
  s.transport.requestResponse?.() ?? s.transport.sendEvent({ type: 'response.create' });
  const e = await s.log.find(done);
  assert.match(transcriptOf(e), /nine in the morning/);
  assertSchemas(s.log);
  s.close();
});

test('errors come as error events and the session goes on', async () => {
  const s = await open({ agent: plainAgent() });
  s.transport.sendEvent({ type: 'no.such.event', event_id: 'mine_1' });
  const e = await s.log.find((x) => x.type === 'error');
  assert.equal(e.error.code, 'invalid_value');
  assert.equal(e.error.param, 'type');
  assert.equal(e.error.event_id, 'mine_1');
  s.session.sendMessage('hello');
  await s.log.find(done);
  assert.equal(s.errors.length, 1);
  s.close();
});

test('a missing model ends in an error event and a closed connection', async () => {
  const transport = new OpenAIRealtimeWebSocket();
  const session = new RealtimeSession(plainAgent(), { transport });
  const errors = new Log();
  const states = new Log();
  session.on('error', (e) => errors.push(e));
  transport.on('connection_change', (state) => states.push(state));
  await session.connect({ apiKey: 'any', url: sandbox.url });
  const e = await errors.find(() => true);
  assert.equal(e.error.error.code ?? e.error.code, 'missing_model');
  await states.find((x) => x === 'disconnected');
});

await run();
