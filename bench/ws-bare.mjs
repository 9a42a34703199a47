// The least a Node gateway can do, to compare with: accepts /media-stream, opens the model's WebSocket, asks for mu-law,
// and passes base64 text both ways. It paces nothing, keeps nothing, records nothing; a barge-in sends a clear.
import { createRequire } from 'node:module';
import { createServer } from 'node:http';

const require = createRequire(new URL('../tests/peers/package.json', import.meta.url));
const { WebSocket, WebSocketServer } = require('ws');

const http = createServer((req, res) => res.end('ok'));
const server = new WebSocketServer({ server: http, path: '/media-stream', perMessageDeflate: false });

server.on('connection', (phone) => {
  let streamSid = '';
  let marks = 0;
  const model = new WebSocket(`${process.env.MODEL_URL}/v1/realtime?model=load`, {
    headers: { Authorization: 'Bearer none' },
    perMessageDeflate: false,
    rejectUnauthorized: false,
  });
  const format = { type: 'audio/pcmu' };
  model.on('open', () => {
    model.send(JSON.stringify({ type: 'session.update', session: { type: 'realtime', audio: { input: { format }, output: { format } } } }));
    model.send(JSON.stringify({ type: 'response.create' }));
  });
  model.on('message', (data) => {
    const event = JSON.parse(data);
    if (event.type === 'response.output_audio.delta' && streamSid) {
      phone.send(JSON.stringify({ event: 'media', streamSid, media: { payload: event.delta } }));
      // A mark for each 100 ms, as many as a gateway that knows what was heard needs.
      for (let ms = 100; ms <= event.delta.length * 3 / 32; ms += 100) {
        phone.send(JSON.stringify({ event: 'mark', streamSid, mark: { name: `m${++marks}` } }));
      }
    } else if (event.type === 'input_audio_buffer.speech_started' && streamSid) {
      phone.send(JSON.stringify({ event: 'clear', streamSid }));
    }
  });
  phone.on('message', (data) => {
    const message = JSON.parse(data);
    if (message.event === 'media' && model.readyState === WebSocket.OPEN) {
      model.send(JSON.stringify({ type: 'input_audio_buffer.append', audio: message.media.payload }));
    } else if (message.event === 'start') {
      streamSid = message.streamSid;
    }
  });
  phone.on('close', () => model.close());
  model.on('close', () => phone.close());
  model.on('error', () => phone.close());
  phone.on('error', () => model.close());
});

http.listen(Number(process.env.GATEWAY_PORT), '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
