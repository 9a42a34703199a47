#include "peer/sandbox/sandbox_dialogue.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/json.h"
#include "peer/sandbox/sandbox_dialogue_model.h"

#define MAX_CHAIN 8 /* intents that follow one another by then */

/* Everything one answer needs at hand. */
struct answer {
    struct dialogue_talk *talk;
    const struct dialogue *d;
    struct dialogue_tools tools;
    struct json_val result; /* of a tool; type JSON_NONE otherwise */
    struct dialogue_reply *r;
    int err;
};

struct dialogue *dialogue_free(struct dialogue *d)
{
    if (d) {
        grammar_free(d->grammar);
        arena_done(&d->arena);
        free(d);
    }
    return NULL;
}

const struct grammar *dialogue_grammar(const struct dialogue *d)
{
    return d->grammar;
}

static bool map_get(const struct dialogue_map *m, struct str key, struct str *ret)
{
    for (uint32_t i = 0; i < m->n; i++) {
        if (str_eq(m->at[i].key, key)) {
            *ret = m->at[i].value;
            return true;
        }
    }
    return false;
}

bool dialogue_pronunciation(const struct dialogue *d, struct str word, struct str *ret_phones)
{
    return map_get(&d->pronunciations, word, ret_phones);
}

void dialogue_talk_init(struct dialogue_talk *t, const struct dialogue *d)
{
    *t = (struct dialogue_talk){.dialogue = d, .state = -1, .pending = -1};
}

void dialogue_reply_init(struct dialogue_reply *r)
{
    *r = (struct dialogue_reply){0};
    arena_init(&r->memory, 256u << 10);
}

void dialogue_reply_done(struct dialogue_reply *r)
{
    arena_done(&r->memory);
    r->n = 0;
}

/* ---- values ---- */

static const char *digit_of_word(struct str w)
{
    static const struct {
        const char *word, *digit;
    } table[] = {{"zero", "0"}, {"oh", "0"},   {"o", "0"},   {"one", "1"},   {"two", "2"},   {"three", "3"},
                 {"four", "4"}, {"five", "5"}, {"six", "6"}, {"seven", "7"}, {"eight", "8"}, {"nine", "9"}};
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        if (str_is(w, table[i].word)) {
            return table[i].digit;
        }
    }
    return NULL;
}

/* "double three" is 33; words that are no digits are left out. */
static void value_of_digits(const struct str *at, uint32_t n, struct buf *out)
{
    uint32_t times = 1;
    for (uint32_t i = 0; i < n; i++) {
        const char *digit = digit_of_word(at[i]);
        if (digit) {
            for (; times > 0; times--) {
                buf_puts(out, digit);
            }
        }
        times = str_is(at[i], "double") ? 2 : str_is(at[i], "triple") ? 3 : 1;
    }
}

static void slot_take(struct answer *a, uint32_t slot, const struct words *w, const struct pattern_match *m)
{
    uint32_t n = (uint32_t)(m->end[slot] - m->begin[slot]);
    if (n == 0) {
        return;
    }
    struct buf value;
    buf_init(&value, DIALOGUE_VALUE_BYTES);
    if (a->d->slot_kinds[slot] == DIALOGUE_SLOT_DIGITS) {
        value_of_digits(&w->at[m->begin[slot]], n, &value);
    } else {
        for (uint32_t i = m->begin[slot]; i < m->end[slot]; i++) {
            buf_puts(&value, value.len ? " " : "");
            buf_put_str(&value, w->at[i]);
        }
    }
    if (!value.err && value.len > 0) {
        /* A value that is too long for its place is no value: the agent asks again. */
        ignore_result(str_copy(a->talk->slots[slot], DIALOGUE_VALUE_BYTES, buf_str(&value)));
    }
    buf_done(&value);
}

static void slots_take(struct answer *a, const struct words *w, const struct pattern_match *m)
{
    for (uint32_t i = 0; i < grammar_slot_count(a->d->grammar); i++) {
        slot_take(a, i, w, m);
    }
}

/* ---- lines ---- */

static bool put_value(struct buf *out, struct str value, bool spaced)
{
    for (size_t i = 0; i < value.n; i++) {
        buf_putc(out, value.p[i]);
        if (spaced && i + 1 < value.n) {
            buf_putc(out, ' ');
        }
    }
    return value.n > 0;
}

