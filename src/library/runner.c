/* Runners: agents and settings copied and checked, a thread with a gateway that has no doors. */
#include "library/runner.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/json_doc.h"
#include "library/log_sink.h"
#include "library/servers.h"
#include "library/session.h"
#include "library/wording.h"

#define TEXT_MAX        (1u << 20)
#define DEFAULT_THREADS 4

/* What an agent of a program is without a configuration: nothing that a telephone needs. */
#define PLAIN_AGENT                                                                                                    \
    "{\"agent\":{\"name\":\"agent\",\"voice\":\"ash\",\"tools\":[],\"greeting\":{\"kind\":\"none\"},"                  \
    "\"silence\":{\"enabled\":false},\"turn_detection\":{\"type\":\"semantic_vad\"}}}"

void rt_runner_opts_init(struct rt_runner_opts *opts)
{
    memset(opts, 0, sizeof(*opts));
    opts->struct_size = sizeof(*opts);
}

/* ---- settings as YAML over the configuration ---- */

static void put_member(struct json_w *w, const char *name, const struct json_doc *m)
{
    struct buf one;
    buf_init(&one, TEXT_MAX);
    json_doc_write(m, &one);
    json_w_key(w, name);
    json_w_raw(w, buf_str(&one));
    buf_done(&one);
}

/* Turn detection takes what any of its kinds takes; what this one does not know is left out by the configuration. */
static void put_turns(struct json_w *w, const struct json_doc *v)
{
    static const char *const names[] = {
        "type",      "threshold",       "prefix_padding_ms",  "silence_duration_ms", "idle_timeout_ms",
        "eagerness", "create_response", "interrupt_response", "min_speech_ms",       "min_silence_ms"};
    json_w_key(w, "turn_detection");
    json_w_open(w);
    if (v->type == JSON_NULL) {
        json_w_kz(w, "type", "manual");
    }
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const struct json_doc *m = json_doc_get(v, str_from(names[i]));
        if (m && m->type != JSON_NULL) {
            put_member(w, names[i], m);
        }
    }
    json_w_close(w);
}

static void put_transcription(struct json_w *w, const struct json_doc *v)
{
    static const char *const names[] = {"model", "language", "prompt", "delay", "keywords", "languages"};
    json_w_key(w, "transcription");
    json_w_open(w);
    json_w_kbool(w, "enabled", v->type != JSON_NULL);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const struct json_doc *m = json_doc_get(v, str_from(names[i]));
        if (m && m->type != JSON_NULL) {
            put_member(w, names[i], m);
        }
    }
    json_w_close(w);
}

static void put_noise(struct json_w *w, const struct json_doc *v)
{
    const struct json_doc *name = v->type == JSON_OBJECT ? json_doc_get(v, STR("type")) : v;
    json_w_kstr(w, "noise_reduction", name && name->type == JSON_STRING ? name->text : STR("none"));
}

static void put_same(struct json_w *w, const char *key, const char *json)
{
    json_w_key(w, key);
    json_w_raw(w, str_from(json));
}

static int put_setting(struct json_w *w, enum setting s, const char *json)
{
    static const char *const keys[SETTING_N] = {
        [SETTING_MODEL] = "model",
        [SETTING_VOICE] = "voice",
        [SETTING_SPEED] = "speed",
        [SETTING_MAX_TOKENS] = "max_output_tokens",
        [SETTING_INPUT_FORMAT] = "input_format",
        [SETTING_OUTPUT_FORMAT] = "output_format",
        [SETTING_TOOL_CHOICE] = "tool_choice",
        [SETTING_PARALLEL] = "parallel_tool_calls",
        [SETTING_REASONING] = "reasoning",
        [SETTING_TRACING] = "tracing",
        [SETTING_TEMPERATURE] = "temperature",
        [SETTING_PROMPT] = "prompt",
        [SETTING_TRUNCATION] = "truncation",
    };
    const struct json_doc *v = NULL;
    if (keys[s]) {
        put_same(w, keys[s], s == SETTING_TRACING && strcmp(json, "null") == 0 ? "\"none\"" : json);
        return 0;
    }
    if (s == SETTING_MODALITIES) {
        return 0; /* a telephone's configuration knows no text: derive.c */
    }
    int err = json_doc_parse(str_from(json), &v);
    if (err < 0) {
        return err;
    }
    if (s == SETTING_TURN_DETECTION) {
        put_turns(w, v);
    } else if (s == SETTING_TRANSCRIPTION) {
        put_transcription(w, v);
    } else if (s == SETTING_NOISE_REDUCTION) {
        put_noise(w, v);
    }
    json_doc_free(v);
    return 0;
}

