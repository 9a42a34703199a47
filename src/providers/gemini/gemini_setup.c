/* The setup message from the options, the call and the persona. */
#include <stdlib.h>

#include "providers/gemini/gemini_impl.h"

#define SETUP_MAX_BYTES (4u << 20)
#define LIST_MAX_BYTES  65536

static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

/* "high" behind "START_SENSITIVITY_": the API's spelling of our words. Lent by room. */
static struct str word(char *room, size_t cap, const char *prefix, struct str s)
{
    size_t n = strlen(prefix);
    if (s.n == 0 || n + s.n >= cap) {
        return STR("");
    }
    if (str_starts(s, str_from(prefix))) {
        n = 0;
    }
    memcpy(room, prefix, n);
    for (size_t i = 0; i < s.n; i++) {
        room[n + i] = upper(s.p[i]);
    }
    return (struct str){room, n + s.n};
}

/* ---- tools ---- */

static int put_function(struct gemini_model *m, struct json_w *w, const struct call_tool *tool)
{
    int err = gemini_name_ok(tool->name) ? 0 : -ERR_CONFIG;
    if (err == 0) {
        json_w_open(w);
        json_w_kstr(w, "name", tool->name);
        json_w_kstr(w, "description", tool->description.n ? tool->description : tool->name);
        if (m->family != GEMINI_31) { /* 3.1 knows nothing but blocking ones */
            json_w_kz(w, "behavior", m->behaviour == GEMINI_TOOLS_TALK ? "NON_BLOCKING" : "BLOCKING");
        }
        json_w_key(w, "parameters");
        err = tool->parameters.n > 0 ? gemini_put_schema(w, tool->parameters) : 0;
        if (tool->parameters.n == 0) {
            json_w_raw(w, STR("{\"type\":\"OBJECT\",\"properties\":{}}"));
        }
        json_w_close(w);
    }
    if (err < 0) {
        log_error(&m->link.scope, "model.tool-schema", "tool=\"" STR_FMT "\" why=\"%s\"", STR_ARG(tool->name),
                  gemini_name_ok(tool->name) ? "parameters are no JSON schema of an object"
                                             : "the service takes no such name");
        return -ERR_CONFIG;
    }
    return 0;
}

static int put_functions(struct gemini_model *m, struct buf *out, const struct call_persona *p)
{
    struct json_w w = json_w(out);
    json_w_array(&w);
    for (uint32_t i = 0; i < p->n_tools; i++) {
        int err = p->tools[i] < m->call->n_tools ? put_function(m, &w, &m->call->tools[p->tools[i]]) : -ERR_CONFIG;
        if (err < 0) {
            return err;
        }
    }
    json_w_end(&w);
    return out->err;
}

/* ---- settings ---- */

static struct gemini_opt opt_ms(int32_t ms)
{
    return ms < 0 ? (struct gemini_opt){0} : GEMINI_OPT(ms);
}

static struct gemini_opt opt_count(uint64_t n)
{
    return n == 0 ? (struct gemini_opt){0} : GEMINI_OPT((double)n);
}

static struct gemini_opt opt_real(double v)
{
    return v < 0 ? (struct gemini_opt){0} : GEMINI_OPT(v);
}

static struct gemini_opt opt_unless_zero(double v)
{
    return v > 0 || v < 0 ? GEMINI_OPT(v) : (struct gemini_opt){0};
}

/* What a family does not take would make it refuse the whole setup. */
static void fill_thinking(struct gemini_model *m, struct gemini_setup *s, const struct gemini_opts *o, char *room,
                          size_t cap)
{
    struct str level = word(room, cap, "", o->thinking_level);
    bool budget = o->thinking_budget >= -1;
    switch (m->family) {
    case GEMINI_25:
        s->thinking_budget = budget ? GEMINI_OPT(o->thinking_budget) : (struct gemini_opt){0};
        break;
    case GEMINI_31:
        s->thinking_level = level;
        break;
    case GEMINI_THINKING:
        s->thinking_level = level.n > 0 && !str_is(level, "MINIMAL") ? level : STR("LOW");
        break;
    case GEMINI_38:
        if (level.n > 0 || budget) {
            log_warn(&m->link.scope, "model.setting-ignored", "model=%s setting=thinking", m->model);
        }
        break;
    }
    if (m->family == GEMINI_25) {
        s->affective_dialog = o->affective_dialog ? GEMINI_YES : GEMINI_UNSET;
        s->proactive_audio = o->proactive_audio ? GEMINI_YES : GEMINI_UNSET;
    } else if (o->affective_dialog || o->proactive_audio) {
        log_warn(&m->link.scope, "model.setting-ignored", "model=%s setting=%s", m->model,
                 o->affective_dialog ? "affective_dialog" : "proactive_audio");
    }
}

/* Local and manual turns are marked by us; what is detected there interrupts by itself unless that is off. */
static void fill_turns(struct gemini_model *m, struct gemini_setup *s, const struct gemini_opts *o, char room[2][64])
{
    const struct call_turn_opts *turn = &m->call->turn;
    s->manual = m->manual;
    s->activity_handling = m->interrupts || m->manual ? STR("START_OF_ACTIVITY_INTERRUPTS") : STR("NO_INTERRUPTION");
    s->turn_coverage = o->turn_coverage.n > 0   ? o->turn_coverage
                       : m->family == GEMINI_25 ? STR("TURN_INCLUDES_ONLY_ACTIVITY")
                                                : STR("TURN_INCLUDES_AUDIO_ACTIVITY_AND_ALL_VIDEO");
    s->start_sensitivity = word(room[0], 64, "START_SENSITIVITY_", o->start_sensitivity);
    s->end_sensitivity = word(room[1], 64, "END_SENSITIVITY_", o->end_sensitivity);
    s->prefix_padding_ms = opt_ms(turn->prefix_padding_ms);
    s->silence_duration_ms = opt_ms(turn->silence_duration_ms);
}

