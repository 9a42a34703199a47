#include "library/guarding.h"

#include "base/err.h"
#include "library/wording.h"

/* On a thread of the crew. */
static int ask(const struct guard_code_check *check, struct buf *why, void *arg)
{
    const struct guarding *g = arg;
    const struct rt_guardrail_check shown = {
        .agent = check->agent, .session_id = check->call_id, .text = check->text, .context = check->context};
    struct rt_text text;
    if (g->agent && strcmp(g->agent, check->agent) != 0) {
        return 0; /* another agent's words */
    }
    wording_init(&text);
    int tripped = g->guardrail->fn(&shown, &text, g->guardrail->arg);
    if (tripped > 0 && text.buf.err >= 0) {
        buf_put_str(why, buf_str(&text.buf));
    }
    wording_done(&text);
    return tripped > 0 ? 1 : tripped;
}

int guarding_add(struct snapshot *s, struct crew *crew, const struct guarding *g)
{
    const struct guard_code code = {.fn = ask, .arg = (void *)(uintptr_t)g, .crew = crew}; /* only read there */
    return snapshot_add_guard(s, str_from(g->guardrail->name), &code, false);
}
