#include "peer/speech/speech_asr.h"

#include <fcntl.h>
#include <pocketsphinx.h>
#include <ps_search.h>
#include <sphinxbase/err.h>
#include <sphinxbase/jsgf.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"

#define MAX_UTTERANCE_S 60
#define DICT_MAX_BYTES  (16u << 20)
#define LINE_MAX_BYTES  256
#define MIN_WORD_MS     150 /* nobody speaks faster: "uh huh" is not three digits */

#ifdef __SANITIZE_ADDRESS__
/* The library loses some hundred bytes of each grammar that it parses; leaks of ours are still found. */
const char *__lsan_default_suppressions(void);
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void)
{
    return "leak:libsphinxbase.so";
}
#endif

struct asr {
    ps_decoder_t *grammar;
    ps_decoder_t *phones;
    int32_t max_margin;
    double s_per_word;
    double s_extra;
};

bool asr_available(void)
{
    return true;
}

/* ---- the dictionary, cut to the grammar's words: 10 ms to load instead of 70, and a third of the memory ---- */

struct dict_maker {
    const struct asr_opts *opts;
    struct str *sorted;
    bool *found;
    struct buf out;
};

static int word_compare(const void *a, const void *b)
{
    const struct str *x = a, *y = b;
    int order = memcmp(x->p, y->p, MIN(x->n, y->n));
    return order ? order : (x->n > y->n) - (x->n < y->n);
}

/* "word PHONES" or "word(2) PHONES", another way to say it. */
static void dict_take_line(struct dict_maker *m, struct str line)
{
    struct str word = {line.p, str_find(line, ' ')};
    word.n = MIN(word.n, str_find(word, '('));
    const struct str *hit = bsearch(&word, m->sorted, m->opts->n_words, sizeof(*m->sorted), word_compare);
    if (hit) {
        m->found[hit - m->sorted] = true;
        buf_put_str(&m->out, line);
        buf_putc(&m->out, '\n');
    }
}

static int dict_read(struct dict_maker *m, const char *path, struct buf *ret_err)
{
    FILE *f = fopen(path, "re");
    if (!f) {
        int err = -errno;
        buf_printf(ret_err, "%s cannot be read; is the package pocketsphinx-en-us installed?", path);
        return err;
    }
    char line[LINE_MAX_BYTES];
    while (fgets(line, sizeof(line), f)) {
        dict_take_line(m, str_trim(str_from(line)));
    }
    fclose(f);
    return 0;
}

static int dict_add_missing(struct dict_maker *m, struct buf *ret_err)
{
    for (size_t i = 0; i < m->opts->n_words; i++) {
        struct str phones, word = m->sorted[i];
        if (m->found[i]) {
            continue;
        }
        if (!m->opts->pronounce || !m->opts->pronounce(word, &phones, m->opts->arg)) {
            buf_printf(ret_err,
                       "the word \"" STR_FMT "\" is in no dictionary; write its phones under \"pronunciations\"",
                       STR_ARG(word));
            return -ENOENT;
        }
        buf_printf(&m->out, STR_FMT " " STR_FMT "\n", STR_ARG(word), STR_ARG(phones));
    }
    return m->out.err;
}

/* The decoders read their dictionary from a path: an anonymous file has one. */
static int dict_make(const struct asr_opts *opts, const char *path, struct buf *ret_err, int *ret_fd)
{
    struct dict_maker m = {.opts = opts};
    buf_init(&m.out, DICT_MAX_BYTES);
    m.sorted = calloc(opts->n_words + 1, sizeof(*m.sorted));
    m.found = calloc(opts->n_words + 1, sizeof(*m.found));
    int err = -ENOMEM;
    if (m.sorted && m.found) {
        memcpy(m.sorted, opts->words, opts->n_words * sizeof(*m.sorted));
        qsort(m.sorted, opts->n_words, sizeof(*m.sorted), word_compare);
        err = dict_read(&m, path, ret_err);
    }
    if (err >= 0) {
        err = dict_add_missing(&m, ret_err);
    }
    int fd = err >= 0 ? memfd_create("sandbox-dictionary", MFD_CLOEXEC) : -1;
    if (err >= 0 && (fd < 0 || write(fd, buf_ptr(&m.out), m.out.len) != (ssize_t)m.out.len)) {
        err = -errno;
    }
    free(m.sorted);
    free(m.found);
    buf_done(&m.out);
    if (err < 0) {
        if (fd >= 0) {
            close(fd);
        }
        return err;
    }
    *ret_fd = fd;
    return 0;
}

/* ---- decoders ---- */

static ps_decoder_t *decoder_new(const char *hmm, const char *dict, const char *phone_lm)
{
    cmd_ln_t *config =
        phone_lm ? cmd_ln_init(NULL, ps_args(), TRUE, "-hmm", hmm, "-dict", dict, "-allphone", phone_lm, "-allphone_ci",
                               "yes", "-lw", "2.0", "-beam", "1e-20", "-pbeam", "1e-20", "-logfn", "/dev/null", NULL)
                 : cmd_ln_init(NULL, ps_args(), TRUE, "-hmm", hmm, "-dict", dict, "-logfn", "/dev/null", NULL);
    if (!config) {
        return NULL;
    }
    ps_decoder_t *ps = ps_init(config);
    cmd_ln_free_r(config);
    return ps;
}

