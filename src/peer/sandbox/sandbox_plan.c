/* What a response says and calls: asks the dialogue, in the order in which a model would look at things. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "peer/sandbox/sandbox_session_impl.h"

/* What the load profile says each turn: about eleven seconds, so that the next barge-in always finds it talking. */
#define LOAD_TEXT                                                                                                      \
    "This is a long answer that keeps the line busy. It has several sentences of an ordinary length. "                 \
    "Nobody listens to it, but everything is counted. It goes on until somebody interrupts."

#define MAX_PIECES  4  /* turns that may have been one sentence */
#define MS_PER_CHAR 60 /* of speech, at most so fast */

struct plan {
    struct sandbox_session *s;
    struct response *r;
    struct dialogue_talk *talk;
};

/* ---- tools ---- */

static bool tools_list_has(struct str raw, struct str name)
{
    struct json_val tools, tool;
    if (json_parse(raw, &tools) < 0) {
        return false;
    }
    for (struct json_it it = json_array(tools); json_elem(&it, &tool);) {
        struct json_val v = json_get(tool, "name");
        if (v.type == JSON_STRING && !v.escaped && str_eq(v.s, name)) {
            return true;
        }
    }
    return false;
}

/* A tool may be called when the session, or this response, declared it and tool_choice does not forbid it. */
static bool plan_has_tool(struct str name, void *arg)
{
    struct plan *p = arg;
    if (str_is(p->r->tool_choice, "\"none\"")) {
        return false;
    }
    return tools_list_has(p->r->has_tools ? p->r->tools_raw : buf_str(&p->s->conf.tools), name);
}

static void plan_add(struct plan *p, enum dialogue_step_kind kind, struct str text, struct str arguments)
{
    struct response *r = p->r;
    if (r->n_steps == RESPONSE_MAX_STEPS) {
        return;
    }
    struct step step = {.kind = kind, .text = arena_str(&r->memory, text), .arguments = STR("")};
    if (arguments.n) {
        step.arguments = arena_str(&r->memory, arguments);
    }
    if (step.text.p && step.arguments.p) {
        r->steps[r->n_steps++] = step;
    }
}

/* Lines that follow one another are one message. */
static void plan_take(struct plan *p, const struct dialogue_reply *reply)
{
    char joined[4 * DIALOGUE_LINE_BYTES];
    size_t n = 0;
    for (uint32_t i = 0; i <= reply->n; i++) {
        bool say = i < reply->n && reply->steps[i].kind == DIALOGUE_SAY;
        if (say && n + reply->steps[i].text.n + 1 < sizeof(joined)) {
            joined[n] = ' ';
            n += n > 0;
            memcpy(joined + n, reply->steps[i].text.p, reply->steps[i].text.n);
            n += reply->steps[i].text.n;
            continue;
        }
        if (n > 0) {
            plan_add(p, DIALOGUE_SAY, (struct str){joined, n}, STR_NULL);
            n = 0;
        }
        if (i < reply->n) {
            plan_add(p, reply->steps[i].kind, reply->steps[i].text, reply->steps[i].arguments);
        }
    }
}

/* ---- exact text ---- */

static size_t search_fold(struct str s, struct str needle)
{
    for (size_t i = 0; i + needle.n <= s.n; i++) {
        if (str_ieq((struct str){s.p + i, needle.n}, needle)) {
            return i;
        }
    }
    return SIZE_MAX;
}

/*
 * Say exactly: "..." in instructions is spoken as it stands, from the first quote to the last (one inside may be
 * written \"): the convention by which the gateway has greetings and farewells said word by word.
 */
static bool exact_text(struct str instructions, struct arena *memory, struct str *ret)
{
    size_t at = search_fold(instructions, STR("say exactly"));
    if (at == SIZE_MAX) {
        return false;
    }
    struct str rest = {instructions.p + at, instructions.n - at};
    size_t open = str_find(rest, '"');
    size_t close = rest.n;
    while (close > open + 1 && rest.p[close - 1] != '"') {
        close--;
    }
    if (close <= open + 2) {
        return false; /* no quotes, one, or nothing between them */
    }
    char *out = arena_alloc(memory, rest.n + 1);
    size_t n = 0;
    for (size_t i = open + 1; out && i + 1 < close; i++) {
        i += rest.p[i] == '\\' && i + 2 < close;
        out[n++] = rest.p[i];
    }
    *ret = (struct str){out, n};
    return n > 0;
}

