/* What the model asked for with its tool call that ends the call: the words, and the answer it gets. */
#include "base/json.h"
#include "call/state.h"

#define ARGUMENT_MAX  1000 /* longer ones are left out */
#define DEFAULT_WORDS "Goodbye."

/* A text member of the arguments; empty when it is not there or is no text. */
static struct str member(struct call *c, struct str arguments, const char *key)
{
    struct json_val doc;
    struct str s = STR("");
    struct buf scratch;
    if (json_parse(arguments, &doc) < 0 || doc.type != JSON_OBJECT) {
        return s;
    }
    struct json_val v = json_get(doc, key);
    buf_init(&scratch, ARGUMENT_MAX + 1);
    if (v.type == JSON_STRING && v.s.n <= ARGUMENT_MAX && json_to_str(v, &scratch, &s) >= 0) {
        s = call_keep(c, str_trim(s));
    } else {
        s = STR("");
    }
    buf_done(&scratch);
    return s;
}

static void put(struct buf *out, const char *status, const char *key, struct str text)
{
    struct json_w w = json_w(out);
    json_w_open(&w);
    json_w_kz(&w, "status", status);
    if (str_is(str_from(status), "success")) {
        json_w_kbool(&w, "will_hangup", true);
    }
    json_w_kstr(&w, key, text);
    json_w_close(&w);
}

void goodbye_called(struct call *c, const struct call_event *ev, struct buf *ret_output)
{
    struct str arguments = ev->model_tool.arguments;
    struct str words = member(c, arguments, "farewell_message");
    struct str reason = member(c, arguments, "reason");
    if (str_is(ev->model_tool.name, "hangup_call")) {
        struct str said = words.n ? words : c->o->farewell.text.n ? c->o->farewell.text : STR(DEFAULT_WORDS);
        put(ret_output, "success", "message", said);
    } else {
        put(ret_output, "call_ending", "reason", reason.n ? reason : STR("conversation complete"));
    }
    if (words.n && c->farewell == FAREWELL_NONE) {
        buf_clear(&c->farewell_own);
        buf_put_str(&c->farewell_own, words);
        c->farewell_words = c->farewell_own.err < 0 ? STR("") : buf_str(&c->farewell_own);
    }
    life_goodbye(c, ev->model_tool.response_id);
}