static bool put_result_field(struct answer *a, struct buf *out, struct str path, bool spaced)
{
    char z[128];
    if (str_copy(z, sizeof(z), path) < 0) {
        return false;
    }
    struct json_val v = json_path(a->result, z);
    struct buf text;
    buf_init(&text, DIALOGUE_LINE_BYTES);
    bool known = false;
    if (v.type == JSON_STRING) {
        known = json_unescape(v.s, &text) >= 0 && put_value(out, buf_str(&text), spaced);
    } else if (v.type == JSON_NUMBER || v.type == JSON_TRUE || v.type == JSON_FALSE) {
        known = put_value(out, v.s, spaced);
    }
    buf_done(&text);
    return known;
}

/* "{order_number}", "{order_number:spaced}", "{result.status}", "{reason|a question}". False: not known. */
static bool put_field(struct answer *a, struct buf *out, struct str field)
{
    size_t bar = str_find(field, '|');
    if (bar < field.n) {
        struct str otherwise = {field.p + bar + 1, field.n - bar - 1};
        return put_field(a, out, (struct str){field.p, bar}) || put_value(out, otherwise, false);
    }
    size_t colon = str_find(field, ':');
    bool spaced = colon < field.n && str_is((struct str){field.p + colon + 1, field.n - colon - 1}, "spaced");
    struct str name = {field.p, colon};
    if (str_starts(name, STR("result."))) {
        return put_result_field(a, out, (struct str){name.p + 7, name.n - 7}, spaced);
    }
    int slot = grammar_slot(a->d->grammar, name);
    return slot >= 0 && put_value(out, str_from(a->talk->slots[slot]), spaced);
}

static bool line_expand(struct answer *a, struct str line, struct buf *out)
{
    buf_clear(out);
    for (size_t i = 0; i < line.n; i++) {
        if (line.p[i] != '{') {
            buf_putc(out, line.p[i]);
            continue;
        }
        struct str rest = {line.p + i + 1, line.n - i - 1};
        size_t close = str_find(rest, '}');
        if (close == rest.n || !put_field(a, out, (struct str){rest.p, close})) {
            return false;
        }
        i += close + 1;
    }
    return out->err == 0;
}

static void step_add(struct answer *a, enum dialogue_step_kind kind, struct str text, struct str arguments)
{
    struct dialogue_reply *r = a->r;
    if (r->n == DIALOGUE_MAX_STEPS) {
        return;
    }
    struct dialogue_step step = {.kind = kind, .text = arena_str(&r->memory, text)};
    step.arguments = arguments.n ? arena_str(&r->memory, arguments) : STR_NULL;
    if (!step.text.p || (arguments.n && !step.arguments.p)) {
        a->err = -ENOMEM;
        return;
    }
    r->steps[r->n++] = step;
    if (kind == DIALOGUE_SAY && str_copy(a->talk->last_line, DIALOGUE_LINE_BYTES, text) < 0) {
        a->talk->last_line[0] = '\0';
    }
}

static void say(struct answer *a, struct str line)
{
    if (line.n > 0) {
        step_add(a, DIALOGUE_SAY, line, STR_NULL);
    }
}

static void say_first_known(struct answer *a, const struct dialogue_list *lines)
{
    struct buf text;
    buf_init(&text, DIALOGUE_LINE_BYTES);
    for (uint32_t i = 0; i < lines->n; i++) {
        if (line_expand(a, lines->at[i], &text)) {
            say(a, buf_str(&text));
            break;
        }
    }
    buf_done(&text);
}

/* ---- outcomes ---- */

static void call_tool(struct answer *a, const struct dialogue_outcome *o)
{
    struct buf json, value;
    buf_init(&json, 16u << 10);
    buf_init(&value, DIALOGUE_LINE_BYTES);
    struct json_w w = json_w(&json);
    json_w_open(&w);
    for (uint32_t i = 0; i < o->arguments.n; i++) {
        if (line_expand(a, o->arguments.at[i].value, &value)) {
            json_w_kstr(&w, o->arguments.at[i].key.p, buf_str(&value));
        }
    }
    json_w_close(&w);
    if (json.err) {
        a->err = -ENOMEM;
    } else {
        step_add(a, DIALOGUE_CALL, o->tool, buf_str(&json));
    }
    buf_done(&value);
    buf_done(&json);
}

