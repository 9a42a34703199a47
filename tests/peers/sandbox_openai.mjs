// The sandbox held to the `openai` package's Realtime client, which insists on wss: a certificate is made for the run.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { request as httpsRequest } from 'node:https';
import { join } from 'node:path';

import OpenAI from 'openai';
import { OpenAIRealtimeWS } from 'openai/realtime/ws';

import { body, folder, Log, run, startSandbox, test } from './lib.mjs';

const dir = await folder();
const cert = join(dir, 'cert.pem');
const key = join(dir, 'key.pem');
execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost', '-addext',
  'subjectAltName=IP:127.0.0.1,DNS:localhost', '-keyout', key, '-out', cert], { stdio: 'ignore' });
/** The client's HTTP side knows no CA of its own. */
function fetchWithCert(url, init = {}) {
  return new Promise((yes, no) => {
    const request = httpsRequest(url, { method: init.method, headers: Object.fromEntries(new Headers(init.headers)), ca: readFileSync(cert) }, async (answer) => {
      yes(new Response(await body(answer), { status: answer.statusCode, headers: answer.headers }));
    });
    request.on('error', no);
    request.end(init.body);
  });
}
const sandbox = await startSandbox('--tls-cert', cert, '--tls-key', key, '--key', 'sk-right');

function open(options = {}) {
  const base = sandbox.url.replace('wss:', 'https:').replace('/realtime', '');
  const client = new OpenAI({ apiKey: options.apiKey ?? 'sk-right', baseURL: base });
  const rt = new OpenAIRealtimeWS({ model: options.model ?? 'gpt-realtime', options: { ca: readFileSync(cert) } }, client);
  const log = new Log();
  const closed = new Promise((yes) => rt.socket.on('close', (code, reason) => yes({ code, reason: reason.toString() })));
  rt.on('event', (e) => log.push(e));
  rt.on('error', (e) => log.push({ type: 'client_error', error: e.error ?? e }));
  return { rt, log, closed };
}

const done = (e) => e.type === 'response.done';

test('a session over TLS: settings, text in, text out', async () => {
  const s = open();
  await s.log.find((e) => e.type === 'session.created');
  s.rt.send({ type: 'session.update', session: { type: 'realtime', output_modalities: ['text'], instructions: 'Be brief.' } });
  const updated = await s.log.find((e) => e.type === 'session.updated');
  assert.deepEqual(updated.session.output_modalities, ['text']);
  assert.equal(updated.session.instructions, 'Be brief.');
  s.rt.send({ type: 'conversation.item.create', item: { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'hello' }] } });
  s.rt.send({ type: 'response.create' });
  const e = await s.log.find(done);
  assert.match(e.response.output[0].content[0].text, /How can I help/);
  s.rt.close();
  assert.equal((await s.closed).code, 1000);
});

test('the exact order of an audio response', async () => {
  const s = open();
  s.rt.socket.on('open', () => s.rt.send({ type: 'response.create', response: { instructions: 'Say exactly: "One moment."', metadata: { a: 'b' } } }));
  await s.log.find((e) => e.type === 'rate_limits.updated');
  const types = s.log.items.map((e) => e.type).filter((t, i, all) => t !== all[i - 1]);
  const fixed = types.filter((t) => !t.endsWith('.delta'));
  assert.deepEqual(fixed, ['session.created', 'response.created', 'response.output_item.added', 'conversation.item.added',
    'response.content_part.added', 'response.output_audio.done', 'response.output_audio_transcript.done',
    'response.content_part.done', 'conversation.item.done', 'response.output_item.done', 'response.done', 'rate_limits.updated']);
  assert.ok(types.indexOf('response.output_audio_transcript.delta') < types.indexOf('response.output_audio.delta'));
  const end = s.log.items.find(done);
  assert.equal(end.response.output[0].content[0].transcript, 'One moment.');
  assert.deepEqual(end.response.metadata, { a: 'b' });
  assert.ok(end.response.usage.output_token_details.audio_tokens > 0);
  s.rt.close();
});

test('out-of-band responses leave the conversation alone', async () => {
  const s = open();
  await s.log.find((e) => e.type === 'session.created');
  s.rt.send({ type: 'response.create', response: { conversation: 'none', output_modalities: ['text'], metadata: { topic: 'x' },
    input: [{ type: 'message', role: 'user', content: [{ type: 'input_text', text: 'what are your opening hours' }] }] } });
  const e = await s.log.find(done);
  assert.equal(e.response.conversation_id, null);
  assert.deepEqual(e.response.metadata, { topic: 'x' });
  assert.match(e.response.output[0].content[0].text, /nine in the morning/);
  assert.equal(s.log.items.filter((x) => x.type.startsWith('conversation.item')).length, 0);
  s.rt.close();
});

