/*
 * WAV files in memory: header writer for recordings that are patched while they grow, tolerant parser, and a reader
 * to mono int16. Pure; files are the host's. Written: PCM16 and G.711. Read: also 8-bit PCM and WAVE_FORMAT_EXTENSIBLE.
 */
#ifndef AUDIO_WAV_H
#define AUDIO_WAV_H

#include "base/buf.h"

#define WAV_HEADER_MAX   58
#define WAV_CHANNELS_MAX 8
#define WAV_RATE_MAX     192000

enum wav_codec { WAV_PCM16, WAV_PCM8, WAV_MULAW, WAV_ALAW };

struct wav {
    enum wav_codec codec;
    uint32_t rate_hz;
    uint32_t channels;
    struct span data; /* whole frames of all channels; lends the file */
};

/* Bytes of one sample of one channel. */
uint32_t wav_sample_bytes(enum wav_codec codec);

/*
 * Header of a file whose data will be data_bytes long: write it at the start with 0, and again at the end (or now and
 * then, so that it is valid after a crash). Data longer than 4 GiB is written as 0xFFFFFFFF, "until the end". A file
 * with an odd number of data bytes needs one more zero byte behind them.
 *   out    WAV_HEADER_MAX bytes
 * Returns the length: 44 for linear, 58 for G.711. wav->data is not looked at.
 */
size_t wav_header(uint8_t *out, const struct wav *wav, uint64_t data_bytes);

/*
 * Parses a whole file. Unknown chunks are skipped; a data size that is 0xFFFFFFFF or reaches beyond the end means
 * "until the end". ret_reason, on error: one sentence, static; may be NULL.
 * Returns 0; -ERR_SYNTAX (no RIFF/WAVE file, chunks cut off), -ERR_MISSING (no fmt or no data), -ERR_TYPE (a codec
 * that we do not read), -ERR_RANGE (rate, channels or block size make no sense).
 */
MUST_USE int wav_parse(struct span file, struct wav *ret, const char **ret_reason);

/* Frames (samples per channel) in the data. */
size_t wav_frames(const struct wav *wav);
/* Mean of all channels as int16; from frame first on, at most n. Returns the frames written to out. */
size_t wav_read_mono(const struct wav *wav, size_t first, size_t n, int16_t *out);

#endif
