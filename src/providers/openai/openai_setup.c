/* session.update from the options, and what its confirmation means. */
#include "providers/openai/openai_impl.h"

static enum openai_tri tri(bool yes)
{
    return yes ? OPENAI_YES : OPENAI_NO;
}

static enum openai_format wire_format(enum audio_format f)
{
    switch (f) {
    case AUDIO_PCMU:
        return OPENAI_FORMAT_PCMU;
    case AUDIO_PCMA:
        return OPENAI_FORMAT_PCMA;
    case AUDIO_PCM16_8K:
    case AUDIO_PCM16_16K:
    case AUDIO_PCM16_24K:
    case AUDIO_FORMAT_N:
        break;
    }
    return OPENAI_FORMAT_PCM24K;
}

static enum audio_format call_format(enum openai_format f)
{
    switch (f) {
    case OPENAI_FORMAT_PCMU:
        return AUDIO_PCMU;
    case OPENAI_FORMAT_PCMA:
        return AUDIO_PCMA;
    case OPENAI_FORMAT_NONE:
    case OPENAI_FORMAT_PCM24K:
    case OPENAI_FORMAT_N:
        break;
    }
    return AUDIO_PCM16_24K;
}

static enum openai_eagerness eagerness_read(struct str s)
{
    for (int e = OPENAI_EAGERNESS_LOW; e <= OPENAI_EAGERNESS_AUTO; e++) {
        if (str_is(s, openai_eagerness_name((enum openai_eagerness)e))) {
            return (enum openai_eagerness)e;
        }
    }
    return OPENAI_EAGERNESS_UNSET;
}

static enum openai_effort effort_read(struct str s)
{
    for (int e = OPENAI_EFFORT_MINIMAL; e <= OPENAI_EFFORT_XHIGH; e++) {
        if (str_is(s, openai_effort_name((enum openai_effort)e))) {
            return (enum openai_effort)e;
        }
    }
    return OPENAI_EFFORT_UNSET;
}

static struct openai_opt_i64 opt_ms(int32_t ms)
{
    return ms < 0 ? (struct openai_opt_i64){0} : OPENAI_I64(ms);
}

/*
 * Local and manual turns are committed by us; hybrid ones are detected there, by meaning when an eagerness is given,
 * and answered by us.
 */
static struct openai_turn_detection turn_detection(const struct call_turn_opts *o)
{
    bool hybrid = o->kind == TURN_HYBRID;
    struct openai_turn_detection td = {.type = OPENAI_VAD_NONE};

    if (o->kind == TURN_SERVER_VAD || (hybrid && o->eagerness.n == 0)) {
        td.type = OPENAI_VAD_SERVER;
        td.threshold = o->threshold < 0 ? (struct openai_opt_f64){0} : OPENAI_F64(o->threshold);
        td.prefix_padding_ms = opt_ms(o->prefix_padding_ms);
        td.silence_duration_ms = opt_ms(o->silence_duration_ms);
        td.idle_timeout_ms = hybrid ? (struct openai_opt_i64){0} : opt_ms(o->idle_timeout_ms);
    } else if (o->kind == TURN_SEMANTIC_VAD || hybrid) {
        td.type = OPENAI_VAD_SEMANTIC;
        td.eagerness = eagerness_read(o->eagerness);
    } else {
        return td;
    }
    td.create_response = tri(!hybrid && o->create_response);
    td.interrupt_response = tri(!hybrid && o->interrupt_response);
    return td;
}

static int put_tool(struct openai_model *m, struct json_w *w, const struct call_tool *tool)
{
    struct json_val v;
    struct str parameters = tool->parameters.n > 0 ? tool->parameters : STR("{\"type\":\"object\",\"properties\":{}}");
    if (tool->name.n == 0 || json_parse(parameters, &v) < 0 || v.type != JSON_OBJECT) {
        log_error(&m->link.scope, "model.tool-schema", "tool=\"" STR_FMT "\" why=\"parameters are no JSON object\"",
                  STR_ARG(tool->name));
        return -ERR_CONFIG;
    }
    json_w_open(w);
    json_w_kstr(w, "type", STR("function"));
    json_w_kstr(w, "name", tool->name);
    json_w_kstr(w, "description", tool->description);
    json_w_key(w, "parameters");
    json_w_raw(w, parameters);
    json_w_close(w);
    return 0;
}

