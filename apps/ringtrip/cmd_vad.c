#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "command.h"
#include "gateway/mapped.h"
#include "gateway/vad_load.h"
#include "gateway/vad_scan.h"
#include "gateway/wav_sound.h"

static const char usage[] =
    "usage: ringtrip vad FILE.wav [--csv] [--start P] [--end P] [--min-silence MS] [--channel left|right]\n"
    "                    [--branch 8k|16k] [--kernel NAME] [--vad-model FILE]\n\n"
    "What the speech detector hears in a file: an aid for choosing thresholds. Reads PCM16, PCM8, mu-law and A-law.\n"
    "Recordings of calls are stereo: the caller is left, the agent right.\n\n"
    "      --csv             chunk,probability: one line for each 32 ms, and nothing else\n"
    "      --start P         speech begins at or above this probability (default 0.5)\n"
    "      --end P           silence is counted below this one (default: 0.15 below --start)\n"
    "      --min-silence MS  so much silence ends a stretch of speech (default 400)\n"
    "      --channel SIDE    of a stereo file (default left)\n"
    "      --branch RATE     of the network: 8k, as calls use it, or 16k (default: 16k for files of 16000 Hz, else "
    "8k;\n"
    "                        files of other rates are resampled)\n"
    "      --kernel NAME     avx2 or portable (default: the fastest that this CPU can run)\n"
    "      --vad-model FILE  these weights (default: RINGTRIP_VAD_MODEL, else those built in)\n\n"
    "Exit status: 0 done, 1 the file, the weights or the kernel cannot be used, 2 usage.\n";

enum { OPT_CSV, OPT_START, OPT_END, OPT_SILENCE, OPT_CHANNEL, OPT_BRANCH, OPT_KERNEL, OPT_MODEL, OPT_HELP };
static const struct option options[] = {
    [OPT_CSV] = {"--csv", NULL, false},        [OPT_START] = {"--start", NULL, true},
    [OPT_END] = {"--end", NULL, true},         [OPT_SILENCE] = {"--min-silence", NULL, true},
    [OPT_CHANNEL] = {"--channel", NULL, true}, [OPT_BRANCH] = {"--branch", NULL, true},
    [OPT_KERNEL] = {"--kernel", NULL, true},   [OPT_MODEL] = {"--vad-model", NULL, true},
    [OPT_HELP] = {"--help", "-h", false},
};

struct request {
    const char *file, *model;
    bool csv, help;
    double start, end; /* end < 0: not given */
    int64_t min_silence_ms;
    uint32_t channel;
    int branch; /* -1: as the file is */
    const struct vad_kernel *kernel;
};

/* ---- arguments ---- */

static int read_probability(const char *option, const char *text, double *ret)
{
    if (str_to_f64(str_from(text), ret) < 0 || !(*ret >= 0 && *ret <= 1)) {
        ignore_result(fprintf(stderr, "ringtrip vad: %s: a number from 0 to 1, not %s\n", option, text) < 0);
        return STATUS_USAGE;
    }
    return 0;
}

/* Index of the word in the list, or -1. */
static int word_of(const char *text, const char *a, const char *b)
{
    return str_is(str_from(text), a) ? 0 : str_is(str_from(text), b) ? 1 : -1;
}

static int read_kernel(const char *name, const struct vad_kernel **ret)
{
    for (const struct vad_kernel *const *k = vad_kernels(); *k; k++) {
        if (!str_is(str_from(name), vad_kernel_name(*k))) {
            continue;
        }
        if (!vad_kernel_runs(*k)) {
            ignore_result(fprintf(stderr, "ringtrip vad: this CPU cannot run the kernel %s\n", name) < 0);
            return STATUS_FAILED;
        }
        *ret = *k;
        return 0;
    }
    return usage_error("vad", "no such kernel in this build:", name);
}

