/* What a document asks for by keys: the prompt is said, a key is pressed or not, and the document goes on. */
#include "base/err.h"
#include "peer/phone/phone_impl.h"

#define PRESS_MS  200 /* while it is still being said */
#define WAIT_S    5
#define HANGUP    'h'
#define NO_KEY    '-'
#define MAX_WAITS 3600

bool phone_keys_ok(struct str keys)
{
    for (size_t i = 0; i < keys.n; i++) {
        if (!memchr("0123456789*#-h", keys.p[i], 14)) {
            return false;
        }
    }
    return true;
}

/* Attributes of both vendors; nobody waits longer than an hour. */
static uint32_t wait_ms(const struct phone *p, uint32_t verb)
{
    static const char *const names[] = {"timeout", "executionTimeout"};
    int64_t seconds = WAIT_S;
    if (p->o.prompt_wait_ms > 0) {
        return p->o.prompt_wait_ms;
    }
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct str s = twiml_attr(p->doc, verb, names[i]);
        int64_t v = 0;
        if (s.p && str_to_i64(s, &v) == 0 && v > 0) {
            seconds = MIN(v, (int64_t)MAX_WAITS);
        }
    }
    return (uint32_t)seconds * 1000;
}

static void press(struct phone *p, char key)
{
    struct str action = twiml_attr(p->doc, p->verb, "action");
    p->key = key;
    int err = phone_fetch(p, action.n > 0 ? action : p->doc_url, "in-progress");
    p->key = '\0';
    if (err < 0) {
        phone_fetch_failed(p, err, "the action of a prompt leads nowhere");
    }
}

static void on_prompt(void *arg)
{
    struct phone *p = arg;
    char key = p->prompt_key;
    p->prompting = false;
    if (p->closing || p->state >= PHONE_HANGING_UP || !p->doc) {
        return;
    }
    if (key == HANGUP) {
        phone_hang_up(p, "the caller hung up on the prompt");
    } else if (key == NO_KEY) {
        phone_follow(p); /* the next verb */
    } else {
        press(p, key);
    }
}

int phone_prompt(struct phone *p, uint32_t verb)
{
    int err = p->prompt ? 0 : timer_new(p->loop, on_prompt, p, &p->prompt);
    if (err < 0) {
        return err;
    }
    p->prompt_key = p->n_prompts < p->o.prompt_keys.n ? p->o.prompt_keys.p[p->n_prompts] : NO_KEY;
    p->n_prompts++;
    p->prompting = true;
    timer_start(p->prompt,
                (uint64_t)(p->prompt_key == NO_KEY ? wait_ms(p, verb)
                           : p->o.press_ms         ? p->o.press_ms
                                                   : PRESS_MS) *
                    1000,
                0);
    return 0;
}

bool phone_prompting(const struct phone *p)
{
    return p->prompting;
}

void phone_prompt_stop(struct phone *p)
{
    p->prompting = false;
    if (p->prompt) {
        timer_stop(p->prompt);
    }
}
