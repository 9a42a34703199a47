/*
 * Turn detection, interruption and silence. Two detectors may be at work, the service's and our own, and users of other
 * systems know each setting under either name: a setting that is given for one serves the other too, unless that has
 * its own. Here it is decided which of them run, and what each is told.
 */
#include "config/draft.h"

#define TD              "agent.turn_detection."
#define HYSTERESIS_PPM  150000 /* silence is counted from so far below the start, as the network's makers advise */
#define LOWEST_PPM      10000
#define KIND(k)         (1u << TURN_##k)
#define OWN_DETECTOR    (KIND(LOCAL) | KIND(HYBRID) | KIND(MANUAL))
#define EAGER_HIGH_MS   400 /* halfway between the usual 300, 500 and 700 ms */
#define EAGER_MEDIUM_MS 600

struct preset {
    uint32_t ppm;
    uint32_t silence_ms;
};

static const struct preset presets[CONFIG_PRESET_N] = {
    [CONFIG_PRESET_QUIET] = {300000, 300},
    [CONFIG_PRESET_NOISY] = {700000, 700},
};

/* One setting under its two names; the environment speaks to ours. */
struct pair {
    const char *ours;
    const char *services;
};

static const struct pair start_pair = {TD "start_threshold", TD "threshold"};
static const struct pair silence_pair = {TD "min_silence_ms", TD "silence_duration_ms"};
static const struct pair pad_pair = {TD "pre_speech_pad_ms", TD "prefix_padding_ms"};

static bool pair_given(const struct draft *d, const struct pair *p)
{
    return draft_given(d, p->ours) || draft_given(d, p->services);
}

static bool in_file(const struct draft *d, const char *key)
{
    return draft_origin(d, key)->kind == ORIGIN_FILE;
}

/* Ours takes the service's value: that one stands in the file, ours does not. */
static bool ours_follows(const struct draft *d, const struct pair *p)
{
    return in_file(d, p->services) && !in_file(d, p->ours);
}

static bool services_follows(const struct draft *d, const struct pair *p)
{
    return draft_given(d, p->ours) && !in_file(d, p->services);
}

static void apply_preset(struct draft *d)
{
    struct config_agent *a = &d->cfg->agent;
    const struct preset *p = &presets[a->preset];

    if (a->preset == CONFIG_PRESET_NONE) {
        return;
    }
    if (!pair_given(d, &start_pair)) {
        a->vad.start_ppm = p->ppm;
        a->turn.threshold = p->ppm / 1e6;
    }
    if (!pair_given(d, &silence_pair)) {
        a->vad.min_silence_ms = p->silence_ms;
        a->turn.silence_duration_ms = (int32_t)p->silence_ms;
    }
}

static void share_settings(struct draft *d)
{
    struct call_turn_opts *t = &d->cfg->agent.turn;
    struct call_vad_opts *v = &d->cfg->agent.vad;
    uint32_t pad_max = (uint32_t)option_find(OPTION_ROOT, str_from(pad_pair.ours))->max;

    if (ours_follows(d, &start_pair)) {
        v->start_ppm = (uint32_t)(t->threshold * 1e6 + 0.5);
    } else if (services_follows(d, &start_pair)) {
        t->threshold = v->start_ppm / 1e6;
    }
    if (ours_follows(d, &silence_pair)) {
        v->min_silence_ms = (uint32_t)t->silence_duration_ms;
    } else if (services_follows(d, &silence_pair)) {
        t->silence_duration_ms = (int32_t)v->min_silence_ms;
    }
    if (ours_follows(d, &pad_pair)) {
        v->pre_speech_ms = MIN((uint32_t)t->prefix_padding_ms, pad_max);
    } else if (services_follows(d, &pad_pair)) {
        t->prefix_padding_ms = (int32_t)v->pre_speech_ms;
    }
    if (!draft_given(d, TD "end_threshold")) {
        v->end_ppm = MAX(v->start_ppm, HYSTERESIS_PPM + LOWEST_PPM) - HYSTERESIS_PPM;
    }
    if (!draft_given(d, "agent.barge_in.pause_threshold")) {
        d->cfg->agent.barge_in.pause_ppm = v->start_ppm / 3;
    }
}

static const char *which_start(const struct draft *d)
{
    return ours_follows(d, &start_pair) ? start_pair.services : start_pair.ours;
}

static void check_thresholds(struct draft *d)
{
    const struct call_vad_opts *v = &d->cfg->agent.vad;
    const char *start = which_start(d);
    const char *at = in_file(d, TD "end_threshold") || !draft_given(d, start) ? TD "end_threshold" : start;

    if (v->end_ppm >= v->start_ppm) {
        draft_fail(d, draft_origin(d, at), TD "end_threshold (%.6g) must be below %s (%.6g)", v->end_ppm / 1e6, start,
                   v->start_ppm / 1e6);
    }
}