static int put_tools(struct openai_model *m, struct buf *out, const struct call_persona *p)
{
    struct json_w w = json_w(out);
    json_w_array(&w);
    for (uint32_t i = 0; i < p->n_tools; i++) {
        int err = p->tools[i] < m->call->n_tools ? put_tool(m, &w, &m->call->tools[p->tools[i]]) : -ERR_CONFIG;
        if (err < 0) {
            return err;
        }
    }
    json_w_end(&w);
    return out->err;
}

static enum openai_noise noise_read(struct str s)
{
    if (str_is(s, "near_field")) {
        return OPENAI_NOISE_NEAR;
    }
    if (str_is(s, "far_field")) {
        return OPENAI_NOISE_FAR;
    }
    return str_is(s, "none") ? OPENAI_NOISE_OFF : OPENAI_NOISE_UNSET;
}

/* A view that is left out of the message when it is empty. */
static struct str given(struct str s)
{
    return s.n > 0 ? s : STR_NULL;
}

static bool is_choice_word(struct str s)
{
    return str_is(s, "auto") || str_is(s, "none") || str_is(s, "required");
}

static void fill_session(struct openai_session *s, const struct openai_opts *o, const struct call_opts *call,
                         struct str tools)
{
    s->output_modality = o->text_only || call->text_only ? OPENAI_MODALITY_TEXT : OPENAI_MODALITY_AUDIO;
    s->input_format = wire_format(o->input_format);
    s->output_format = wire_format(o->output_format);
    if (o->transcription.enabled) {
        s->transcription.on = OPENAI_YES;
        s->transcription.model = o->transcription.model.n > 0 ? o->transcription.model : STR("gpt-4o-mini-transcribe");
        s->transcription.language = given(o->transcription.language);
        s->transcription.prompt = given(o->transcription.prompt);
        s->transcription.raw_extra = given(o->transcription.extra);
    } else {
        s->transcription.on = OPENAI_NO;
    }
    s->noise_reduction = noise_read(o->noise_reduction);
    s->turn_detection = turn_detection(&call->turn);
    if (str_starts(o->voice, STR("voice_"))) {
        s->voice_id = o->voice;
    } else {
        s->voice = given(o->voice);
    }
    s->speed = o->speed > 0 ? OPENAI_F64(o->speed) : (struct openai_opt_f64){0};
    s->tools_raw = tools;
    s->tool_choice = given(o->tool_choice);
    s->tool_choice_function = o->tool_choice.n > 0 && !is_choice_word(o->tool_choice);
    s->parallel_tool_calls = o->parallel_tool_calls_set ? tri(o->parallel_tool_calls) : OPENAI_UNSET;
    s->reasoning_effort = effort_read(o->reasoning_effort);
    s->max_output_tokens = o->max_output_tokens > 0 ? OPENAI_I64(o->max_output_tokens) : (struct openai_opt_i64){0};
    s->prompt_raw = given(o->prompt);
    s->temperature = o->temperature > 0 ? OPENAI_F64(o->temperature) : (struct openai_opt_f64){0};
    s->tracing_raw = given(o->tracing);
    s->truncation_raw = given(o->truncation);
    s->include_raw = given(o->include);
}

static const char *beta_format(enum openai_format f)
{
    return f == OPENAI_FORMAT_PCMU ? "g711_ulaw" : f == OPENAI_FORMAT_PCMA ? "g711_alaw" : "pcm16";
}

