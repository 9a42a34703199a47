/*
 * An established OpenAI session: any sequence of messages (lines of the input) becomes events whose texts can be read,
 * no tool call is told twice, and nothing follows a close by the host. The first byte chooses the audio format.
 */
#include "fuzz.h"

#include "base/err.h"
#include "providers/openai/openai_impl.h"

#define CALLS_MAX 256

struct watcher {
    struct openai_model *m;
    uint32_t n_calls;
    char calls[CALLS_MAX][OPENAI_ID_MAX + 1];
    uint8_t sum; /* every byte of every text was looked at */
};

static void look(struct watcher *w, struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        w->sum = (uint8_t)(w->sum + (uint8_t)s.p[i]);
    }
}

/* Only the last OPENAI_TOOLS_SEEN ids are remembered, so only those are held against it. */
static void look_at_call(struct watcher *w, const struct call_event *ev)
{
    struct str id = ev->model_tool.tool_call_id;
    REQUIRE(id.n > 0);
    uint32_t from = w->n_calls > OPENAI_TOOLS_SEEN ? w->n_calls - OPENAI_TOOLS_SEEN : 0;
    for (uint32_t i = from; i < w->n_calls; i++) {
        REQUIRE(!str_is(id, w->calls[i % CALLS_MAX]));
    }
    REQUIRE(str_copy(w->calls[w->n_calls++ % CALLS_MAX], OPENAI_ID_MAX + 1, id) == 0);
    look(w, ev->model_tool.name);
    look(w, ev->model_tool.arguments);
}

static void on_event(struct model *model, const struct call_event *ev, void *arg)
{
    struct watcher *w = arg;
    REQUIRE(model == &w->m->link.base);
    REQUIRE(w->m->link.state == LINK_READY);
    switch (ev->type) {
    case EV_MODEL_AUDIO:
        REQUIRE(ev->model_audio.audio.n > 0);
        REQUIRE(w->m->audio.format != AUDIO_PCM16_24K || ev->model_audio.audio.n % 2 == 0);
        REQUIRE((uintptr_t)ev->model_audio.audio.p % 2 == 0);
        look(w, str_of_span(ev->model_audio.audio));
        break;
    case EV_MODEL_TOOL_CALL:
        look_at_call(w, ev);
        break;
    case EV_MODEL_TEXT_DELTA:
    case EV_MODEL_TEXT_DONE:
        look(w, ev->model_text.item_id);
        look(w, ev->model_text.text);
        break;
    case EV_MODEL_USER_TEXT:
        look(w, ev->model_user_text.text);
        break;
    case EV_MODEL_RESPONSE_DONE:
        look(w, ev->model_done.response_id);
        look(w, ev->model_done.reason);
        REQUIRE(ev->model_done.status < RESPONSE_STATUS_N);
        break;
    case EV_MODEL_ERROR:
        look(w, ev->model_error.code);
        look(w, ev->model_error.message);
        look(w, ev->model_error.param);
        break;
    default:
        REQUIRE(ev->type > EV_MODEL_FAILED && ev->type <= EV_MODEL_ERROR);
        break;
    }
}

static const struct model_handler watch = {.on_event = on_event};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct watcher *w = calloc(1, sizeof(*w));
    struct openai_model *m = calloc(1, sizeof(*m));
    REQUIRE(w && m);
    w->m = m;
    m->link.base = (struct model){.ops = &openai_model_ops, .handler = &watch, .arg = w};
    m->link.state = LINK_READY;
    openai_audio_init(&m->audio, data[0] % 2 ? AUDIO_PCM16_24K : AUDIO_PCMU);
    openai_scratch_init(&m->own_scratch);
    m->scratch = &m->own_scratch;
    openai_tools_init(&m->tools);
    struct str rest = {(const char *)data + 1, size - 1};
    struct str line;
    while (str_split(&rest, '\n', &line)) {
        openai_on_message(m, line);
    }
    openai_tools_done(&m->tools);
    openai_scratch_done(&m->own_scratch);
    free(m);
    free(w);
    return 0;
}
