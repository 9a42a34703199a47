// What a chunk of 32 ms costs onnxruntime: microseconds of CPU of the whole process, one thread, state carried from chunk to
// chunk, on the same sound and in the same form as bench_vad. node vad.mjs MODEL.onnx FILE_8K.wav FILE_16K.wav [ROUNDS]
import { readFileSync } from 'node:fs';
import * as ort from 'onnxruntime-node';

const [model, file8, file16, rounds = '5'] = process.argv.slice(2);
if (!file16 || !(Number(rounds) >= 1)) {
    console.error('usage: vad.mjs MODEL.onnx FILE_8K.wav FILE_16K.wav [ROUNDS]');
    process.exit(2);
}

function mulaw(code) {
    const u = ~code & 0xff;
    const magnitude = (((u & 0x0f) << 3) + 0x84) << ((u & 0x70) >> 4);
    return u & 0x80 ? 0x84 - magnitude : magnitude - 0x84;
}

// Mono PCM16 or mu-law, as the vectors are.
function readWav(path) {
    const b = readFileSync(path);
    let at = 12;
    let tag = 0;
    while (b.toString('latin1', at, at + 4) !== 'data') {
        if (b.toString('latin1', at, at + 4) === 'fmt ') tag = b.readUInt16LE(at + 8);
        at += 8 + b.readUInt32LE(at + 4);
    }
    const bytes = b.subarray(at + 8, at + 8 + b.readUInt32LE(at + 4));
    if (tag === 7) return Float32Array.from(bytes, (c) => mulaw(c) / 32768);
    return Float32Array.from({ length: bytes.length >> 1 }, (_, i) => bytes.readInt16LE(2 * i) / 32768);
}

const session = await ort.InferenceSession.create(model, {
    executionProviders: ['cpu'], intraOpNumThreads: 1, interOpNumThreads: 1, executionMode: 'sequential',
});

async function pass(samples, rate, batch) {
    const size = rate * 32 / 1000;
    const context = size / 8;
    const chunks = Math.floor(samples.length / size);
    const input = new Float32Array(batch * (context + size));
    const sr = new ort.Tensor('int64', BigInt64Array.of(BigInt(rate)), []);
    let state = new ort.Tensor('float32', new Float32Array(2 * batch * 128), [2, batch, 128]);
    const from = process.cpuUsage();
    for (let chunk = 0; chunk < chunks; chunk++) {
        for (let i = 0; i < batch; i++) {
            const row = input.subarray(i * (context + size), (i + 1) * (context + size));
            const at = (chunk + Math.floor(i * chunks / batch)) % chunks * size;
            row.copyWithin(0, size); // the end of the chunk before
            row.set(samples.subarray(at, at + size), context);
        }
        const out = await session.run({
            input: new ort.Tensor('float32', input, [batch, context + size]), state, sr,
        });
        state = out.stateN;
    }
    const used = process.cpuUsage(from);
    return (used.user + used.system) / (chunks * batch);
}

for (const [rate, samples] of [[8000, readWav(file8)], [16000, readWav(file16)]]) {
    for (const batch of [1, 6]) {
        await pass(samples.subarray(0, rate * 3), rate, batch); // warm
        const us = [];
        for (let i = 0; i < Number(rounds); i++) us.push(await pass(samples, rate, batch));
        const mean = us.reduce((a, b) => a + b) / us.length;
        console.log(`onnxruntime ${rate / 1000} kHz batch ${batch} ${Math.min(...us).toFixed(2)} ${mean.toFixed(2)}`);
    }
}