static void put_records(struct json_w *w, const struct rt_runner *r)
{
    json_w_key(w, "records");
    json_w_open(w);
    if (r->records_dir) {
        json_w_kz(w, "dir", r->records_dir);
    } else {
        json_w_kbool(w, "recording", false);
        json_w_kbool(w, "journal", false);
    }
    json_w_close(w);
}

/* Values of a program are meant as they stand: no variables of the environment. */
static void escape_variables(struct str text, struct buf *out)
{
    size_t at;
    while ((at = str_search(text, STR("${"))) != SIZE_MAX) {
        buf_put_str(out, (struct str){text.p, at});
        buf_puts(out, "$${");
        text = (struct str){text.p + at + 2, text.n - at - 2};
    }
    buf_put_str(out, text);
}

static int over_of(const struct rt_runner *r, const struct rt_settings *s, struct buf *out)
{
    struct buf plain;
    int err = 0;
    buf_init(&plain, TEXT_MAX);
    struct json_w w = json_w(&plain);
    json_w_open(&w);
    put_records(&w, r);
    if (r->untraced) {
        json_w_key(&w, "tracing");
        json_w_open(&w);
        json_w_kbool(&w, "enabled", false);
        json_w_close(&w);
    }
    if (r->agent_name && !r->graph) {
        json_w_kz(&w, "start_agent", r->agent_name);
    }
    json_w_key(&w, "agent");
    json_w_open(&w);
    for (enum setting i = 0; s && i < SETTING_N && err >= 0; i++) {
        err = s->json[i] ? put_setting(&w, i, s->json[i]) : 0;
    }
    json_w_close(&w);
    json_w_close(&w);
    escape_variables(buf_str(&plain), out);
    err = err < 0 ? err : plain.err < 0 ? plain.err : out->err;
    buf_done(&plain);
    return err;
}

int runner_load(const struct rt_runner *r, const struct rt_settings *s,
                int (*use)(const struct config_source *source, void *arg), void *arg)
{
    const struct str plain = STR(PLAIN_AGENT);
    const struct str given = str_from(r->config_text);
    const struct str *text = r->config_text ? &given : !r->config_file && r->graph ? &plain : NULL;
    struct buf over;
    buf_init(&over, TEXT_MAX);
    int err = over_of(r, s, &over);
    const struct str over_text = buf_str(&over);
    const struct config_source source = {
        .path = text ? "settings" : r->config_file,
        .text = text,
        .over = &over_text,
        .dotenv_path = r->env_file,
    };
    err = err < 0 ? err : use(&source, arg);
    buf_done(&over);
    return err;
}

/* ---- the thread ---- */

static void on_ready(void *arg)
{
    struct rt_runner *r = arg;
    session_sandbox_ready(r);
}

struct opening {
    struct rt_runner *r;
    struct buf *err;
};

static int open_gateway(const struct config_source *source, void *arg)
{
    struct opening *opening = arg;
    struct rt_runner *r = opening->r;
    const struct gateway_opts o = {
        .config = *source,
        .own_log = true,
        .headless = true,
        .records = r->records_dir != NULL,
        .sandbox_file = r->sandbox_program,
        .on_ready = on_ready,
        .arg = r,
    };
    int err = gateway_open(&o, opening->err, &r->gw);
    if (err >= 0) {
        r->config = gateway_config(r->gw);
        err = servers_check(r->graph, r->config, opening->err);
        r->gw = err < 0 ? gateway_free(r->gw) : r->gw;
    }
    if (err >= 0 && r->tracing.p.struct_size > 0 && gateway_tracer(r->gw)) {
        err = tracing_add(&r->tracing, gateway_tracer(r->gw));
        r->gw = err < 0 ? gateway_free(r->gw) : r->gw;
    }
    return err;
}

