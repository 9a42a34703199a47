// Our spans against OpenTelemetry's own messages: what a collector gets of a call must be an ExportTraceServiceRequest
// to the last field, and the tree in it must hold together.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

import { body, folder, listen, run, startGateway, test, until } from './lib.mjs';

// The generated messages are no public entry of the package: they are found beside the one that is.
const require = createRequire(import.meta.url);
const generated = join(require.resolve('@opentelemetry/otlp-transformer'), '..', 'generated', 'root.js');
const Request = require(generated).opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest;

const dir = await folder();

const requests = [];
const collector = await listen(createServer(async (req, res) => {
  requests.push({ method: req.method, url: req.url, headers: req.headers, body: await body(req) });
  // The first one is told to come back, so that what arrives has been through a second try.
  res.writeHead(requests.length === 1 ? 503 : 200, { 'content-type': 'application/json' });
  res.end('{}');
}));

/** One call with a tool, entirely offline; spans leave while it lasts and at its end. */
async function call() {
  const gateway = await startGateway([], {
    cwd: dir,
    env: {
      PATH: process.env.PATH, HOME: dir, SERVER_HOST: '127.0.0.1', SERVER_PORT: '0',
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://${collector}`,
      OTEL_EXPORTER_OTLP_HEADERS: 'x-api-key=s%3Decret', OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
      OTEL_BSP_SCHEDULE_DELAY: '200', OTEL_SERVICE_NAME: 'phone', OTEL_RESOURCE_ATTRIBUTES: 'team=a%20b',
    },
  });
  const phone = spawn(process.env.RINGTRIP, ['phone', `${gateway.url}/twiml`, '--say', 'where is my order one two three four', '-q'],
    { cwd: dir, stdio: ['ignore', 'ignore', 'inherit'] });
  const [status] = await once(phone, 'exit');
  await until(() => requests.length >= 2); // what is refused while the gateway stops does not come again
  return { status: status || (await gateway.stop())[0], text: gateway.lines.join('\n') };
}

const plain = (request) =>
  JSON.parse((request.headers['content-encoding'] === 'gzip' ? gunzipSync(request.body) : request.body).toString());

/** Ids are hex in OTLP/JSON, where protobuf's own mapping has base64. */
function withBytes(value, key = '') {
  if (Array.isArray(value)) {
    return value.map((element) => withBytes(element));
  }
  if (value && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, withBytes(v, k)]));
  }
  return ['traceId', 'spanId', 'parentSpanId'].includes(key) ? Buffer.from(value, 'hex') : value;
}

/** Without empty lists, which a message does not tell from none. */
function lean(value) {
  if (Array.isArray(value)) {
    return value.map(lean);
  }
  if (value && typeof value === 'object' && !Buffer.isBuffer(value)) {
    return Object.fromEntries(Object.entries(value).filter(([, v]) => !Array.isArray(v) || v.length)
      .map(([k, v]) => [k, lean(v)]));
  }
  return value;
}

const { status, text } = await call();
const accepted = requests.slice(1);
const spans = accepted.flatMap((r) => plain(r).resourceSpans).flatMap((r) => r.scopeSpans).flatMap((s) => s.spans);
const attr = (span, key) => {
  const value = span.attributes.find((a) => a.key === key)?.value;
  return value && Object.values(value)[0];
};
const typed = (type) => spans.filter((span) => attr(span, 'ringtrip.span.type') === type);

test('the call went well and its spans arrived', () => {
  assert.equal(status, 0, text);
  for (const type of ['call', 'session', 'turn', 'response', 'tool']) {
    assert.ok(typed(type).length > 0, type);
  }
});

test('requests are what the protocol says', () => {
  for (const { method, url, headers } of requests) {
    assert.equal(`${method} ${url}`, 'POST /v1/traces');
    assert.equal(headers['content-type'], 'application/json');
    assert.equal(headers['content-encoding'], 'gzip');
    assert.equal(headers['x-api-key'], 's=ecret');
  }
  assert.deepEqual(plain(requests[1]), plain(requests[0]), 'the refused batch comes again as it was');
});

test('every body is the message, no field more and none of another type', () => {
  for (const request of accepted) {
    const json = withBytes(plain(request));
    const message = Request.decode(Request.encode(Request.fromObject(json)).finish());
    const back = Request.toObject(message, { longs: String, json: true });
    assert.deepEqual(lean(back), lean(json));
  }
});

test('ids are hex, times are texts, kinds and codes are numbers', () => {
  for (const span of spans) {
    assert.match(span.traceId, /^[0-9a-f]{32}$/);
    assert.match(span.spanId, /^[0-9a-f]{16}$/);
    assert.match(span.startTimeUnixNano, /^\d{19}$/);
    assert.ok(BigInt(span.endTimeUnixNano) >= BigInt(span.startTimeUnixNano), span.name);
    assert.ok([1, 2, 3].includes(span.kind));
    assert.ok([undefined, 1, 2].includes(span.status.code));
    assert.equal(new Set(span.attributes.map((a) => a.key)).size, span.attributes.length);
  }
});

test('it is one tree', () => {
  const byId = new Map(spans.map((span) => [span.spanId, span]));
  assert.equal(byId.size, spans.length);
  assert.equal(new Set(spans.map((span) => span.traceId)).size, 1);
  const [root] = typed('call');
  for (const span of spans) {
    assert.equal(span === root, span.parentSpanId === undefined, span.name);
    assert.ok(span === root || byId.has(span.parentSpanId), span.name);
  }
  const [tool] = typed('tool');
  assert.equal(tool.name, 'execute_tool check_order_status');
  assert.equal(attr(byId.get(tool.parentSpanId), 'ringtrip.span.type'), 'turn');
  assert.equal(attr(byId.get(typed('response')[0].parentSpanId), 'gen_ai.operation.name'), 'invoke_agent');
});

test('the resource says who we are, and nothing says what was said', () => {
  const [{ resource }] = plain(accepted[0]).resourceSpans;
  const names = Object.fromEntries(resource.attributes.map((a) => [a.key, a.value.stringValue]));
  assert.equal(names['service.name'], 'phone');
  assert.equal(names.team, 'a b');
  assert.ok(names['service.version']);
  assert.doesNotMatch(JSON.stringify(spans), /order one two|walking map|\+1555/);
});

await run();