static int read_option(struct request *r, int option, const char *value)
{
    int word = -1;
    switch (option) {
    case OPT_CSV:
        r->csv = true;
        return 0;
    case OPT_START:
        return read_probability("--start", value, &r->start);
    case OPT_END:
        return read_probability("--end", value, &r->end);
    case OPT_SILENCE:
        if (str_to_i64(str_from(value), &r->min_silence_ms) < 0 || r->min_silence_ms < 0 || r->min_silence_ms > 60000) {
            return usage_error("vad", "--min-silence: milliseconds from 0 to 60000, not", value);
        }
        return 0;
    case OPT_CHANNEL:
        word = word_of(value, "left", "right");
        r->channel = (uint32_t)MAX(word, 0);
        return word < 0 ? usage_error("vad", "--channel: left or right, not", value) : 0;
    case OPT_BRANCH:
        word = word_of(value, "8k", "16k");
        r->branch = word == 1 ? VAD_16K : VAD_8K;
        return word < 0 ? usage_error("vad", "--branch: 8k or 16k, not", value) : 0;
    case OPT_KERNEL:
        return read_kernel(value, &r->kernel);
    case OPT_MODEL:
        r->model = value;
        return 0;
    }
    r->help = true;
    return 0;
}

static int read_args(struct request *r, int argc, char **argv)
{
    struct args a;
    const char *value = NULL;
    int got;
    args_init(&a, argc, argv);
    while ((got = args_next(&a, options, ARRAY_LEN(options), &value)) != ARGS_END) {
        if (got == ARGS_WORD && !r->file) {
            r->file = value;
            continue;
        }
        if (got == ARGS_WORD) {
            return usage_error("vad", "one file at a time, not also", value);
        }
        int status = got < 0 ? STATUS_USAGE : read_option(r, got, value);
        if (status != 0) {
            return status;
        }
    }
    if (r->help) {
        return 0;
    }
    if (!r->file) {
        return usage_error("vad", "which file?", NULL);
    }
    if (r->end < 0) {
        r->end = MAX(r->start - 0.15, 0);
    }
    return r->end > r->start ? usage_error("vad", "the end threshold lies above the start threshold", NULL) : 0;
}

/* ---- output ---- */

#define BAR 72

struct output {
    bool csv;
    uint32_t chunks;    /* of the whole file */
    uint64_t speech_ms; /* in all */
    uint32_t stretches;
    float bar[BAR]; /* highest probability of each part of the file */
};

static void on_chunk(uint32_t chunk, float probability, void *arg)
{
    struct output *out = arg;
    if (out->csv) {
        ignore_result(printf("%u,%.7g\n", chunk, (double)probability) < 0); /* main looks */
        return;
    }
    float *part = &out->bar[(uint64_t)chunk * BAR / out->chunks];
    *part = MAX(*part, probability);
}

static void on_speech(const struct vad_speech *s, void *arg)
{
    struct output *out = arg;
    if (out->csv) {
        return;
    }
    if (out->stretches == 0) {
        ignore_result(puts("   from s      to s   length s   peak   mean") < 0);
    }
    ignore_result(printf("%9.3f %9.3f %10.3f %6.2f %6.2f\n", (double)s->start_ms / 1e3, (double)s->end_ms / 1e3,
                         (double)(s->end_ms - s->start_ms) / 1e3, (double)s->peak, (double)s->mean) < 0);
    out->stretches++;
    out->speech_ms += s->end_ms - s->start_ms;
}

/* One character for each part of the file: # at or above the start threshold, - at or above the end threshold. */
static void print_bar(const struct request *r, const struct output *out)
{
    char line[BAR + 1];
    uint32_t n = MIN(out->chunks, BAR);
    for (uint32_t i = 0; i < n; i++) {
        /* fewer chunks than places: only every so manyth place was filled */
        double p = (double)out->bar[out->chunks < BAR ? i * BAR / out->chunks : i];
        line[i] = p >= r->start ? '#' : p >= r->end ? '-' : '.';
    }
    line[n] = '\0';
    ignore_result(
        printf("\n%s\n# speech, - between the thresholds, . silence; the whole file from left to right\n", line) < 0);
}