static bool follows_meaning(const struct config_agent *a)
{
    return a->turn.kind == TURN_SEMANTIC_VAD || (a->turn.kind == TURN_HYBRID && a->service_kind == TURN_SEMANTIC_VAD);
}

/* The service takes no milliseconds there. */
static void choose_eagerness(struct draft *d)
{
    struct config_agent *a = &d->cfg->agent;
    uint32_t silence_ms = a->vad.min_silence_ms;

    if (!follows_meaning(a)) {
        a->turn.eagerness = STR("");
    } else if (!draft_given(d, TD "eagerness") && (pair_given(d, &silence_pair) || a->preset != CONFIG_PRESET_NONE)) {
        a->turn.eagerness = silence_ms <= EAGER_HIGH_MS     ? STR("high")
                            : silence_ms <= EAGER_MEDIUM_MS ? STR("medium")
                                                            : STR("low");
    }
}

/* Under semantic_vad our detector runs for interruptions alone, when somebody has told it how. */
static bool tuned_for_interruptions(const struct draft *d)
{
    const struct config_agent *a = &d->cfg->agent;
    const char *key = TD "interrupt_response";
    bool tuned = pair_given(d, &start_pair) || pair_given(d, &silence_pair) || a->preset != CONFIG_PRESET_NONE;

    return tuned && !(draft_given(d, key) && a->turn.interrupt_response);
}

static void choose_detectors(struct draft *d)
{
    struct config_agent *a = &d->cfg->agent;
    struct call_turn_opts *t = &a->turn;

    switch (t->kind) {
    case TURN_LOCAL:
    case TURN_HYBRID:
        a->vad.on = true;
        t->create_response = t->interrupt_response = false;
        break;
    case TURN_MANUAL:
        a->vad.on = a->barge_in.on;
        t->create_response = t->interrupt_response = false;
        break;
    case TURN_SEMANTIC_VAD:
        a->vad.on = a->barge_in.on && tuned_for_interruptions(d);
        t->interrupt_response = t->interrupt_response && a->barge_in.on && !a->vad.on;
        break;
    case TURN_SERVER_VAD:
        t->interrupt_response = t->interrupt_response && a->barge_in.on;
        break;
    case TURN_KIND_N:
        break;
    }
}

/* Only what the service is to be told stays. */
static void forget_untold(struct draft *d)
{
    const struct config_agent *a = &d->cfg->agent;
    struct call_turn_opts *t = &d->cfg->agent.turn;

    if ((t->kind != TURN_SERVER_VAD && t->kind != TURN_HYBRID) || follows_meaning(a)) {
        t->threshold = -1;
        t->prefix_padding_ms = t->silence_duration_ms = -1;
    }
    if (t->kind != TURN_SERVER_VAD || t->idle_timeout_ms == 0) {
        t->idle_timeout_ms = -1;
    }
    if (t->idle_timeout_ms > 0 && d->provider_count && d->providers[a->provider].v.dialect == CONFIG_BETA) {
        draft_warn(d, TD "idle_timeout_ms has no effect: the beta dialect of %s does not know it", a->provider_name.p);
        t->idle_timeout_ms = -1;
    }
}

struct effect {
    const char *key;
    uint32_t kinds;     /* under which it does something */
    bool with_detector; /* and only while ours runs */
};

static const struct effect effects[] = {
    {TD "end_threshold", OWN_DETECTOR | KIND(SEMANTIC_VAD), true},
    {TD "chunk_samples", OWN_DETECTOR | KIND(SEMANTIC_VAD), true},
    {TD "grace_ms", OWN_DETECTOR | KIND(SEMANTIC_VAD), true},
    {TD "min_speech_ms", KIND(LOCAL) | KIND(HYBRID) | KIND(SEMANTIC_VAD), true},
    {TD "pre_speech_pad_ms", OWN_DETECTOR | KIND(SERVER_VAD), false},
    {TD "prefix_padding_ms", OWN_DETECTOR | KIND(SERVER_VAD), false},
    {TD "idle_timeout_ms", KIND(SERVER_VAD), false},
    {TD "service", KIND(HYBRID), false},
    {TD "eagerness", KIND(SEMANTIC_VAD) | KIND(HYBRID), false},
};

static bool is_key(const struct effect *e, const char *key)
{
    return str_is(str_from(e->key), key);
}

static bool has_effect(const struct config_agent *a, const struct effect *e)
{
    if (is_key(e, TD "eagerness") && !follows_meaning(a)) {
        return false;
    }
    if (is_key(e, TD "grace_ms") && !a->greeting.protect) {
        return false; /* sounds count from the first one on */
    }
    return (e->kinds & 1u << a->turn.kind) && (a->vad.on || !e->with_detector);
}