static void put_beta_turns(struct json_w *w, const struct openai_turn_detection *td)
{
    json_w_key(w, "turn_detection");
    if (td->type == OPENAI_VAD_NONE) {
        json_w_null(w);
        return;
    }
    json_w_open(w);
    json_w_kz(w, "type", td->type == OPENAI_VAD_SERVER ? "server_vad" : "semantic_vad");
    if (td->threshold.set) {
        json_w_kf64(w, "threshold", td->threshold.v);
    }
    if (td->prefix_padding_ms.set) {
        json_w_ki64(w, "prefix_padding_ms", td->prefix_padding_ms.v);
    }
    if (td->silence_duration_ms.set) {
        json_w_ki64(w, "silence_duration_ms", td->silence_duration_ms.v);
    }
    if (td->eagerness != OPENAI_EAGERNESS_UNSET) {
        json_w_kz(w, "eagerness", openai_eagerness_name(td->eagerness));
    }
    json_w_kbool(w, "create_response", td->create_response == OPENAI_YES);
    json_w_kbool(w, "interrupt_response", td->interrupt_response == OPENAI_YES);
    json_w_close(w);
}

static void put_beta_transcription(struct json_w *w, const struct openai_transcription *t)
{
    json_w_key(w, "input_audio_transcription");
    if (t->on != OPENAI_YES) {
        json_w_null(w);
        return;
    }
    json_w_open(w);
    json_w_kstr(w, "model", t->model);
    if (t->language.p) {
        json_w_kstr(w, "language", t->language);
    }
    if (t->prompt.p) {
        json_w_kstr(w, "prompt", t->prompt);
    }
    json_w_close(w);
}

/* The flat shape of dated previews; settings that came with GA have no place in it. */
static void put_beta_update(struct buf *out, const struct openai_session *s)
{
    struct json_w w = json_w(out);
    json_w_open(&w);
    json_w_kz(&w, "type", "session.update");
    json_w_kz(&w, "event_id", OPENAI_SETUP_EVENT_ID);
    json_w_key(&w, "session");
    json_w_open(&w);
    json_w_key(&w, "modalities");
    json_w_raw(&w, s->output_modality == OPENAI_MODALITY_TEXT ? STR("[\"text\"]") : STR("[\"audio\",\"text\"]"));
    if (s->instructions.p) {
        json_w_kstr(&w, "instructions", s->instructions);
    }
    if (s->voice.p) {
        json_w_kstr(&w, "voice", s->voice);
    }
    json_w_kz(&w, "input_audio_format", beta_format(s->input_format));
    json_w_kz(&w, "output_audio_format", beta_format(s->output_format));
    put_beta_transcription(&w, &s->transcription);
    put_beta_turns(&w, &s->turn_detection);
    json_w_key(&w, "tools");
    json_w_raw(&w, s->tools_raw);
    if (s->tool_choice.p && !s->tool_choice_function) {
        json_w_kstr(&w, "tool_choice", s->tool_choice);
    }
    if (s->max_output_tokens.set) {
        json_w_ki64(&w, "max_response_output_tokens", s->max_output_tokens.v);
    }
    if (s->temperature.set) {
        json_w_kf64(&w, "temperature", s->temperature.v);
    }
    json_w_close(&w);
    json_w_close(&w);
}

int openai_setup_write(struct openai_model *m, const struct openai_opts *opts, const struct call_opts *call,
                       struct str model)
{
    struct buf tools;
    struct call_persona first = call_opts_persona(call, 0);
    const struct call_persona *persona = opts->persona ? opts->persona : &first;
    m->call = call;
    m->dialect = opts->dialect;
    buf_init(&tools, OPENAI_SETUP_MAX);
    int err = put_tools(m, &tools, persona);
    if (err == 0) {
        struct openai_session s = {0};
        fill_session(&s, opts, call, buf_str(&tools));
        s.instructions = given(persona->instructions);
        m->asked.in = s.input_format;
        m->asked.out = s.output_format;
        m->asked.interrupts = s.turn_detection.interrupt_response == OPENAI_YES;
        m->asked.creates = s.turn_detection.create_response == OPENAI_YES;
        m->asked.n_tools = persona->n_tools;
        if (opts->dialect == OPENAI_BETA) {
            put_beta_update(&m->link.setup, &s);
        } else {
            openai_put_session_update(&m->link.setup, STR(OPENAI_SETUP_EVENT_ID), &s);
        }
        err = m->link.setup.err;
    }
    if (err == 0) {
        err = str_copy(m->asked.model, sizeof(m->asked.model), model) < 0 ||
                      str_copy(m->asked.voice, sizeof(m->asked.voice), opts->voice) < 0
                  ? -ERR_CONFIG
                  : 0;
    }
    buf_done(&tools);
    return err;
}