/* Slots that are still needed are asked for in the order of the file. True: asked. */
static bool ask_for_missing(struct answer *a, uint32_t intent)
{
    const struct dialogue_intent *in = &a->d->intents[intent];
    for (uint32_t i = 0; i < in->needs.n; i++) {
        int slot = grammar_slot(a->d->grammar, in->needs.at[i].key);
        if (slot < 0 || a->talk->slots[slot][0] != '\0') {
            continue;
        }
        for (uint32_t s = 0; s < a->d->state_count; s++) {
            if (str_eq(a->d->states[s].name, in->needs.at[i].value)) {
                a->talk->state = (int)s;
                a->talk->pending = (int)intent;
                say(a, a->d->states[s].enter);
                return true;
            }
        }
    }
    return false;
}

static void outcome_run(struct answer *a, const struct dialogue_outcome *o)
{
    bool can_call = o->tool.n == 0 || (a->tools.has && a->tools.has(o->tool, a->tools.arg));
    if (o->again) {
        char line[DIALOGUE_LINE_BYTES];
        memcpy(line, a->talk->last_line, sizeof(line));
        say(a, line[0] ? str_from(line) : a->d->greeting);
    }
    if (can_call) {
        say_first_known(a, &o->say);
    } else {
        say(a, a->d->unavailable);
    }
    if (o->tool.n > 0 && can_call) {
        call_tool(a, o);
    }
    a->talk->state = o->go_to;
    if (o->go_to >= 0) {
        say(a, a->d->states[o->go_to].enter);
    }
}

static void intent_run(struct answer *a, int intent)
{
    for (int i = 0; intent >= 0 && i < MAX_CHAIN; i++) {
        if (ask_for_missing(a, (uint32_t)intent)) {
            return;
        }
        const struct dialogue_outcome *o = &a->d->intents[intent].outcome;
        a->talk->pending = -1;
        outcome_run(a, o);
        intent = o->then;
    }
}

/* ---- understanding ---- */

struct candidate {
    int intent; /* -1: none */
    uint32_t score;
    struct pattern_match match;
};

static uint32_t keyword_score(const struct dialogue_intent *in, const struct words *w)
{
    uint32_t best = 0;
    for (uint32_t i = 0; i < in->keywords.n; i++) {
        struct str rest = in->keywords.at[i], word;
        uint32_t found = 0, wanted = 0;
        while (str_split(&rest, ' ', &word)) {
            bool hit = word.n == 0;
            wanted += word.n > 0;
            for (uint32_t k = 0; !hit && k < w->n; k++) {
                hit = str_eq(w->at[k], word);
                found += hit;
            }
        }
        if (wanted > 0 && found == wanted) {
            best = MAX(best, found);
        }
    }
    return best;
}

static void candidate_try(struct candidate *c, const struct dialogue *d, int intent, const struct words *w, bool typed)
{
    const struct dialogue_intent *in = &d->intents[intent];
    for (uint32_t i = 0; i < in->pattern_count; i++) {
        struct pattern_match m;
        uint32_t score = 0;
        if (pattern_match(in->patterns[i], w, PATTERN_WHOLE, &m)) {
            score = 1000;
        } else if (typed && pattern_match(in->patterns[i], w, PATTERN_ANYWHERE, &m)) {
            score = (uint32_t)(m.to - m.from);
        }
        if (score > c->score) {
            *c = (struct candidate){intent, score, m};
        }
    }
    uint32_t score = typed ? keyword_score(in, w) : 0;
    if (score > c->score) {
        *c = (struct candidate){intent, score, {0}};
    }
}

/* A state's own intents win over the general ones; among equals the first in the file. */
static struct candidate understand(const struct dialogue_talk *t, const struct words *w, bool typed)
{
    struct candidate c = {.intent = -1};
    for (int pass = 0; pass < 2 && c.intent < 0; pass++) {
        int state = pass == 0 ? t->state : -1;
        if (pass == 0 && t->state < 0) {
            continue;
        }
        for (uint32_t i = 0; i < t->dialogue->intent_count; i++) {
            if (t->dialogue->intents[i].state == state) {
                candidate_try(&c, t->dialogue, (int)i, w, typed);
            }
        }
    }
    return c;
}

/* "my parcel, number 1234?" matched by keywords only: look for the needed digits anywhere. */
static void fill_needs(struct answer *a, const struct dialogue_intent *in, const struct words *w)
{
    for (uint32_t i = 0; i < in->needs.n; i++) {
        int slot = grammar_slot(a->d->grammar, in->needs.at[i].key);
        struct pattern_match m;
        if (slot >= 0 && a->talk->slots[slot][0] == '\0' && a->d->slot_kinds[slot] == DIALOGUE_SLOT_DIGITS &&
            pattern_match(a->d->slot_patterns[slot], w, PATTERN_ANYWHERE, &m)) {
            slot_take(a, (uint32_t)slot, w, &m);
        }
    }
}

