/* Rules of a tool from the configuration: what is not said for the tool is said for all of them. */
#include <stdlib.h>
#include <string.h>

#include "audio/codec.h"
#include "base/err.h"
#include "gateway/mapped.h"
#include "gateway/snapshot.h"
#include "gateway/wav_sound.h"

#define SOUND_RATE_HZ 8000
#define SOUND_MAX_S   10

static int encode_sound(const struct wav *wav, uint8_t **ret_bytes, struct span *ret)
{
    int16_t *pcm = NULL;
    size_t n = 0;
    int err = wav_sound_read(wav, 0, SOUND_RATE_HZ, &pcm, &n);
    if (err < 0) {
        return err;
    }
    if (n > (size_t)SOUND_RATE_HZ * SOUND_MAX_S) {
        free(pcm);
        return -ERR_TOO_BIG;
    }
    *ret_bytes = malloc(MAX(n, (size_t)1));
    if (*ret_bytes) {
        *ret = span_from(*ret_bytes, codec_encode(AUDIO_PCMU, pcm, n, *ret_bytes));
    }
    free(pcm);
    return *ret_bytes ? 0 : -ENOMEM;
}

int snapshot_sound(struct str file, const char *key, uint8_t **ret_bytes, struct span *ret, struct buf *ret_err)
{
    struct span bytes;
    struct wav wav;
    const char *reason = NULL;
    int err = mapped_open(file.p, &bytes);
    if (err >= 0) {
        err = wav_parse(bytes, &wav, &reason);
        err = err < 0 ? err : encode_sound(&wav, ret_bytes, ret);
        mapped_close(bytes);
    }
    if (err < 0) {
        buf_printf(ret_err, "%s: %s: %s", key, file.p,
                   reason                ? reason
                   : err == -ERR_TOO_BIG ? "it is longer than ten seconds"
                                         : err_text(err));
    }
    return err;
}

static int fill_filler(const struct config *cfg, const struct config_tool *t, struct snapshot_tool *slot,
                       struct buf *ret_err)
{
    struct tool_filler *f = &slot->call.rules.filler;
    bool own = t->rules.filler.words.n > 0 || t->filler_sound.n > 0;
    struct str sound = own ? t->filler_sound : cfg->filler.sound;
    bool on = t->fills && (own || t->rules.filler.after_ms || cfg->filler.enabled);
    *f = (struct tool_filler){.words = own ? t->rules.filler.words : cfg->filler.words};
    f->after_ms = !on ? 0 : t->rules.filler.after_ms ? t->rules.filler.after_ms : cfg->filler.after_ms;
    return on && sound.n > 0 ? snapshot_sound(sound, "filler.sound", &slot->sound, &f->sound, ret_err) : 0;
}

static void fill_approval(const struct config *cfg, const struct config_tool *t, struct tool_rules *r)
{
    const struct config_approvals *all = &cfg->approvals;
    enum config_policy late = t->approve_late != CONFIG_POLICY_DEFAULT ? t->approve_late : all->late;
    r->approval.kind = t->rules.approval.kind;
    r->approval.timeout_ms = t->rules.approval.timeout_ms ? t->rules.approval.timeout_ms : all->timeout_ms;
    r->approval.timeout_approves = late == CONFIG_POLICY_APPROVE;
    r->approval.words = t->rules.approval.words.n ? t->rules.approval.words : all->words;
}

static int compile_conditions(const struct config_tool *t, struct snapshot_tool *slot, struct buf *ret_err)
{
    slot->conditions = calloc(MAX(t->approve_when.n, 1u), sizeof(struct condition *));
    if (!slot->conditions) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < t->approve_when.n; i++) {
        int err = condition_new(t->approve_when.v[i], ret_err, &slot->conditions[i]);
        if (err < 0) {
            return err;
        }
        slot->n_conditions++;
    }
    return 0;
}

int snapshot_fill_rules(const struct config *cfg, const struct config_tool *t, struct snapshot_tool *slot,
                        struct buf *ret_err)
{
    struct tool_rules *r = &slot->call.rules;
    *r = t->rules;
    if (t->run_ms && !slot->is_webhook) { /* a webhook ends by itself */
        slot->call.deadline_ms = t->run_ms;
    }
    fill_approval(cfg, t, r);
    int err = fill_filler(cfg, t, slot, ret_err);
    return err < 0 ? err : compile_conditions(t, slot, ret_err);
}

void snapshot_rules_done(struct snapshot_tool *slot)
{
    for (uint32_t i = 0; i < slot->n_conditions; i++) {
        condition_free(slot->conditions[i]);
    }
    free(slot->conditions);
    free(slot->sound);
}