/* ---- the conversation ---- */

static struct str item_words(const struct convo_item *item)
{
    for (uint32_t i = 0; i < item->n_parts; i++) {
        enum openai_part_type type = item->parts[i].type;
        if (type == OPENAI_PART_INPUT_TEXT || type == OPENAI_PART_INPUT_AUDIO) {
            return buf_str(&item->parts[i].text);
        }
    }
    return STR("");
}

static bool item_is_spoken(const struct convo_item *item)
{
    return item->n_parts > 0 && item->parts[0].type == OPENAI_PART_INPUT_AUDIO;
}

/* ---- handoffs ---- */

#define HANDOFF "transfer_to_"

/* "transfer_to_front_desk" -> "front desk"; false: no handoff. */
static bool handoff_words(struct str tool, char *room, size_t cap, struct str *ret)
{
    struct str prefix = STR(HANDOFF);
    if (!str_starts(tool, prefix) || tool.n == prefix.n || tool.n - prefix.n >= cap) {
        return false;
    }
    size_t n = tool.n - prefix.n;
    for (size_t i = 0; i < n; i++) {
        room[i] = tool.p[prefix.n + i] == '_' ? ' ' : tool.p[prefix.n + i];
    }
    *ret = (struct str){room, n};
    return true;
}

static bool asks_for_somebody(struct str words)
{
    static const char *const asks[] = {"talk to",    "speak to",       "speak with",
                                       "connect me", "put me through", "transfer me"};
    for (size_t i = 0; i < ARRAY_LEN(asks); i++) {
        if (search_fold(words, str_from(asks[i])) != SIZE_MAX) {
            return true;
        }
    }
    return false;
}

/* "Connect me to billing", when the session offers transfer_to_billing: it is called. */
static bool plan_handoff(struct plan *p, struct str words)
{
    struct json_val tools, tool;
    struct str list = p->r->has_tools ? p->r->tools_raw : buf_str(&p->s->conf.tools);
    if (!asks_for_somebody(words) || json_parse(list, &tools) < 0) {
        return false;
    }
    for (struct json_it it = json_array(tools); json_elem(&it, &tool);) {
        char room[OPENAI_ID_MAX];
        struct str who;
        struct json_val name = json_get(tool, "name");
        if (name.type == JSON_STRING && handoff_words(name.s, room, sizeof(room), &who) &&
            search_fold(words, who) != SIZE_MAX && plan_has_tool(name.s, p)) {
            plan_add(p, DIALOGUE_CALL, name.s, STR("{}"));
            return true;
        }
    }
    return false;
}

/*
 * The one who was handed over to introduces itself, unless the dialogue has words for it. True: it was a handoff, and
 * it came about.
 */
static bool plan_taken_over(struct plan *p, struct str tool, struct str output)
{
    struct json_val doc;
    char line[512];
    if (!str_starts(tool, STR(HANDOFF)) || dialogue_knows_result(p->talk, tool, output) ||
        json_parse(output, &doc) < 0) {
        return false;
    }
    struct json_val who = json_get(doc, "assistant");
    if (who.type != JSON_STRING || who.s.n > 200) {
        return false;
    }
    int n = snprintf(line, sizeof(line), "This is " STR_FMT ". How can I help you?", STR_ARG(who.s));
    plan_add(p, DIALOGUE_SAY, (struct str){line, (size_t)n}, STR_NULL);
    return true;
}

static void plan_hear(struct plan *p, const struct convo_item *item)
{
    struct dialogue_reply reply;
    dialogue_reply_init(&reply);
    struct dialogue_tools tools = {plan_has_tool, p};
    struct str words = item->refused ? STR("") : item_words(item);
    if (!plan_handoff(p, words) && dialogue_hear(p->talk, words, !item_is_spoken(item), tools, &reply) == 0) {
        plan_take(p, &reply);
    }
    dialogue_reply_done(&reply);
}

