// The sandbox held to Google's own client of the Live API, the `@google/genai` package.
import assert from 'node:assert/strict';

import { GoogleGenAI } from '@google/genai';

import { cleanup, Log, run, startSandbox, test } from './lib.mjs';

const sandbox = await startSandbox('--canned', '--key', 'AIza-right');
const quick = await startSandbox('--canned', '--faults', 'expire=2');
const MODEL = 'gemini-3.8-live';
const order = { name: 'check_order_status', description: 'Looks an order up', behavior: 'BLOCKING',
  parameters: { type: 'OBJECT', properties: { order_id: { type: 'STRING' } } } };

async function open(config = {}, { url = sandbox.url, apiKey = 'AIza-right', model = MODEL, apiVersion = 'v1beta' } = {}) {
  const base = new URL(url.replace(/^ws/, 'http')).origin;
  const ai = new GoogleGenAI({ apiKey, apiVersion, httpOptions: { baseUrl: base } });
  const log = new Log();
  let onclose;
  const closed = new Promise((yes) => { onclose = yes; });
  const session = await ai.live.connect({ model, config: { responseModalities: ['AUDIO'], outputAudioTranscription: {}, inputAudioTranscription: {}, ...config },
    callbacks: { onmessage: (m) => log.push(m), onerror() {}, onclose } });
  cleanup(() => session.close());
  return { session, log, closed };
}

const content = (m) => m.serverContent ?? {};
const complete = (m) => content(m).turnComplete;
const isAudio = (m) => content(m).modelTurn?.parts?.some((p) => p.inlineData);
const words = (log, from = 0) => log.items.slice(from).map((m) => content(m).outputTranscription?.text ?? '').join('');
const manual = { realtimeInputConfig: { automaticActivityDetection: { disabled: true } } };

/** So many milliseconds of a tone at 16 kHz, in pieces of 40 ms, as base64. */
function* tone(ms, level = 8000) {
  for (let at = 0; at < ms; at += 40) {
    const pcm = Buffer.alloc(1280);
    for (let i = 0; i < 640; i++) {
      pcm.writeInt16LE(Math.round(level * Math.sin(2 * Math.PI * 300 * (at * 16 + i) / 16000)), 2 * i);
    }
    yield pcm.toString('base64');
  }
}

function speak(s, ms) {
  for (const data of tone(ms)) {
    s.session.sendRealtimeInput({ audio: { data, mimeType: 'audio/pcm;rate=16000' } });
  }
}

for (const apiVersion of ['v1', 'v1beta', 'v1alpha']) {
  test(`connects over ${apiVersion} and is told a handle`, async () => {
    const s = await open({}, { apiVersion });
    const update = await s.log.find((m) => m.sessionResumptionUpdate);
    assert.match(update.sessionResumptionUpdate.newHandle, /^[0-9a-f]{8}-/);
    assert.equal(update.sessionResumptionUpdate.resumable, true);
    s.session.close();
  });
}

test('a typed turn: audio with words, generationComplete, then turnComplete with usage', async () => {
  const s = await open();
  s.session.sendClientContent({ turns: 'hello', turnComplete: true });
  const end = await s.log.find(complete);
  const at = (matches) => s.log.items.findIndex(matches);
  assert.ok(at(isAudio) >= 0 && at(isAudio) < at((m) => content(m).generationComplete));
  assert.ok(at((m) => content(m).generationComplete) < at(complete));
  assert.match(words(s.log), /help/i);
  const audio = s.log.items.filter(isAudio);
  assert.equal(content(audio[0]).modelTurn.parts[0].inlineData.mimeType, 'audio/pcm;rate=24000');
  assert.ok(end.usageMetadata.responseTokenCount > 0);
  assert.equal(end.usageMetadata.totalTokenCount, end.usageMetadata.promptTokenCount + end.usageMetadata.responseTokenCount);
});

test('a spoken turn between activity marks', async () => {
  const s = await open(manual);
  s.session.sendRealtimeInput({ activityStart: {} });
  speak(s, 800);
  s.session.sendRealtimeInput({ activityEnd: {} });
  await s.log.find(complete);
  assert.ok(s.log.items.some((m) => content(m).inputTranscription?.text));
  assert.ok(s.log.items.some(isAudio));
});

