/* The words of the OpenAI Realtime protocol, one table each. */
#include "wire/openai.h"

#include "base/err.h"
#include "wire/openai_words.h"

static const struct str event_names[OPENAI_EVENT_N] = {[OPENAI_UNKNOWN] = STR("unknown"),
#define X(name, wire) [name] = STR(wire),
                                                       OPENAI_EVENT_LIST(X)
#undef X
};

/* What beta servers and older compatible ones say. */
static const struct {
    struct str name;
    enum openai_event_type type;
} beta_names[] = {
    {STR("response.audio.delta"), OPENAI_AUDIO_DELTA},
    {STR("response.audio.done"), OPENAI_AUDIO_DONE},
    {STR("response.audio_transcript.delta"), OPENAI_TRANSCRIPT_DELTA},
    {STR("response.audio_transcript.done"), OPENAI_TRANSCRIPT_DONE},
    {STR("response.text.delta"), OPENAI_TEXT_DELTA},
    {STR("response.text.done"), OPENAI_TEXT_DONE},
    {STR("transcription_session.created"), OPENAI_SESSION_CREATED},
    {STR("transcription_session.updated"), OPENAI_SESSION_UPDATED},
};

static const char *const status_names[OPENAI_STATUS_N] = {
    [OPENAI_STATUS_NONE] = "",
    [OPENAI_STATUS_IN_PROGRESS] = "in_progress",
    [OPENAI_STATUS_COMPLETED] = "completed",
    [OPENAI_STATUS_INCOMPLETE] = "incomplete",
    [OPENAI_STATUS_CANCELLED] = "cancelled",
    [OPENAI_STATUS_FAILED] = "failed",
};

static const char *const item_names[OPENAI_ITEM_TYPE_N] = {
    [OPENAI_ITEM_UNKNOWN] = "",
    [OPENAI_ITEM_MESSAGE] = "message",
    [OPENAI_ITEM_FUNCTION_CALL] = "function_call",
    [OPENAI_ITEM_FUNCTION_OUTPUT] = "function_call_output",
    [OPENAI_ITEM_MCP_LIST_TOOLS] = "mcp_list_tools",
    [OPENAI_ITEM_MCP_CALL] = "mcp_call",
    [OPENAI_ITEM_MCP_APPROVAL_REQUEST] = "mcp_approval_request",
    [OPENAI_ITEM_MCP_APPROVAL_RESPONSE] = "mcp_approval_response",
    [OPENAI_ITEM_REFERENCE] = "item_reference",
};

static const char *const role_names[OPENAI_ROLE_N] = {"", "user", "assistant", "system"};
static const char *const effort_names[] = {"", "minimal", "low", "medium", "high", "xhigh"};
static const char *const eagerness_names[] = {"", "low", "medium", "high", "auto"};
static const char *const format_names[OPENAI_FORMAT_N] = {"", "audio/pcm", "audio/pcmu", "audio/pcma"};
static const char *const beta_formats[OPENAI_FORMAT_N] = {"", "pcm16", "g711_ulaw", "g711_alaw"};

/* Index of the word in a table whose first entry means "none"; 0 when it is not there. */
static unsigned word_in(const char *const *table, unsigned n, struct str word)
{
    for (unsigned i = 1; i < n; i++) {
        if (str_is(word, table[i])) {
            return i;
        }
    }
    return 0;
}

enum openai_event_type openai_event_of(struct str name)
{
    if (str_eq(name, event_names[OPENAI_AUDIO_DELTA])) { /* nearly all of the traffic */
        return OPENAI_AUDIO_DELTA;
    }
    for (unsigned i = OPENAI_UNKNOWN + 1; i < OPENAI_EVENT_N; i++) {
        if (str_eq(name, event_names[i])) {
            return (enum openai_event_type)i;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(beta_names); i++) {
        if (str_eq(name, beta_names[i].name)) {
            return beta_names[i].type;
        }
    }
    return OPENAI_UNKNOWN;
}

enum openai_status openai_status_of(struct str name)
{
    return (enum openai_status)word_in(status_names, OPENAI_STATUS_N, name);
}

enum openai_item_type openai_item_type_of(struct str name)
{
    return (enum openai_item_type)word_in(item_names, OPENAI_ITEM_TYPE_N, name);
}

enum openai_role openai_role_of(struct str name)
{
    return (enum openai_role)word_in(role_names, OPENAI_ROLE_N, name);
}

enum openai_effort openai_effort_of(struct str name)
{
    return (enum openai_effort)word_in(effort_names, ARRAY_LEN(effort_names), name);
}

enum openai_eagerness openai_eagerness_of(struct str name)
{
    return (enum openai_eagerness)word_in(eagerness_names, ARRAY_LEN(eagerness_names), name);
}

enum openai_format openai_format_of(struct str name)
{
    unsigned i = word_in(format_names, OPENAI_FORMAT_N, name);
    return (enum openai_format)(i ? i : word_in(beta_formats, OPENAI_FORMAT_N, name));
}

enum openai_format openai_format_read(struct json_val v)
{
    if (v.type == JSON_OBJECT) {
        v = json_get(v, "type");
    }
    return v.type == JSON_STRING ? openai_format_of(v.s) : OPENAI_FORMAT_NONE;
}

const char *openai_event_name(enum openai_event_type type)
{
    return (unsigned)type < OPENAI_EVENT_N ? event_names[type].p : "unknown";
}

const char *openai_status_name(enum openai_status status)
{
    return (unsigned)status < OPENAI_STATUS_N ? status_names[status] : "";
}

const char *openai_item_type_name(enum openai_item_type type)
{
    return (unsigned)type < OPENAI_ITEM_TYPE_N ? item_names[type] : "";
}

const char *openai_role_name(enum openai_role role)
{
    return (unsigned)role < OPENAI_ROLE_N ? role_names[role] : "";
}

const char *openai_format_name(enum openai_format format)
{
    return (unsigned)format < OPENAI_FORMAT_N ? format_names[format] : "";
}

const char *openai_eagerness_name(enum openai_eagerness eagerness)
{
    return (unsigned)eagerness < ARRAY_LEN(eagerness_names) ? eagerness_names[eagerness] : "";
}

const char *openai_effort_name(enum openai_effort effort)
{
    return (unsigned)effort < ARRAY_LEN(effort_names) ? effort_names[effort] : "";
}

void openai_put_format(struct json_w *w, enum openai_format format)
{
    json_w_open(w);
    json_w_kz(w, "type", openai_format_name(format));
    if (format == OPENAI_FORMAT_PCM24K) {
        json_w_ki64(w, "rate", 24000);
    }
    json_w_close(w);
}