static void plan_tool_result(struct plan *p, const struct convo_item *item)
{
    struct dialogue_reply reply;
    dialogue_reply_init(&reply);
    struct dialogue_tools tools = {plan_has_tool, p};
    const struct convo_item *call = convo_find_call(&p->s->convo, buf_str(&item->call_id));
    struct str name = call ? buf_str(&call->name) : STR("");
    if (!plan_taken_over(p, name, buf_str(&item->output)) &&
        dialogue_tool_result(p->talk, name, buf_str(&item->output), tools, &reply) == 0) {
        plan_take(p, &reply);
    }
    dialogue_reply_done(&reply);
}

/*
 * A pause in the middle of a sentence makes two turns of it, and the second cuts off the answer to the first: what was
 * heard since the last answer is tried as one sentence before its last piece is taken alone. True: understood.
 */
static bool plan_hear_joined(struct plan *p, const struct convo_item *const *said, uint32_t n)
{
    struct buf words;
    buf_init(&words, 8192);
    for (uint32_t i = 0; i < n; i++) {
        if (item_is_spoken(said[i]) && !said[i]->refused) {
            buf_puts(&words, words.len ? " " : "");
            buf_put_str(&words, item_words(said[i]));
        }
    }
    struct dialogue_talk before = *p->talk;
    struct dialogue_reply reply;
    struct dialogue_tools tools = {plan_has_tool, p};
    dialogue_reply_init(&reply);
    bool understood =
        !words.err && dialogue_hear(p->talk, buf_str(&words), false, tools, &reply) == 0 && reply.intent.n;
    if (understood) {
        plan_take(p, &reply);
    } else {
        *p->talk = before;
    }
    dialogue_reply_done(&reply);
    buf_done(&words);
    return understood;
}

/* Tool results in their order, then what the user said last. True: there was something to answer. */
static bool plan_conversation(struct plan *p)
{
    const struct convo_item *said[MAX_PIECES];
    uint32_t n = 0;
    bool any = false;
    for (struct convo_item *item = p->s->convo.first; item; item = item->next) {
        if (item->answered) {
            continue;
        }
        if (item->type == OPENAI_ITEM_FUNCTION_OUTPUT) {
            plan_tool_result(p, item);
            any = true;
        } else if (item->type == OPENAI_ITEM_MESSAGE && item->role == OPENAI_ROLE_USER) {
            if (n == MAX_PIECES) {
                memmove(said, said + 1, sizeof(said) - sizeof(said[0]));
                n--;
            }
            said[n++] = item;
        }
        item->answered = true;
    }
    if (n > 0 && !(n > 1 && item_is_spoken(said[n - 1]) && plan_hear_joined(p, said, n))) {
        plan_hear(p, said[n - 1]);
    }
    return any || n > 0;
}

static void plan_simple(struct plan *p, int (*ask)(struct dialogue_talk *, struct dialogue_reply *))
{
    struct dialogue_reply reply;
    dialogue_reply_init(&reply);
    if (ask(p->talk, &reply) == 0) {
        plan_take(p, &reply);
    }
    dialogue_reply_done(&reply);
}

/* tool_choice names a function: it is called whatever was said, with what the dialogue would give it. */
static bool plan_forced_call(struct plan *p)
{
    struct json_val choice;
    if (p->r->tool_choice.n == 0 || p->r->tool_choice.p[0] != '{' || json_parse(p->r->tool_choice, &choice) < 0) {
        return false;
    }
    struct json_val name = json_get(choice, "name");
    if (name.type != JSON_STRING || !plan_has_tool(name.s, p)) {
        return false;
    }
    for (uint32_t i = 0; i < p->r->n_steps; i++) {
        if (p->r->steps[i].kind == DIALOGUE_CALL && str_eq(p->r->steps[i].text, name.s)) {
            return true;
        }
    }
    p->r->n_steps = 0;
    plan_add(p, DIALOGUE_CALL, name.s, STR("{}"));
    return true;
}

static bool hearing_pending(const struct sandbox_session *s)
{
    for (const struct convo_item *item = s->convo.last; item; item = item->prev) {
        if (item->hearing && !item->answered) {
            return true;
        }
    }
    return false;
}