int openai_setup_update(struct openai_model *m, struct buf *out, struct str event_id,
                        const struct call_persona *persona)
{
    struct buf tools;
    buf_init(&tools, OPENAI_SETUP_MAX);
    int err = put_tools(m, &tools, persona);
    struct openai_session s = {.instructions = persona->instructions, .tools_raw = buf_str(&tools)};
    s.instructions.p = s.instructions.p ? s.instructions.p : ""; /* an agent without any: the other one's must go */
    if (err == 0 && m->dialect == OPENAI_BETA) {
        struct json_w w = json_w(out);
        json_w_open(&w);
        json_w_kz(&w, "type", "session.update");
        json_w_kstr(&w, "event_id", event_id);
        json_w_key(&w, "session");
        json_w_open(&w);
        json_w_kstr(&w, "instructions", s.instructions);
        json_w_key(&w, "tools");
        json_w_raw(&w, s.tools_raw);
        json_w_close(&w);
        json_w_close(&w);
    } else if (err == 0) {
        openai_put_session_update(out, event_id, &s);
    }
    buf_done(&tools);
    return err < 0 ? err : out->err;
}

/* A format that is named but not known: the service would speak something we cannot. */
static bool names_unknown(struct str text, enum openai_format f, const char *ga, const char *beta)
{
    struct json_val msg;
    if (f != OPENAI_FORMAT_NONE || json_open(text, &msg) < 0) {
        return false;
    }
    struct json_val v = json_path(msg, ga);
    if (v.type == JSON_NONE) {
        v = json_path(msg, beta);
    }
    return v.type != JSON_NONE && v.type != JSON_NULL;
}

static bool unless_no(enum openai_tri t)
{
    return t != OPENAI_NO; /* the service's default is yes */
}

static struct str or_asked(struct str s, const char *asked)
{
    return s.n > 0 ? s : str_from(asked);
}

int openai_setup_confirm(struct openai_model *m, const struct openai_session_info *info, struct str text,
                         struct call_event *ret, const char **ret_what)
{
    if (names_unknown(text, info->input_format, "session.audio.input.format", "session.input_audio_format")) {
        *ret_what = "session.audio.input.format";
        return -ERR_CONFIG;
    }
    if (names_unknown(text, info->output_format, "session.audio.output.format", "session.output_audio_format")) {
        *ret_what = "session.audio.output.format";
        return -ERR_CONFIG;
    }
    /* Absent: a compatible service that does not echo; it has accepted what was asked. */
    enum openai_format in = info->input_format != OPENAI_FORMAT_NONE ? info->input_format : m->asked.in;
    enum openai_format out = info->output_format != OPENAI_FORMAT_NONE ? info->output_format : m->asked.out;
    const struct openai_turn_detection *td = &info->turn_detection;
    bool echoed = td->type != OPENAI_VAD_UNSET;
    bool detects = td->type == OPENAI_VAD_SERVER || td->type == OPENAI_VAD_SEMANTIC;

    *ret = (struct call_event){.type = EV_MODEL_READY};
    ret->model_ready.in = call_format(in);
    ret->model_ready.out = call_format(out);
    ret->model_ready.session_id = info->id;
    ret->model_ready.model = or_asked(info->model, m->asked.model);
    ret->model_ready.voice = or_asked(info->voice, m->asked.voice);
    ret->model_ready.n_tools = info->n_tools;
    ret->model_ready.interrupts = echoed ? detects && unless_no(td->interrupt_response) : m->asked.interrupts;
    ret->model_ready.creates = echoed ? detects && unless_no(td->create_response) : m->asked.creates;
    return 0;
}