static void *run(void *arg)
{
    struct rt_runner *r = arg;
    struct buf err;
    buf_init(&err, TEXT_MAX);
    int e = runner_load(r, r->settings, open_gateway, &(struct opening){r, &err});
    pthread_mutex_lock(&r->lock);
    r->opened = true;
    r->open_err = e;
    buf_put_str(&r->open_text, buf_str(&err));
    pthread_cond_broadcast(&r->news);
    pthread_mutex_unlock(&r->lock);
    buf_done(&err);
    if (e >= 0) {
        gateway_run(r->gw);
        r->gw = gateway_free(r->gw);
    }
    return NULL;
}

bool runner_is_here(struct rt_runner *r)
{
    return (r->running && pthread_equal(r->thread, pthread_self())) || crew_is_here(r->crew);
}

/* ---- life ---- */

static int copy_texts(struct rt_runner *r, const struct rt_runner_opts *o)
{
    const struct {
        char **to;
        const char *from;
    } texts[] = {
        {&r->config_file, o->config_file}, {&r->config_text, o->config_text}, {&r->env_file, o->env_file},
        {&r->agent_name, o->agent_name},   {&r->records_dir, o->records_dir}, {&r->sandbox_program, o->sandbox_program},
    };
    int err = 0;
    for (size_t i = 0; i < ARRAY_LEN(texts) && err >= 0; i++) {
        err = wording_set(texts[i].to, texts[i].from);
    }
    return err;
}

static int copy_guardrails(struct rt_runner *r, const struct rt_runner_opts *o)
{
    int err = 0;
    r->guardrails = calloc(MAX(o->guardrail_count, (size_t)1), sizeof(*r->guardrails));
    if (!r->guardrails) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < o->guardrail_count && err >= 0; i++) {
        err = o->guardrails[i] ? describe_guardrail_copy(o->guardrails[i], &r->guardrails[i]) : -EINVAL;
        r->n_guardrails += err >= 0;
    }
    return err;
}

/* The same guardrail is asked once, also when the run and an agent have it. */
static void add_guarding(struct rt_runner *r, struct rt_guardrail *g, const char *agent)
{
    for (size_t i = 0; i < r->n_guardings; i++) {
        const struct guarding *have = &r->guardings[i];
        bool same = have->guardrail->fn == g->fn && have->guardrail->arg == g->arg &&
                    strcmp(have->guardrail->name, g->name) == 0;
        if (same && (!have->agent || (agent && strcmp(have->agent, agent) == 0))) {
            return;
        }
    }
    r->guardings[r->n_guardings++] = (struct guarding){g, agent};
}

static int fill_guardings(struct rt_runner *r)
{
    size_t n = r->n_guardrails;
    for (uint32_t i = 0; r->graph && i < r->graph->n; i++) {
        n += r->graph->agents[i].agent->n_guardrails;
    }
    r->guardings = calloc(MAX(n, (size_t)1), sizeof(*r->guardings));
    if (!r->guardings) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < r->n_guardrails; i++) {
        add_guarding(r, r->guardrails[i], NULL);
    }
    for (uint32_t i = 0; r->graph && i < r->graph->n; i++) {
        const struct rt_agent *a = r->graph->agents[i].agent;
        for (uint32_t k = 0; k < a->n_guardrails; k++) {
            add_guarding(r, a->guardrails[k], a->name);
        }
    }
    return 0;
}

static int fill(struct rt_runner *r, const struct rt_runner_opts *o, struct buf *err)
{
    r->sink = (struct log_sink){o->log, o->log_arg};
    int e = o->trace_processor ? tracing_init(&r->tracing, o->trace_processor, o->trace_arg) : 0;
    r->debounce = o->guardrail_debounce;
    r->sequential = o->sequential_tools != 0;
    r->untraced = o->tracing_disabled != 0;
    if (o->config_file && o->config_text) {
        buf_puts(err, "config_file and config_text cannot both be given");
        return -EINVAL;
    }
    if (e >= 0) {
        e = copy_texts(r, o);
    }
    if (e >= 0) {
        e = settings_layer(o->settings, NULL, &r->settings);
    }
    if (e >= 0) {
        e = copy_guardrails(r, o);
    }
    if (e >= 0 && o->agent) {
        e = graph_new(o->agent, o->agents, o->agent_count, err, &r->graph);
    }
    if (e >= 0) {
        e = fill_guardings(r);
    }
    if (e >= 0) {
        e = crew_new(o->worker_threads ? o->worker_threads : DEFAULT_THREADS, &r->crew);
    }
    return e;
}