static bool nobody_spoke_before(const struct sandbox_session *s, const struct convo_item *end)
{
    for (const struct convo_item *item = s->convo.first; item && item != end; item = item->next) {
        if (item->type == OPENAI_ITEM_MESSAGE && item->role == OPENAI_ROLE_ASSISTANT) {
            return false;
        }
    }
    return true;
}

/* Instructions and input of the response alone; the conversation and its memory stay as they are. */
static void plan_apart(struct plan *p)
{
    struct dialogue_talk talk = *p->talk;
    struct plan apart = {p->s, p->r, &talk};
    struct convo_item item = {.type = OPENAI_ITEM_MESSAGE, .role = OPENAI_ROLE_USER, .n_parts = 1};
    item.parts[0].type = OPENAI_PART_INPUT_TEXT;
    buf_init(&item.parts[0].text, CONVO_MAX_TEXT);
    buf_put_str(&item.parts[0].text, p->r->prompt_text);
    if (p->r->prompt_text.n > 0) {
        plan_hear(&apart, &item);
    } else {
        plan_simple(&apart, dialogue_prompt);
    }
    buf_done(&item.parts[0].text);
}

/*
 * What this response alone is to do, "say goodbye in one sentence": clients repeat the session's own instructions in
 * front of it, for it would go without them.
 */
static struct str wish_of(const struct plan *p)
{
    struct str wish = p->r->instructions;
    struct str own = str_trim(buf_str(&p->s->conf.instructions));
    if (own.n > 0 && str_starts(wish, own)) {
        wish = (struct str){wish.p + own.n, wish.n - own.n};
    }
    return str_trim(wish);
}

/* If the dialogue knows how to do that. */
static bool plan_instructed(struct plan *p)
{
    struct dialogue_reply reply;
    struct str wish = wish_of(p);
    dialogue_reply_init(&reply);
    bool known = wish.n > 0 && dialogue_instructed(p->talk, wish, &reply) > 0;
    if (known) {
        plan_take(p, &reply);
    }
    dialogue_reply_done(&reply);
    return known;
}

/*
 * Small talk behind an answer that only speaks, until it lasts long enough to be interrupted. What announces a tool is
 * not drawn out.
 */
static void plan_lengthen(struct sandbox_session *s, struct response *r)
{
    static const struct str more[] = {
        STR(" There is a little more to tell about this."),        STR(" Most people ask about the very same thing."),
        STR(" We have been doing it this way for many years."),    STR(" It rarely takes longer than a day or two."),
        STR(" If anything changes we will let you know at once."),
    };
    size_t want = (size_t)s->opts.answer_s * 1000 / MS_PER_CHAR;
    if (r->n_steps != 1 || r->steps[0].kind != DIALOGUE_SAY || r->steps[0].text.n >= want) {
        return;
    }
    struct buf text;
    buf_init(&text, CONVO_MAX_TEXT);
    buf_put_str(&text, r->steps[0].text);
    for (size_t i = 0; text.len < want && !text.err; i++) {
        buf_put_str(&text, more[i % ARRAY_LEN(more)]);
    }
    struct str longer = text.err ? STR_NULL : arena_str(&r->memory, buf_str(&text));
    r->steps[0].text = longer.p ? longer : r->steps[0].text;
    buf_done(&text);
}

/* ---- conversations that began in an earlier session ---- */

static struct str message_text(const struct convo_item *item)
{
    return item->n_parts ? buf_str(&item->parts[0].text) : STR("");
}

/* What the answer to the conversation so far would have been, in one text. */
static void put_answer(struct sandbox_session *s, struct buf *out)
{
    struct response r = {.tool_choice = STR("")};
    struct plan p = {s, &r, &s->talk};
    arena_init(&r.memory, (size_t)1 << 20);
    if (!plan_conversation(&p) && nobody_spoke_before(s, s->convo.last)) {
        plan_simple(&p, dialogue_greet);
    }
    if (s->opts.answer_s > 0) {
        plan_lengthen(s, &r);
    }
    for (uint32_t i = 0; i < r.n_steps; i++) {
        if (r.steps[i].kind == DIALOGUE_SAY) {
            buf_puts(out, out->len ? " " : "");
            buf_put_str(out, r.steps[i].text);
        }
    }
    arena_done(&r.memory);
}