/* Whether an intent's call is made from the slot. */
static bool intent_uses(const struct answer *a, const struct dialogue_intent *in, uint32_t slot)
{
    struct str ignored, name = grammar_slot_name(a->d->grammar, slot);
    bool uses = map_get(&in->needs, name, &ignored);
    for (uint32_t i = 0; i < in->outcome.arguments.n; i++) {
        uses = uses || str_search(in->outcome.arguments.at[i].value, name) != SIZE_MAX;
    }
    return uses;
}

/* A fresh question starts without the values of the last one. */
static void forget_slots(struct answer *a, const struct dialogue_intent *in)
{
    for (uint32_t i = 0; i < grammar_slot_count(a->d->grammar); i++) {
        if (intent_uses(a, in, i)) {
            a->talk->slots[i][0] = '\0';
        }
    }
}

static int answer_words(struct answer *a, const struct words *w, bool typed)
{
    struct candidate c = understand(a->talk, w, typed);
    if (c.intent < 0) {
        say(a, a->d->refusal);
        return a->err;
    }
    const struct dialogue_intent *in = &a->d->intents[c.intent];
    a->r->intent = in->name;
    forget_slots(a, in);
    slots_take(a, w, &c.match);
    if (typed) {
        fill_needs(a, in, w);
    }
    intent_run(a, c.intent);
    return a->err;
}

static struct answer answer_begin(struct dialogue_talk *t, struct dialogue_tools tools, struct dialogue_reply *r)
{
    return (struct answer){.talk = t, .d = t->dialogue, .tools = tools, .r = r};
}

int dialogue_greet(struct dialogue_talk *t, struct dialogue_reply *r)
{
    struct answer a = answer_begin(t, (struct dialogue_tools){0}, r);
    r->intent = STR("greeting");
    say(&a, t->dialogue->greeting);
    return a.err;
}

static bool contains_fold(struct str s, struct str part)
{
    for (size_t i = 0; part.n > 0 && i + part.n <= s.n; i++) {
        if (str_ieq((struct str){s.p + i, part.n}, part)) {
            return true;
        }
    }
    return false;
}

int dialogue_instructed(struct dialogue_talk *t, struct str instructions, struct dialogue_reply *r)
{
    struct answer a = answer_begin(t, (struct dialogue_tools){0}, r);
    const struct dialogue_map *map = &t->dialogue->instructions;
    for (uint32_t i = 0; i < map->n; i++) {
        if (contains_fold(instructions, map->at[i].key)) {
            r->intent = STR("instructed");
            say(&a, map->at[i].value);
            return a.err < 0 ? a.err : 1;
        }
    }
    return 0;
}

int dialogue_prompt(struct dialogue_talk *t, struct dialogue_reply *r)
{
    struct answer a = answer_begin(t, (struct dialogue_tools){0}, r);
    r->intent = STR("prompt");
    say(&a, t->dialogue->prompt.n ? t->dialogue->prompt : t->dialogue->greeting);
    return a.err;
}

int dialogue_hear(struct dialogue_talk *t, struct str text, bool typed, struct dialogue_tools tools,
                  struct dialogue_reply *r)
{
    char digits[32];
    if (typed && dialogue_text_digits(text, digits)) {
        return dialogue_digits(t, str_from(digits), tools, r);
    }
    struct answer a = answer_begin(t, tools, r);
    struct words w;
    words_init(&w);
    int err = words_set(&w, text);
    if (err >= 0) {
        err = answer_words(&a, &w, typed);
    }
    words_done(&w);
    return err;
}

int dialogue_digits(struct dialogue_talk *t, struct str digits, struct dialogue_tools tools, struct dialogue_reply *r)
{
    struct answer a = answer_begin(t, tools, r);
    const struct dialogue *d = t->dialogue;
    struct str number = digits;
    if (number.n > 0 && number.p[number.n - 1] == '#') {
        number.n--;
    }
    const struct dialogue_state *state = t->state >= 0 ? &d->states[t->state] : NULL;
    int slot = state && state->digits.n ? grammar_slot(d->grammar, state->digits) : -1;
    if (slot >= 0 && number.n > 0 && str_copy(t->slots[slot], DIALOGUE_VALUE_BYTES, number) >= 0) {
        int next = state->digits_then >= 0 ? state->digits_then : t->pending;
        r->intent = next >= 0 ? d->intents[next].name : state->name;
        t->state = -1;
        intent_run(&a, next);
        return a.err;
    }
    for (uint32_t i = 0; i < d->intent_count; i++) {
        const struct dialogue_intent *in = &d->intents[i];
        if (in->dtmf.n > 0 && str_eq(in->dtmf, number) && (in->state == -1 || in->state == t->state)) {
            r->intent = in->name;
            forget_slots(&a, in);
            intent_run(&a, (int)i);
            return a.err;
        }
    }
    say(&a, d->refusal);
    return a.err;
}