test('a spoken turn that the server detects, ended by audioStreamEnd', async () => {
  const s = await open();
  speak(s, 800);
  s.session.sendRealtimeInput({ audioStreamEnd: true });
  await s.log.find(complete);
  const kinds = s.log.items.map((m) => m.voiceActivity?.type).filter(Boolean);
  assert.deepEqual(kinds, ['ACTIVITY_START', 'ACTIVITY_END']);
});

test('activityStart cuts what is being said: interrupted, then turnComplete', async () => {
  const s = await open(manual);
  s.session.sendClientContent({ turns: '[Direction] Say exactly: "This is a rather long sentence that takes its time to be spoken to the end, and then some more of it."', turnComplete: true });
  await s.log.find(isAudio);
  s.session.sendRealtimeInput({ activityStart: {} });
  await s.log.find(complete);
  const flags = s.log.items.map((m) => Object.keys(content(m)).find((k) => ['interrupted', 'turnComplete'].includes(k))).filter(Boolean);
  assert.deepEqual(flags, ['interrupted', 'turnComplete']);
});

test('a blocking tool: the call, silence, and the answer behind its result', async () => {
  const s = await open({ tools: [{ functionDeclarations: [order] }] });
  s.session.sendClientContent({ turns: 'where is my order 12345', turnComplete: true });
  const call = (await s.log.find((m) => m.toolCall)).toolCall.functionCalls[0];
  assert.equal(call.name, 'check_order_status');
  assert.ok(call.id.length > 0 && typeof call.args === 'object');
  const from = s.log.length;
  s.session.sendToolResponse({ functionResponses: [{ id: call.id, name: call.name, response: { output: { status: 'shipped', eta: 'Monday' } } }] });
  await s.log.find(complete, from);
  assert.ok(words(s.log, from).length > 0);
});

test('a lifetime with goAway, the close behind it, and a session that resumes', async () => {
  const first = await open({ sessionResumption: {} }, { url: quick.url, apiKey: 'any' });
  first.session.sendClientContent({ turns: 'hello', turnComplete: true });
  const away = await first.log.find((m) => m.goAway);
  assert.match(away.goAway.timeLeft, /^[01]\.\d+s$/);
  const handle = first.log.items.filter((m) => m.sessionResumptionUpdate).at(-1).sessionResumptionUpdate.newHandle;
  const end = await first.closed;
  assert.equal(end.code, 1011);
  assert.match(end.reason, /^Deadline expired/);
  const second = await open({ sessionResumption: { handle } }, { url: quick.url, apiKey: 'any' });
  const from = second.log.length;
  second.session.sendClientContent({ turns: 'hello', turnComplete: true });
  await second.log.find((m) => content(m).generationComplete, from);
});

test('typed text while talking, the way 3.x is directed: it cuts and is answered', async () => {
  const s = await open();
  s.session.sendRealtimeInput({ text: 'hello' });
  await s.log.find(isAudio);
  const from = s.log.length;
  s.session.sendRealtimeInput({ text: 'hello' });
  await s.log.find((m) => content(m).interrupted, from);
  await s.log.find((m) => content(m).generationComplete, from);
});

test('speech over the server that detects: voiceActivity, interrupted, turnComplete, and an answer', async () => {
  const s = await open();
  s.session.sendClientContent({ turns: '[Direction] Say exactly: "This is a rather long sentence that takes its time to be spoken to the end, and then some more of it."', turnComplete: true });
  await s.log.find(isAudio);
  const from = s.log.length;
  speak(s, 800);
  s.session.sendRealtimeInput({ audioStreamEnd: true });
  await s.log.find((m) => content(m).generationComplete, from);
  const seen = s.log.items.slice(from).map((m) => m.voiceActivity?.type ?? Object.keys(content(m)).find((k) => ['interrupted', 'turnComplete', 'generationComplete'].includes(k))).filter(Boolean);
  const cut = seen.indexOf('interrupted');
  assert.ok(cut > seen.indexOf('ACTIVITY_START') && seen[cut + 1] === 'turnComplete', seen.join(' '));
  assert.equal(seen.at(-1), 'generationComplete');
});

const talking = { ...order, behavior: 'NON_BLOCKING' };