static void scan(const struct request *r, const struct vad_model *m, const struct wav *wav, enum vad_branch branch,
                 const int16_t *pcm, size_t n)
{
    static const struct vad_scan_handler handler = {.on_chunk = on_chunk, .on_speech = on_speech};
    size_t chunk = vad_chunk_samples(branch);
    struct output out = {.csv = r->csv, .chunks = (uint32_t)((n + chunk - 1) / chunk)};
    struct vad_scan_opts o = {.branch = branch,
                              .kernel = r->kernel ? r->kernel : vad_kernel_best(),
                              .start_ppm = (uint32_t)(r->start * 1e6 + 0.5),
                              .end_ppm = (uint32_t)(r->end * 1e6 + 0.5),
                              .min_silence_ms = (uint32_t)r->min_silence_ms};
    double seconds = (double)n / vad_rate_hz(branch);
    if (r->csv) {
        ignore_result(puts("chunk,probability") < 0);
    } else {
        ignore_result(printf("%s: %.3f s, %u Hz, %s%s; %s branch, kernel %s, model %s\n"
                             "start %.2f, end %.2f, silence %lld ms\n\n",
                             r->file, seconds, wav->rate_hz,
                             wav->channels == 1 ? "mono"
                             : r->channel == 0  ? "left"
                                                : "right",
                             wav->channels == 1 ? "" : " channel", branch == VAD_16K ? "16 kHz" : "8 kHz",
                             vad_kernel_name(o.kernel), vad_model_id(m), r->start, r->end,
                             (long long)r->min_silence_ms) < 0);
    }
    vad_scan(m, &o, pcm, n, &handler, &out);
    if (r->csv) {
        return;
    }
    if (out.chunks) {
        print_bar(r, &out);
    }
    ignore_result(printf("%u %s of speech, %.3f s of %.3f\n", out.stretches,
                         out.stretches == 1 ? "stretch" : "stretches", (double)out.speech_ms / 1e3, seconds) < 0);
}

/* ---- files ---- */

static int complain(const char *what, const char *why)
{
    ignore_result(fprintf(stderr, "ringtrip vad: %s%s%s\n", what ? what : "", what ? ": " : "", why) < 0);
    return STATUS_FAILED;
}

static int scan_wav(const struct request *r, const struct vad_model *m, struct span file)
{
    struct wav wav;
    const char *reason = NULL;
    int16_t *pcm = NULL;
    size_t n = 0;
    if (wav_parse(file, &wav, &reason) < 0) {
        return complain(r->file, reason);
    }
    enum vad_branch branch = r->branch >= 0 ? (enum vad_branch)r->branch : wav.rate_hz == 16000 ? VAD_16K : VAD_8K;
    int err = wav_sound_read(&wav, r->channel, vad_rate_hz(branch), &pcm, &n);
    if (err < 0) {
        return complain(r->file, err == -ERR_TOO_BIG ? "the sound is too long" : err_text(err));
    }
    scan(r, m, &wav, branch, pcm, n);
    free(pcm);
    return STATUS_OK;
}

static int load_model(const char *file, struct vad_model **ret)
{
    struct buf why;
    file = file ? file : getenv("RINGTRIP_VAD_MODEL");
    buf_init(&why, 4096);
    int err = vad_load(str_from(file ? file : ""), &why, ret);
    if (err < 0) {
        const char *text = buf_cstr(&why);
        complain(NULL, text ? text : err_text(err));
    }
    buf_done(&why);
    return err;
}

int cmd_vad(int argc, char **argv)
{
    struct request r = {.start = 0.5, .end = -1, .min_silence_ms = 400, .branch = -1};
    struct vad_model *model = NULL;
    struct span file;
    int status = read_args(&r, argc, argv);
    if (status != 0) {
        return status;
    }
    if (r.help) {
        return usage_help(usage);
    }
    if (load_model(r.model, &model) < 0) {
        return STATUS_FAILED;
    }
    int err = mapped_open(r.file, &file);
    if (err < 0) {
        status = complain(r.file, err_text(err));
    } else {
        status = scan_wav(&r, model, file);
        mapped_close(file);
    }
    vad_model_free(model);
    return status;
}