static int start(struct rt_runner *r, struct buf *err)
{
    log_sink_set(&r->sink);
    int e = -pthread_create(&r->thread, NULL, run, r);
    if (e < 0) {
        log_sink_unset(&r->sink);
        return e;
    }
    pthread_mutex_lock(&r->lock);
    while (!r->opened) {
        pthread_cond_wait(&r->news, &r->lock);
    }
    r->running = r->open_err >= 0;
    buf_put_str(err, buf_str(&r->open_text));
    pthread_mutex_unlock(&r->lock);
    if (!r->running) {
        pthread_join(r->thread, NULL);
        log_sink_unset(&r->sink);
    }
    return r->open_err;
}

static void destroy(struct rt_runner *r)
{
    crew_free(r->crew);
    graph_free(r->graph);
    rt_settings_free(r->settings);
    for (size_t i = 0; i < r->n_guardrails; i++) {
        rt_guardrail_free(r->guardrails[i]);
    }
    free(r->guardrails);
    free(r->guardings);
    char *const texts[] = {r->config_file, r->config_text, r->env_file,
                           r->agent_name,  r->records_dir, r->sandbox_program};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        free(texts[i]);
    }
    buf_done(&r->open_text);
    pthread_cond_destroy(&r->news);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

static struct rt_runner *runner_alloc(void)
{
    struct rt_runner *r = calloc(1, sizeof(*r));
    if (r && pthread_mutex_init(&r->lock, NULL) != 0) {
        free(r);
        return NULL;
    }
    if (r && pthread_cond_init(&r->news, NULL) != 0) {
        pthread_mutex_destroy(&r->lock);
        free(r);
        return NULL;
    }
    if (r) {
        buf_init(&r->open_text, TEXT_MAX);
    }
    return r;
}

int rt_runner_new(const struct rt_runner_opts *opts, struct rt_runner **ret, char *err_text_out, size_t err_cap)
{
    /* Members that a caller compiled against an older header does not know count as zero. */
    struct rt_runner_opts known = {0};
    struct buf err;
    if (!opts || !ret || opts->struct_size < sizeof(opts->struct_size)) {
        wording_give(err_text_out, err_cap, STR("opts must come from rt_runner_opts_init"));
        return -EINVAL;
    }
    memcpy(&known, opts, MIN(opts->struct_size, sizeof(known)));
    buf_init(&err, TEXT_MAX);
    struct rt_runner *r = runner_alloc();
    int e = r ? fill(r, &known, &err) : -ENOMEM;
    e = e < 0 ? e : start(r, &err);
    if (e < 0) {
        wording_give(err_text_out, err_cap, err.len > 0 ? buf_str(&err) : str_from(err_text(e)));
        if (r) {
            destroy(r);
        }
    } else {
        *ret = r;
    }
    buf_done(&err);
    return e < 0 ? e : 0;
}

int rt_runner_free(struct rt_runner *runner)
{
    if (!runner) {
        return 0;
    }
    bool here = runner_is_here(runner);
    pthread_mutex_lock(&runner->lock);
    bool busy = here || runner->sessions > 0;
    while (!busy && runner->objects > 0) {
        pthread_cond_wait(&runner->news, &runner->lock);
    }
    pthread_mutex_unlock(&runner->lock);
    if (busy) {
        return -ERR_STATE;
    }
    runner->crew = crew_free(runner->crew); /* what it answers goes to a loop that is still there */
    gateway_stop(runner->gw, 1);
    pthread_join(runner->thread, NULL);
    log_sink_unset(&runner->sink);
    destroy(runner);
    return 0;
}
