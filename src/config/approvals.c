/* Rules of tools: whose approval they need, what the caller hears meanwhile, which words are a yes. */
#include <errno.h>
#include <unistd.h>

#include "base/condition.h"
#include "base/err.h"
#include "config/draft.h"

/* Small letters; one of the second kind outweighs all of the first, so that a doubtful answer is asked again. */
static const struct {
    const char *language;
    const char *yes, *no;
} consent_words[] = {
    {"en",
     "yes\nyeah\nyep\nyup\nsure\nok\nokay\ncorrect\nthat is right\nthat's right\ngo ahead\nof course\nabsolutely\n"
     "definitely\ni agree\ndo it",
     "no\nnope\nnah\nnot\ndon't\ndo not\nnever\nstop\nwait\ncancel\nhold on"},
    {"de",
     "ja\njawohl\ngenau\nrichtig\nstimmt\neinverstanden\ngern\ngerne\nin ordnung\nmachen sie das\nklar\nnatürlich\n"
     "ok\nokay",
     "nein\nnee\nnö\nnicht\nkein\nkeine\nniemals\nstopp\nhalt\nwarten\nwarte\nmoment\nabbrechen"},
    {"fr", "oui\nouais\nd'accord\nbien sûr\nexact\nexactement\ntout à fait\nallez-y\nvolontiers\nok",
     "non\npas\njamais\nstop\nattendez\nattends\nannulez\nannuler"},
    {"es", "sí\nclaro\nvale\nde acuerdo\ncorrecto\nexacto\npor supuesto\nadelante\nok",
     "no\nnunca\njamás\ntampoco\nespere\nespera\npare\ncancele\ncancelar"},
    {"it", "sì\ncerto\ncertamente\nva bene\nd'accordo\nesatto\ngiusto\nproceda\nok",
     "no\nnon\nmai\naspetti\naspetta\nfermi\nannulli\nannulla"},
    {"pt", "sim\nclaro\ncom certeza\npode ser\nestá bem\ntá bom\ncorreto\nexato\nde acordo\nok",
     "não\nnao\nnunca\nespere\nespera\npare\ncancele\ncancelar"},
    {"nl", "ja\njazeker\nzeker\nklopt\nakkoord\nprima\ngoed\noké\nok\nnatuurlijk",
     "nee\nniet\ngeen\nnooit\nstop\nwacht\nannuleer\nannuleren"},
};

#define WORDS_MAX (64 * 1024)

static const struct origin *origin_of_key(const struct origin *origins, const char *key, const struct origin *entry)
{
    const struct origin *at = &origins[option_find(OPTION_TOOL, str_from(key)) - option_table];

    return at->kind == ORIGIN_DEFAULT ? entry : at;
}

static void check_conditions(struct draft *d, const struct config_tool *tool, const char *prefix,
                             const struct origin *at)
{
    for (uint32_t i = 0; i < tool->approve_when.n; i++) {
        struct condition *c = NULL;
        struct buf why;
        int err;

        buf_init(&why, 256);
        err = condition_new(tool->approve_when.v[i], &why, &c);
        condition_free(c);
        if (err == -ENOMEM) {
            d->out_of_memory = true;
        } else if (err < 0) {
            draft_fail(d, at, "%sapproval.when: \"%.60s\": %s", prefix, tool->approve_when.v[i].p,
                       why.err < 0 ? err_text(err) : buf_cstr(&why));
        }
        buf_done(&why);
    }
}

static void check_sound(struct draft *d, struct str file, const char *prefix, const struct origin *at)
{
    if (file.n && access(file.p, R_OK) < 0) {
        draft_fail(d, at, "%sfiller.sound: %.200s: %s", prefix, file.p, err_text(-errno));
    }
}

static bool ends_call(struct str name)
{
    return str_is(name, "end_call") || str_is(name, "hangup_call");
}

void check_tool_rules(struct draft *d, struct config_tool *tool, const char *prefix, const struct origin *origins,
                      const struct origin *entry)
{
    const struct origin *mode_at = origin_of_key(origins, "approval.mode", entry);
    enum approval_kind *kind = &tool->rules.approval.kind;
    bool conditions = tool->approve_when.n > 0;

    if (conditions && mode_at == entry) {
        *kind = APPROVAL_WHEN; /* the conditions say it */
    }
    if (conditions && *kind != APPROVAL_WHEN) {
        draft_fail(d, mode_at, "%sapproval.mode: with conditions it can only be when", prefix);
    }
    if (*kind == APPROVAL_WHEN && !conditions) {
        draft_fail(d, mode_at, "%sapproval.when is missing: the conditions that make an approval necessary", prefix);
    }
    if (*kind != APPROVAL_NEVER && ends_call(tool->name)) {
        draft_fail(d, mode_at, "%sapproval: %s ends the call and waits for nobody", prefix, tool->name.p);
    }
    check_conditions(d, tool, prefix, origin_of_key(origins, "approval.when", entry));
    check_sound(d, tool->filler_sound, prefix, origin_of_key(origins, "filler.sound", entry));
}

/* ------------------------------------------------------------------------------------------------ words */

static void put_list(const struct config_list *list, struct buf *out)
{
    for (uint32_t i = 0; i < list->n; i++) {
        buf_puts(out, out->len ? "\n" : "");
        buf_put_str(out, list->v[i]);
    }
}

static void put_language(struct str language, bool yes, struct buf *out)
{
    for (uint32_t i = 0; i < ARRAY_LEN(consent_words); i++) {
        if (str_is(language, consent_words[i].language)) {
            buf_puts(out, out->len ? "\n" : "");
            buf_puts(out, yes ? consent_words[i].yes : consent_words[i].no);
        }
    }
}

static void put_words(const struct config *cfg, bool yes, struct buf *out)
{
    const struct config_approvals *a = &cfg->approvals;
    const struct config_list *given = yes ? &a->yes : &a->no;

    if (given->n) {
        put_list(given, out);
        return;
    }
    for (uint32_t i = 0; i < a->languages.n; i++) {
        put_language(a->languages.v[i], yes, out);
    }
    if (a->languages.n == 0) {
        put_language(STR("en"), yes, out);
        if (!str_is(cfg->agent.transcription.language, "en")) {
            put_language(cfg->agent.transcription.language, yes, out);
        }
    }
}

static struct str keep_words(struct draft *d, bool yes)
{
    struct str kept = STR("");
    struct buf out;

    buf_init(&out, WORDS_MAX);
    put_words(d->cfg, yes, &out);
    if (out.err == -ENOMEM) {
        d->out_of_memory = true;
    } else if (out.err >= 0) {
        kept = arena_str(d->arena, buf_str(&out));
        d->out_of_memory = d->out_of_memory || !kept.p;
    } else {
        draft_fail(d, draft_origin(d, yes ? "approvals.yes" : "approvals.no"), "approvals.%s: %s", yes ? "yes" : "no",
                   err_text(out.err));
    }
    buf_done(&out);
    return kept;
}

void finish_approvals(struct draft *d)
{
    struct config_approvals *a = &d->cfg->approvals;

    a->yes_words = keep_words(d, true);
    a->no_words = keep_words(d, false);
    check_sound(d, d->cfg->filler.sound, "", draft_origin(d, "filler.sound"));
}