test('items: create in between, retrieve, delete, and their errors', async () => {
  const s = open();
  await s.log.find((e) => e.type === 'session.created');
  const user = (id, previous) => ({ type: 'conversation.item.create', ...(previous ? { previous_item_id: previous } : {}),
    item: { id, type: 'message', role: 'user', content: [{ type: 'input_text', text: id }] } });
  s.rt.send(user('item_one'));
  s.rt.send(user('item_two'));
  s.rt.send(user('item_mid', 'item_one'));
  s.rt.send(user('item_zero', 'root'));
  s.rt.send({ type: 'conversation.item.retrieve', item_id: 'item_mid' });
  s.rt.send({ type: 'conversation.item.delete', item_id: 'item_mid' });
  await s.log.find((e) => e.type === 'conversation.item.deleted');
  const chain = s.log.items.filter((e) => e.type === 'conversation.item.added').map((e) => [e.item.id, e.previous_item_id]);
  assert.deepEqual(chain, [['item_one', null], ['item_two', 'item_one'], ['item_mid', 'item_one'], ['item_zero', null]]);
  const from = s.log.length;
  s.rt.send({ type: 'conversation.item.delete', item_id: 'item_mid', event_id: 'e1' });
  s.rt.send({ type: 'conversation.item.retrieve', item_id: 'item_mid' });
  s.rt.send({ type: 'conversation.item.truncate', item_id: 'item_one', content_index: 0, audio_end_ms: 10 });
  s.rt.send({ type: 'conversation.item.create', item: { type: 'function_call_output', call_id: 'call_nope', output: '{}' } });
  s.rt.send({ type: 'response.cancel' });
  const codes = [];
  for (let i = 0; i < 5; i++) {
    const e = await s.log.find((x) => x.type === 'client_error' && !codes.some((c) => c.e === x), from);
    codes.push({ e, code: e.error.code ?? e.error.error?.code });
  }
  assert.deepEqual(codes.map((c) => c.code), ['item_delete_invalid_item_id', 'item_retrieve_invalid_item_id',
    'item_truncate_invalid_item_id', 'invalid_tool_call_id', 'response_cancel_not_active']);
  s.rt.close();
});

test('a prompt by id is echoed, and refused when its form is wrong', async () => {
  const s = open();
  await s.log.find((e) => e.type === 'session.created');
  const update = (prompt) => s.rt.send({ type: 'session.update', event_id: 'p1', session: { type: 'realtime', prompt } });
  const prompt = { id: 'pmpt_1', version: '2', variables: { name: 'Ann', note: { type: 'input_text', text: 'x' } } };
  update(prompt);
  assert.deepEqual((await s.log.find((e) => e.type === 'session.updated')).session.prompt, prompt);
  update({ ...prompt, variables: { name: 7 } });
  const e = await s.log.find((x) => x.type === 'client_error');
  assert.deepEqual([e.error.code, e.error.param, e.error.event_id].map((v, i) => v ?? Object.values(e.error.error)[i]),
    ['invalid_type', 'session.prompt.variables.name', 'p1']);
  s.rt.close();
});

test('a second response is refused while one runs', async () => {
  const s = open();
  await s.log.find((e) => e.type === 'session.created');
  s.rt.send({ type: 'response.create' });
  s.rt.send({ type: 'response.create', event_id: 'second' });
  const e = await s.log.find((x) => x.type === 'client_error');
  assert.equal(e.error.code ?? e.error.error?.code, 'conversation_already_has_active_response');
  await s.log.find(done);
  s.rt.close();
});

test('a client secret made by the client opens a session with its settings', async () => {
  const base = sandbox.url.replace('wss:', 'https:').replace('/realtime', '');
  const client = new OpenAI({ apiKey: 'sk-right', baseURL: base, fetch: fetchWithCert });
  const secret = await client.realtime.clientSecrets.create({ expires_after: { anchor: 'created_at', seconds: 60 },
    session: { type: 'realtime', model: 'gpt-realtime', instructions: 'Only from the secret.' } });
  assert.match(secret.value, /^ek_/);
  assert.equal(secret.session.instructions, 'Only from the secret.');
  const s = open({ apiKey: secret.value });
  const created = await s.log.find((e) => e.type === 'session.created');
  assert.equal(created.session.instructions, 'Only from the secret.');
  s.rt.close();
  await assert.rejects(new OpenAI({ apiKey: 'sk-wrong', baseURL: base, fetch: fetchWithCert, maxRetries: 0 }).realtime.clientSecrets.create({}),
    (e) => e.status === 401 && e.code === 'invalid_api_key');
  await assert.rejects(client.realtime.clientSecrets.create({ session: { type: 'realtime', voise: 1 } }),
    (e) => e.status === 400 && e.code === 'unknown_parameter' && e.param === 'session.voise');
});

test('an idle caller is prompted', async () => {
  const s = open();
  await s.log.find((e) => e.type === 'session.created');
  s.rt.send({ type: 'session.update', session: { type: 'realtime', audio: { input: { format: { type: 'audio/pcmu' },
    turn_detection: { type: 'server_vad', idle_timeout_ms: 5000 } }, output: { format: { type: 'audio/pcmu' } } } } });
  s.rt.send({ type: 'response.create', response: { instructions: 'Say exactly: "Hello."' } });
  await s.log.find((e) => e.type === 'rate_limits.updated');
  const from = s.log.length;
  for (let i = 0; i < 8; i++) { // eight seconds of silence, at once: the clock is the audio
    s.rt.send({ type: 'input_audio_buffer.append', audio: Buffer.alloc(8000, 0xff).toString('base64') });
  }
  const idle = await s.log.find((e) => e.type === 'input_audio_buffer.timeout_triggered');
  assert.ok(idle.audio_end_ms - idle.audio_start_ms >= 5000);
  const committed = await s.log.find((e) => e.type === 'input_audio_buffer.committed');
  assert.equal(committed.item_id, idle.item_id);
  const e = await s.log.find(done, from);
  assert.match(e.response.output[0].content[0].transcript, /anything else/);
  s.rt.close();
});

test('a wrong key is told after the upgrade and closes with 3000', async () => {
  const s = open({ apiKey: 'sk-wrong' });
  const { code, reason } = await s.closed;
  assert.equal(code, 3000);
  assert.equal(reason, 'invalid_request_error.invalid_api_key');
  assert.equal(s.log.items.filter((e) => e.type === 'session.created').length, 0);
});

test('an unknown model closes with 4000', async () => {
  const s = open({ model: 'gpt-4' });
  const { code, reason } = await s.closed;
  assert.equal(code, 4000);
  assert.equal(reason, 'invalid_request_error.invalid_model');
});

await run();
