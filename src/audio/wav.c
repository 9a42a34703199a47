#include "audio/wav.h"

#include "audio/g711.h"
#include "base/err.h"

/* Format tags of mmreg.h. */
enum { TAG_PCM = 1, TAG_ALAW = 6, TAG_MULAW = 7, TAG_EXTENSIBLE = 0xFFFE };

static uint32_t le16(const uint8_t *p)
{
    return (uint32_t)(p[0] | p[1] << 8);
}

static uint32_t le32(const uint8_t *p)
{
    return le16(p) | le16(p + 2) << 16;
}

static uint8_t *put16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v & 0xFF);
    p[1] = (uint8_t)(v >> 8 & 0xFF);
    return p + 2;
}

static uint8_t *put32(uint8_t *p, uint32_t v)
{
    return put16(put16(p, v & 0xFFFF), v >> 16);
}

static uint8_t *put_id(uint8_t *p, const char *id)
{
    memcpy(p, id, 4);
    return p + 4;
}

uint32_t wav_sample_bytes(enum wav_codec codec)
{
    return codec == WAV_PCM16 ? 2 : 1;
}

static uint32_t size_field(uint64_t n)
{
    return n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

size_t wav_header(uint8_t *out, const struct wav *wav, uint64_t data_bytes)
{
    bool linear = wav->codec == WAV_PCM16 || wav->codec == WAV_PCM8;
    uint32_t tag = linear ? TAG_PCM : wav->codec == WAV_ALAW ? TAG_ALAW : TAG_MULAW;
    uint32_t frame = wav_sample_bytes(wav->codec) * wav->channels;
    size_t head = linear ? 44 : 58;
    uint8_t *p = put_id(out, "RIFF");
    p = put32(p, size_field(head - 8 + data_bytes + (data_bytes & 1)));
    p = put_id(put_id(p, "WAVE"), "fmt ");
    p = put32(p, linear ? 16 : 18);
    p = put16(put16(p, tag), wav->channels);
    p = put32(put32(p, wav->rate_hz), wav->rate_hz * frame);
    p = put16(put16(p, frame), wav_sample_bytes(wav->codec) * 8);
    if (!linear) {
        p = put16(p, 0); /* size of the extension */
        p = put32(put_id(p, "fact"), 4);
        p = put32(p, frame ? size_field(data_bytes / frame) : 0);
    }
    p = put32(put_id(p, "data"), size_field(data_bytes));
    return (size_t)(p - out);
}

static int refuse(const char **ret_reason, int err, const char *reason)
{
    if (ret_reason) {
        *ret_reason = reason;
    }
    return err;
}

static int parse_fmt(struct span body, struct wav *w, const char **ret_reason)
{
    if (body.n < 16) {
        return refuse(ret_reason, -ERR_SYNTAX, "the fmt chunk is too short");
    }
    uint32_t tag = le16(body.p);
    uint32_t bits = le16(body.p + 14);
    uint32_t block = le16(body.p + 12);
    w->channels = le16(body.p + 2);
    w->rate_hz = le32(body.p + 4);
    if (tag == TAG_EXTENSIBLE) {
        if (body.n < 40) {
            return refuse(ret_reason, -ERR_SYNTAX, "the extensible fmt chunk is too short");
        }
        tag = le16(body.p + 24); /* the first two bytes of the sub-format's GUID are the tag */
    }
    if (tag == TAG_PCM && (bits == 16 || bits == 8)) {
        w->codec = bits == 16 ? WAV_PCM16 : WAV_PCM8;
    } else if ((tag == TAG_MULAW || tag == TAG_ALAW) && bits == 8) {
        w->codec = tag == TAG_MULAW ? WAV_MULAW : WAV_ALAW;
    } else {
        return refuse(ret_reason, -ERR_TYPE, "only 16-bit and 8-bit PCM, mu-law and A-law are read");
    }
    if (w->channels == 0 || w->channels > WAV_CHANNELS_MAX) {
        return refuse(ret_reason, -ERR_RANGE, "the number of channels is not between 1 and 8");
    }
    if (w->rate_hz == 0 || w->rate_hz > WAV_RATE_MAX) {
        return refuse(ret_reason, -ERR_RANGE, "the sample rate is not between 1 and 192000 Hz");
    }
    if (block != w->channels * wav_sample_bytes(w->codec)) {
        return refuse(ret_reason, -ERR_RANGE, "the block size does not match channels and bits");
    }
    return 0;
}

int wav_parse(struct span file, struct wav *ret, const char **ret_reason)
{
    struct wav w = {0};
    bool has_fmt = false;
    if (file.n < 12 || memcmp(file.p, "RIFF", 4) != 0 || memcmp(file.p + 8, "WAVE", 4) != 0) {
        return refuse(ret_reason, -ERR_SYNTAX, "not a RIFF/WAVE file");
    }
    size_t at = 12;
    while (file.n - at >= 8) {
        const uint8_t *id = file.p + at;
        size_t size = le32(id + 4);
        struct span body = {id + 8, file.n - at - 8};
        if (memcmp(id, "data", 4) == 0) {
            if (!has_fmt) {
                return refuse(ret_reason, -ERR_MISSING, "the data chunk comes before the fmt chunk");
            }
            size_t frame = (size_t)w.channels * wav_sample_bytes(w.codec);
            body.n = MIN(body.n, size); /* 0xFFFFFFFF or too long: until the end */
            body.n -= body.n % frame;
            w.data = body;
            *ret = w;
            return 0;
        }
        if (size > body.n) {
            return refuse(ret_reason, -ERR_SYNTAX, "a chunk reaches beyond the end of the file");
        }
        body.n = size;
        if (memcmp(id, "fmt ", 4) == 0) {
            int err = parse_fmt(body, &w, ret_reason);
            if (err < 0) {
                return err;
            }
            has_fmt = true;
        }
        at += 8 + MIN(size + (size & 1), file.n - at - 8); /* chunks are padded to even lengths */
    }
    return refuse(ret_reason, -ERR_MISSING, has_fmt ? "the file has no data chunk" : "the file has no fmt chunk");
}

size_t wav_frames(const struct wav *wav)
{
    return wav->data.n / ((size_t)wav->channels * wav_sample_bytes(wav->codec));
}

static int32_t sample_at(const struct wav *wav, size_t i)
{
    switch (wav->codec) {
    case WAV_PCM16:
        return (int16_t)(uint16_t)le16(wav->data.p + 2 * i);
    case WAV_PCM8:
        return ((int32_t)wav->data.p[i] - 128) * 256;
    case WAV_MULAW:
        return g711_mulaw_decode1(wav->data.p[i]);
    case WAV_ALAW:
        return g711_alaw_decode1(wav->data.p[i]);
    }
    return 0;
}

size_t wav_read_mono(const struct wav *wav, size_t first, size_t n, int16_t *out)
{
    size_t frames = wav_frames(wav);
    first = MIN(first, frames);
    n = MIN(n, frames - first);
    for (size_t i = 0; i < n; i++) {
        int32_t sum = 0;
        for (size_t ch = 0; ch < wav->channels; ch++) {
            sum += sample_at(wav, (first + i) * wav->channels + ch);
        }
        out[i] = (int16_t)(sum / (int32_t)wav->channels);
    }
    return n;
}