static void keep_rest(struct sandbox_session *s, struct str all, struct str said)
{
    buf_clear(&s->rest);
    if (said.n < all.n && str_starts(all, said)) {
        buf_put_str(&s->rest, str_trim((struct str){all.p + said.n, all.n - said.n}));
    }
}

void plan_replayed(struct sandbox_session *s, struct convo_item *item)
{
    struct buf answer;
    bool told = item->type == OPENAI_ITEM_FUNCTION_CALL ||
                (item->type == OPENAI_ITEM_MESSAGE && item->role == OPENAI_ROLE_ASSISTANT);
    if (!told || s->opts.profile != SANDBOX_DIALOGUE) {
        return;
    }
    for (const struct convo_item *it = s->convo.first; it && !s->host->hear; it = it->next) {
        if (!it->answered && it->type == OPENAI_ITEM_MESSAGE && it->role == OPENAI_ROLE_USER && it->audio.len == 0) {
            dialogue_script_next(&s->talk); /* deaf: it was said already */
        }
    }
    buf_init(&answer, CONVO_MAX_TEXT);
    put_answer(s, &answer);
    if (item->type == OPENAI_ITEM_MESSAGE) {
        keep_rest(s, buf_str(&answer), message_text(item));
        ignore_result(str_copy(s->talk.last_line, DIALOGUE_LINE_BYTES, message_text(item)));
    }
    buf_done(&answer);
}

/* Asked to go on with a message that broke off; other words of such a wish are no wishes ("do not apologise"). */
static bool is_to_go_on(const struct response *r)
{
    return r->instructions.p && search_fold(r->instructions, STR("broke off")) != SIZE_MAX;
}

/* What was left of it, or of the words it was told to say. */
static bool plan_rest(struct plan *p)
{
    struct sandbox_session *s = p->s;
    struct response *r = p->r;
    struct str exact;
    if (!is_to_go_on(r)) {
        return false;
    }
    const struct convo_item *last = s->convo.last;
    if (exact_text(r->instructions, &r->memory, &exact) && last && last->role == OPENAI_ROLE_ASSISTANT) {
        keep_rest(s, exact, message_text(last));
    }
    bool known = s->rest.len > 0;
    if (known) {
        plan_add(p, DIALOGUE_SAY, buf_str(&s->rest), STR_NULL);
        buf_clear(&s->rest);
    }
    return known;
}

static bool plan_content(struct sandbox_session *s, struct response *r)
{
    struct plan p = {s, r, &s->talk};
    struct str exact;
    if (plan_rest(&p)) {
        return true;
    }
    if (s->opts.profile == SANDBOX_CONTINUOUS) {
        plan_add(&p, DIALOGUE_SAY, STR(LOAD_TEXT), STR_NULL);
        return true;
    }
    bool greeting = !r->instructions.p && s->convo.n == 0;
    if (exact_text(r->instructions.p ? r->instructions
                   : greeting        ? buf_str(&s->conf.instructions)
                                     : STR_NULL,
                   &r->memory, &exact)) {
        plan_add(&p, DIALOGUE_SAY, exact, STR_NULL);
        for (struct convo_item *item = s->convo.first; item; item = item->next) {
            item->answered = true; /* this is the answer, whatever was said */
        }
        ignore_result(str_copy(s->talk.last_line, DIALOGUE_LINE_BYTES, exact)); /* too long: "repeat" says the old */
        r->exact = true;
        return true;
    }
    if (r->has_input) {
        plan_apart(&p);
        plan_forced_call(&p);
        return true;
    }
    if (!is_to_go_on(r) && plan_instructed(&p)) {
        return true;
    }
    if (hearing_pending(s)) {
        return false;
    }
    if (!plan_conversation(&p) && !plan_forced_call(&p)) {
        plan_simple(&p, nobody_spoke_before(s, NULL) ? dialogue_greet : dialogue_prompt);
    } else {
        plan_forced_call(&p);
    }
    return true;
}

bool plan_response(struct sandbox_session *s, struct response *r)
{
    bool planned = plan_content(s, r);
    if (planned && s->opts.answer_s > 0 && !r->exact) {
        plan_lengthen(s, r);
    }
    return planned;
}