/* Settings of one kind of detection under another: other systems mix them; only what is allowed is sent. */
static void warn_effects(struct draft *d)
{
    for (uint32_t i = 0; i < ARRAY_LEN(effects); i++) {
        const struct origin *at = draft_origin(d, effects[i].key);

        if (at->kind == ORIGIN_FILE && !has_effect(&d->cfg->agent, &effects[i])) {
            bool open = is_key(&effects[i], TD "grace_ms") && d->cfg->agent.vad.on;
            draft_warn(d, STR_FMT ":%u:%u: %s has no effect %s", STR_ARG(d->name), at->line, at->col, effects[i].key,
                       open ? "without agent.greeting.protected" : "with this type of turn detection");
        }
    }
}

bool turns_say(const struct config_agent *a, const char *key)
{
    static const char *const ours[] = {TD "start_threshold", TD "min_silence_ms", TD "pre_speech_pad_ms"};

    if ((OWN_DETECTOR & 1u << a->turn.kind) &&
        (str_is(str_from(key), TD "create_response") || str_is(str_from(key), TD "interrupt_response"))) {
        return false;
    }
    for (uint32_t i = 0; i < ARRAY_LEN(ours) && !a->vad.on; i++) {
        if (str_is(str_from(key), ours[i])) {
            return false; /* the service's name for it says it */
        }
    }
    for (uint32_t i = 0; i < ARRAY_LEN(effects); i++) {
        if (str_is(str_from(key), effects[i].key)) {
            return has_effect(a, &effects[i]);
        }
    }
    return true;
}

/* What somebody asked for and does not get, because something else that they asked for stands against it. */
static void warn_contradictions(struct draft *d, bool create_asked, bool interrupt_asked, bool silence_asked)
{
    const struct config_agent *a = &d->cfg->agent;
    bool ours = OWN_DETECTOR & 1u << a->turn.kind;

    if (ours && in_file(d, TD "create_response") && !create_asked) {
        draft_warn(d, TD "create_response: false has no effect with this type of turn detection: we ask for each "
                         "answer");
    }
    if (ours && in_file(d, TD "interrupt_response") && !interrupt_asked) {
        draft_warn(d, TD "interrupt_response: false has no effect with this type of turn detection; "
                         "agent.barge_in.enabled: false lets the agent finish");
    }
    if (!ours && !a->barge_in.on && in_file(d, TD "interrupt_response") && interrupt_asked) {
        draft_warn(d, TD "interrupt_response: true has no effect with agent.barge_in.enabled: false");
    }
    if (a->turn.kind == TURN_SEMANTIC_VAD && a->barge_in.on && !a->vad.on && pair_given(d, &start_pair)) {
        draft_warn(d, "%s has no effect with " TD "interrupt_response: true, which leaves interruption to the service",
                   which_start(d));
    }
    if (a->turn.idle_timeout_ms > 0 && in_file(d, "agent.silence.enabled") && silence_asked) {
        draft_warn(d, "agent.silence is off: " TD "idle_timeout_ms leaves a silent caller to the service");
    }
}

/* Not wrong, but hardly meant: the agent pauses, goes on, and then stops. Speech is given twice the time. */
static void warn_slow_verdicts(struct draft *d)
{
    const struct config_agent *a = &d->cfg->agent;
    const struct call_barge_in_opts *b = &a->barge_in;
    const char *where = b->min_speech_ms > b->verdict_ms ? "min_speech_ms is longer than"
                        : b->edge_ms > 0 && b->backchannel_ms > 2 * b->verdict_ms
                            ? "backchannel_ms is longer than twice"
                            : NULL;

    if (where && a->vad.on && b->on && b->pause) {
        draft_warn(d,
                   "agent.barge_in.%s agent.barge_in.verdict_ms (%u): the agent pauses, goes on before it "
                   "is sure, and stops then",
                   where, b->verdict_ms);
    }
}

static void finish_silence(struct draft *d)
{
    struct config_agent *a = &d->cfg->agent;

    a->silence.n_prompts = MIN(a->silence_prompts.n, CALL_SILENCE_PROMPTS);
    for (uint32_t i = 0; i < a->silence.n_prompts; i++) {
        a->silence.prompts[i] = a->silence_prompts.v[i];
    }
    if (str_trim(a->silence.goodbye).n == 0) {
        draft_fail(d, draft_origin(d, "agent.silence.goodbye"), "agent.silence.goodbye is empty");
    }
    a->silence.on = a->silence.on && a->turn.idle_timeout_ms < 0;
}

void finish_turns(struct draft *d)
{
    struct config_agent *a = &d->cfg->agent;
    bool create_asked = a->turn.create_response;
    bool interrupt_asked = a->turn.interrupt_response;
    bool silence_asked = a->silence.on;

    apply_preset(d);
    share_settings(d);
    choose_eagerness(d);
    choose_detectors(d);
    forget_untold(d);
    warn_effects(d);
    warn_contradictions(d, create_asked, interrupt_asked, silence_asked);
    if (a->vad.on) {
        check_thresholds(d);
    }
    warn_slow_verdicts(d);
    finish_silence(d);
}