/* What ps_set_jsgf_string does, but that one forgets to free the parsed grammar. */
static bool decoder_set_grammar(ps_decoder_t *ps, const char *text)
{
    jsgf_t *jsgf = jsgf_parse_string(text, NULL);
    jsgf_rule_t *rule = jsgf ? jsgf_get_public_rule(jsgf) : NULL;
    float lw = (float)cmd_ln_float32_r(ps_get_config(ps), "-lw");
    fsg_model_t *fsg = rule ? jsgf_build_fsg(jsgf, rule, ps_get_logmath(ps), lw) : NULL;
    bool ok = fsg && ps_set_fsg(ps, "dialogue", fsg) == 0 && ps_set_search(ps, "dialogue") == 0;
    fsg_model_free(fsg);
    if (jsgf) {
        jsgf_grammar_free(jsgf);
    }
    return ok;
}

static int decoders_open(struct asr *a, const struct asr_opts *opts, const char *dir, int dict_fd)
{
    char hmm[512], lm[512], dict[64];
    snprintf(hmm, sizeof(hmm), "%s/en-us/en-us", dir);
    snprintf(lm, sizeof(lm), "%s/en-us/en-us-phone.lm.bin", dir);
    snprintf(dict, sizeof(dict), "/proc/self/fd/%d", dict_fd);
    a->grammar = decoder_new(hmm, dict, NULL);
    a->phones = a->grammar ? decoder_new(hmm, dict, lm) : NULL;
    if (!a->phones) {
        return -ENOENT;
    }
    char *jsgf = str_dup(opts->jsgf);
    if (!jsgf) {
        return -ENOMEM;
    }
    bool ok = decoder_set_grammar(a->grammar, jsgf);
    free(jsgf);
    return ok ? 0 : -ERR_SYNTAX;
}

int asr_new(const struct asr_opts *opts, struct buf *ret_err, struct asr **ret)
{
    err_set_logfp(NULL);
    const char *dir = opts->model_dir ? opts->model_dir : SPEECH_MODEL_DIR;
    char dict_path[512];
    snprintf(dict_path, sizeof(dict_path), "%s/en-us/cmudict-en-us.dict", dir);
    int fd = -1;
    int err = dict_make(opts, dict_path, ret_err, &fd);
    if (err < 0) {
        return err;
    }
    struct asr *a = calloc(1, sizeof(*a));
    err = a ? decoders_open(a, opts, dir, fd) : -ENOMEM;
    close(fd);
    if (err < 0) {
        if (ret_err->len == 0) {
            buf_printf(ret_err, "the recogniser cannot be set up with the models of %s and this grammar", dir);
        }
        asr_free(a);
        return err;
    }
    a->max_margin = opts->max_margin ? opts->max_margin : 1500;
    a->s_per_word = opts->s_per_word > 0 ? opts->s_per_word : 0.6;
    a->s_extra = opts->s_extra > 0 ? opts->s_extra : 0.5;
    *ret = a;
    return 0;
}

struct asr *asr_free(struct asr *a)
{
    if (a) {
        if (a->grammar) {
            ps_free(a->grammar);
        }
        if (a->phones) {
            ps_free(a->phones);
        }
        free(a);
    }
    return NULL;
}

/* ---- hearing ---- */

/*
 * 8 to 16 kHz by straight lines, on purpose no good resampler: the mirror image it leaves above 4 kHz fills the upper
 * filters of the wide-band model, which lowers the error rate.
 */
static int16_t *upsample(const int16_t *pcm, size_t n)
{
    int16_t *out = malloc(n * 2 * sizeof(*out));
    for (size_t i = 0; out && i < n; i++) {
        int next = i + 1 < n ? pcm[i + 1] : pcm[i];
        out[2 * i] = pcm[i];
        out[2 * i + 1] = (int16_t)((pcm[i] + next) / 2);
    }
    return out;
}

/* The whole utterance in one piece after a fresh stream start: nothing is carried over from the one before. */
static const char *decode(ps_decoder_t *ps, const int16_t *pcm, size_t n, int32_t *ret_score, bool *ret_failed)
{
    *ret_failed = ps_start_stream(ps) < 0 || ps_start_utt(ps) < 0 || ps_process_raw(ps, pcm, n, FALSE, TRUE) < 0;
    if (ps_end_utt(ps) < 0) {
        *ret_failed = true;
    }
    return *ret_failed ? NULL : ps_get_hyp(ps, ret_score);
}

static uint32_t word_count(struct str s)
{
    uint32_t n = 0;
    struct str part;
    while (str_split(&s, ' ', &part)) {
        n += part.n > 0;
    }
    return n;
}

int asr_hear(struct asr *a, const int16_t *pcm, size_t n, uint32_t silence_ms, struct asr_result *ret)
{
    if (n == 0 || n > (size_t)MAX_UTTERANCE_S * 8000) {
        return -EINVAL;
    }
    int16_t *wide = upsample(pcm, n);
    if (!wide) {
        return -ENOMEM;
    }
    struct asr_result r = {0};
    bool failed = false;
    int32_t grammar_score = 0, phone_score = 0;
    const char *words = decode(a->grammar, wide, n * 2, &grammar_score, &failed);
    if (words && str_copy(r.words, sizeof(r.words), str_from(words)) < 0) {
        words = NULL; /* longer than any sentence of a grammar: not understood */
    }
    const char *sounds = words && words[0] && !failed ? decode(a->phones, wide, n * 2, &phone_score, &failed) : NULL;
    free(wide);
    if (failed) {
        return -EIO;
    }
    uint64_t total_ms = n / 8;
    r.speech_ms = (uint32_t)(total_ms > silence_ms ? total_ms - silence_ms : 0);
    r.margin = phone_score - grammar_score;
    uint32_t n_words = word_count(str_from(r.words));
    double allowed_s = a->s_per_word * n_words + a->s_extra;
    bool speakable = r.speech_ms <= allowed_s * 1000.0 && r.speech_ms >= n_words * MIN_WORD_MS;
    r.accepted = sounds && r.words[0] && r.margin <= a->max_margin && speakable;
    *ret = r;
    return 0;
}