for (const scheduling of ['INTERRUPT', 'WHEN_IDLE', 'SILENT']) {
  test(`a tool that does not block, answered ${scheduling}`, async () => {
    const s = await open({ tools: [{ functionDeclarations: [talking] }] });
    s.session.sendClientContent({ turns: 'where is my order 12345', turnComplete: true });
    const call = (await s.log.find((m) => m.toolCall)).toolCall.functionCalls[0];
    const from = s.log.length;
    s.session.sendToolResponse({ functionResponses: [{ id: call.id, name: call.name, response: { output: { status: 'shipped', eta: 'Monday' } }, scheduling }] });
    if (scheduling === 'SILENT') {
      await s.log.find(complete, 0); // of the turn that called it; nothing is said of the result
      s.session.sendRealtimeInput({ text: 'hello' });
      await s.log.find((m) => content(m).generationComplete, s.log.length);
      assert.doesNotMatch(words(s.log, from), /shipped|monday/i);
      return;
    }
    for (let at = from; !/shipped|monday/i.test(words(s.log, from));) {
      await s.log.find((m) => content(m).outputTranscription, at);
      at = s.log.length;
    }
    await s.log.find(complete, from);
  });
}

test('a client that writes snake_case, as the Python one does', async () => {
  const ws = new WebSocket(`${sandbox.url.replace(/\/v1.*$/, '')}/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent?key=AIza-right`);
  const log = new Log();
  ws.onmessage = async (m) => log.push(JSON.parse(typeof m.data === 'string' ? m.data : await m.data.text()));
  await new Promise((yes, no) => { ws.onopen = yes; ws.onerror = no; });
  ws.send(JSON.stringify({ setup: { model: `models/${MODEL}`, generation_config: { response_modalities: ['AUDIO'] }, output_audio_transcription: {} } }));
  await log.find((m) => m.setupComplete);
  assert.ok(log.items[0].setupComplete, 'nothing comes before setupComplete');
  ws.send(JSON.stringify({ client_content: { turns: [{ role: 'user', parts: [{ text: 'hello' }] }], turn_complete: true } }));
  await log.find(complete);
  ws.close();
});

test('other instructions and tools in mid-session, and a picture', async () => {
  const s = await open();
  s.session.sendContextUpdate({ systemInstruction: 'You are brief.', tools: { tools: [{ functionDeclarations: [order] }] } });
  s.session.sendRealtimeInput({ video: { data: 'AQID', mimeType: 'image/jpeg' } });
  s.session.sendClientContent({ turns: 'where is my order 12345', turnComplete: true });
  const call = (await s.log.find((m) => m.toolCall)).toolCall.functionCalls[0];
  assert.equal(call.name, 'check_order_status'); // which the setup did not declare
});

test('an ephemeral token opens one session, and none without it', async () => {
  const baseUrl = new URL(sandbox.url.replace(/^ws/, 'http')).origin;
  const maker = new GoogleGenAI({ apiKey: 'AIza-right', apiVersion: 'v1alpha', httpOptions: { baseUrl } });
  const token = await maker.authTokens.create({ config: { uses: 1 } });
  assert.match(token.name, /^auth_tokens\//);
  const s = await open({}, { apiKey: token.name, apiVersion: 'v1alpha' });
  s.session.sendClientContent({ turns: 'hello', turnComplete: true });
  await s.log.find(isAudio);
  s.session.close();
  assert.match(await refusal({}, { apiKey: token.name, apiVersion: 'v1alpha' }), /1007/);
  assert.match(await refusal({}, { apiKey: 'auth_tokens/made-up', apiVersion: 'v1alpha' }), /1007/);
  const stranger = new GoogleGenAI({ apiKey: 'AIza-wrong', apiVersion: 'v1alpha', httpOptions: { baseUrl } });
  await assert.rejects(stranger.authTokens.create({ config: {} }), /API key not valid/);
});

async function refusal(config, options) {
  try {
    const s = await open(config, options);
    s.session.close();
  } catch (error) {
    return error.message;
  }
  return 'welcome';
}

test('what the service refuses closes the connection in place of setupComplete', async () => {
  assert.match(await refusal({}, { apiKey: 'AIza-wrong' }), /1007.*API key not valid/);
  assert.match(await refusal({}, { model: 'gemini-2.0-flash-live-001' }), /1008.*is not found for API version/);
  assert.match(await refusal({ thinkingConfig: { thinkingLevel: 'LOW' } }), /1007.*invalid argument/);
  assert.match(await refusal({ sessionResumption: { handle: 'gone' } }), /1008.*Requested entity was not found/);
});

test('beside an open connection a handle is refused', async () => {
  const s = await open();
  const { newHandle } = (await s.log.find((m) => m.sessionResumptionUpdate)).sessionResumptionUpdate;
  assert.match(await refusal({ sessionResumption: { handle: newHandle } }), /1011/);
  s.session.close();
});

await run();