/* "en-US, de-DE" as an array; nothing as nothing. */
static struct str put_list(struct buf *out, struct str list)
{
    struct json_w w = json_w(out);
    struct str part;
    if (list.n == 0) {
        return STR("");
    }
    json_w_array(&w);
    while (str_split(&list, ',', &part)) {
        part = str_trim(part);
        if (part.n > 0) {
            json_w_str(&w, part);
        }
    }
    json_w_end(&w);
    return buf_str(out);
}

static void fill_generation(const struct gemini_model *m, struct gemini_setup *s, const struct gemini_opts *o)
{
    s->voice = o->voice.n > 0 ? o->voice : STR(GEMINI_DEFAULT_VOICE);
    s->language_code = o->language_code;
    s->temperature = opt_real(o->temperature);
    s->top_p = opt_real(o->top_p);
    s->top_k = opt_count(o->top_k);
    s->max_output_tokens = opt_count(o->max_output_tokens);
    s->presence_penalty = opt_unless_zero(o->presence_penalty);
    s->frequency_penalty = opt_unless_zero(o->frequency_penalty);
    s->seed = o->seed < 0 ? (struct gemini_opt){0} : GEMINI_OPT((double)o->seed);
    s->google_search = o->google_search;
    s->hear = o->hears;
    s->say = true;
    s->resumable = true;
    s->handle = o->handle;
    s->history = m->history;
    s->compress = o->compress;
    s->trigger_tokens = opt_count(o->trigger_tokens);
    s->target_tokens = opt_count(o->target_tokens);
}

static int remember(struct gemini_model *m, const struct gemini_opts *o, const struct call_opts *call,
                    const struct call_persona *persona)
{
    struct str model = o->model.n > 0 ? o->model : STR(GEMINI_DEFAULT_MODEL);
    m->call = call;
    m->family = gemini_family(model);
    m->manual = call->turn.kind == TURN_LOCAL || call->turn.kind == TURN_MANUAL;
    m->interrupts = !m->manual && call->turn.interrupt_response;
    m->text_only = o->text_only || call->text_only;
    m->hears = o->hears;
    m->n_tools = persona->n_tools;
    m->behaviour = m->family == GEMINI_THINKING ? GEMINI_TOOLS_TALK : o->tools;
    m->updates = o->context_update;
    m->history = o->continues && m->family == GEMINI_31 && o->handle.n == 0; /* later it takes none */
    m->silent_tools = o->tools == GEMINI_TOOLS_TALK || m->family == GEMINI_THINKING;
    if (m->silent_tools && m->family != GEMINI_THINKING) {
        m->scheduling = str_is(o->scheduling, "interrupt") ? GEMINI_INTERRUPT
                        : str_is(o->scheduling, "silent")  ? GEMINI_SILENT
                                                           : GEMINI_WHEN_IDLE;
    }
    buf_put_str(&m->instructions, persona->instructions);
    bool fits = str_copy(m->model, sizeof(m->model), model) == 0 &&
                str_copy(m->voice, sizeof(m->voice), o->voice.n ? o->voice : STR(GEMINI_DEFAULT_VOICE)) == 0;
    return fits ? m->instructions.err : -ERR_CONFIG;
}

int gemini_setup_write(struct gemini_model *m, const struct gemini_opts *opts, const struct call_opts *call)
{
    struct call_persona first = call_opts_persona(call, 0);
    const struct call_persona *persona = opts->persona ? opts->persona : &first;
    struct buf functions;
    struct buf lists[2];
    struct buf model;
    char room[5][64];
    buf_init(&functions, SETUP_MAX_BYTES);
    buf_init(&lists[0], LIST_MAX_BYTES);
    buf_init(&lists[1], LIST_MAX_BYTES);
    buf_init(&model, 1024);
    int err = remember(m, opts, call, persona);
    err = err < 0 ? err : put_functions(m, &functions, persona);
    err = err < 0 ? err : gemini_put_model(&model, opts);
    if (err >= 0) {
        struct gemini_setup s = {.model = buf_str(&model), .instructions = persona->instructions};
        fill_generation(m, &s, opts);
        fill_turns(m, &s, opts, room);
        fill_thinking(m, &s, opts, room[2], sizeof(room[2]));
        s.media_resolution = word(room[3], sizeof(room[3]), "MEDIA_RESOLUTION_", opts->media_resolution);
        s.hear_mode = word(room[4], sizeof(room[4]), "", opts->hear_mode);
        s.hear_languages_raw = put_list(&lists[0], opts->hear_languages);
        s.hear_vocabulary_raw = put_list(&lists[1], opts->hear_vocabulary);
        s.functions_raw = buf_str(&functions);
        gemini_put_setup(&m->link.setup, &s);
        err = m->link.setup.err < 0 ? m->link.setup.err : lists[0].err < 0 ? lists[0].err : lists[1].err;
    }
    buf_done(&functions);
    buf_done(&lists[0]);
    buf_done(&lists[1]);
    buf_done(&model);
    return err;
}

int gemini_setup_update(struct gemini_model *m, struct buf *out, const struct call_persona *persona)
{
    struct buf functions;
    buf_init(&functions, SETUP_MAX_BYTES);
    int err = put_functions(m, &functions, persona);
    if (err >= 0) {
        gemini_put_context(out, persona->instructions, buf_str(&functions));
        buf_clear(&m->instructions);
        buf_put_str(&m->instructions, persona->instructions);
        m->n_tools = persona->n_tools;
        err = out->err < 0 ? out->err : m->instructions.err;
    }
    buf_done(&functions);
    return err;
}