/* ---- tool results ---- */

static bool result_field_is(struct json_val result, struct str field, struct str want)
{
    char path[128];
    if (str_copy(path, sizeof(path), field) < 0) {
        return false;
    }
    struct json_val v = json_path(result, path);
    if (v.type == JSON_NONE || v.type == JSON_NULL) {
        return false;
    }
    if (str_is(want, "*")) {
        return true;
    }
    struct buf text;
    buf_init(&text, 4096);
    bool same =
        v.type == JSON_STRING ? json_unescape(v.s, &text) >= 0 && str_ieq(buf_str(&text), want) : str_eq(v.s, want);
    buf_done(&text);
    return same;
}

static const struct dialogue_result *result_find(const struct dialogue *d, struct str tool, struct json_val v)
{
    for (uint32_t i = 0; i < d->result_count; i++) {
        const struct dialogue_result *rule = &d->results[i];
        bool holds = str_eq(rule->tool, tool) || str_is(rule->tool, "*");
        for (uint32_t k = 0; holds && k < rule->when.n; k++) {
            holds = result_field_is(v, rule->when.at[k].key, rule->when.at[k].value);
        }
        if (holds) {
            return rule;
        }
    }
    return NULL;
}

static struct json_val result_object(struct str output)
{
    struct json_val v;
    return json_parse(output, &v) < 0 || v.type != JSON_OBJECT ? (struct json_val){0} : v;
}

bool dialogue_knows_result(const struct dialogue_talk *t, struct str tool, struct str output)
{
    const struct dialogue_result *rule = result_find(t->dialogue, tool, result_object(output));
    return rule && !str_is(rule->tool, "*");
}

int dialogue_tool_result(struct dialogue_talk *t, struct str tool, struct str output, struct dialogue_tools tools,
                         struct dialogue_reply *r)
{
    struct answer a = answer_begin(t, tools, r);
    a.result = result_object(output);
    r->intent = STR("tool_result");
    const struct dialogue_result *rule = result_find(t->dialogue, tool, a.result);
    if (!rule) {
        say(&a, t->dialogue->prompt);
        return a.err;
    }
    outcome_run(&a, &rule->outcome);
    intent_run(&a, rule->outcome.then);
    return a.err;
}

/* ---- script and keypad ---- */

struct str dialogue_script_next(struct dialogue_talk *t)
{
    const struct dialogue_list *script = &t->dialogue->script;
    return script->n ? script->at[t->script_at++ % script->n] : STR_NULL;
}

static bool is_key(char c)
{
    return (c >= '0' && c <= '9') || c == '*' || c == '#' || (c >= 'A' && c <= 'D');
}

bool dialogue_text_digits(struct str text, char ret[32])
{
    static const char *const leads[] = {"dtmf",
                                        "keypad",
                                        "pressed",
                                        "the caller pressed",
                                        "caller pressed",
                                        "the caller pressed the keys",
                                        "the caller entered",
                                        "user pressed"};
    text = str_trim(text);
    size_t lead = 0;
    for (size_t i = 0; i < ARRAY_LEN(leads); i++) {
        size_t at = text.n > 0 && text.p[0] == '[' ? 1 : 0;
        size_t n = strlen(leads[i]);
        if (text.n >= at + n && str_ieq((struct str){text.p + at, n}, str_from(leads[i]))) {
            lead = MAX(lead, at + n);
        }
    }
    if (lead == 0) {
        return false;
    }
    size_t n = 0;
    for (size_t i = lead; i < text.n; i++) {
        char c = text.p[i];
        if (is_key(c)) {
            if (n == 31) {
                return false;
            }
            ret[n++] = c;
        } else if (!strchr(" :,.-]\"'", c)) {
            return false;
        }
    }
    ret[n] = '\0';
    return n > 0;
}
