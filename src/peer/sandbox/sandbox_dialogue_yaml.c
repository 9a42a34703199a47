/* Reads a dialogue from YAML. Every refusal names file, line and column. */
#include <libfyaml.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/json.h"
#include "peer/sandbox/sandbox_dialogue_model.h"

struct loader {
    struct dialogue *d;
    const char *file;
    struct buf *err;
    int failed; /* first error */
};

/* ---- locations and errors ---- */

/* A container has no token of its own: its first scalar tells where it is. */
static struct fy_token *node_token(struct fy_node *n)
{
    for (int depth = 0; n && depth < 32; depth++) {
        if (fy_node_is_scalar(n)) {
            return fy_node_get_scalar_token(n);
        }
        if (fy_node_is_sequence(n)) {
            n = fy_node_sequence_get_by_index(n, 0);
        } else {
            struct fy_node_pair *pair = fy_node_mapping_get_by_index(n, 0);
            n = pair ? fy_node_pair_key(pair) : NULL;
        }
    }
    return NULL;
}

static int PRINTF_LIKE(3, 4) fail(struct loader *l, struct fy_node *at, const char *fmt, ...)
{
    if (l->failed) {
        return l->failed;
    }
    l->failed = -ERR_CONFIG;
    struct fy_token *token = at ? node_token(at) : NULL;
    const struct fy_mark *mark = token ? fy_token_start_mark(token) : NULL;
    buf_printf(l->err, "%s:%d:%d: ", l->file, mark ? mark->line + 1 : 1, mark ? mark->column + 1 : 1);
    va_list args;
    va_start(args, fmt);
    char text[512];
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    buf_puts(l->err, text);
    return l->failed;
}

static int fail_memory(struct loader *l)
{
    if (!l->failed) {
        l->failed = -ENOMEM;
        buf_puts(l->err, "out of memory");
    }
    return l->failed;
}

/* ---- scalars, lists, maps ---- */

static struct str node_scalar(struct fy_node *n)
{
    struct str s = {0};
    s.p = n && fy_node_is_scalar(n) ? fy_node_get_scalar(n, &s.n) : NULL;
    return s;
}

static int read_text(struct loader *l, struct fy_node *n, struct str *ret)
{
    if (!n || !fy_node_is_scalar(n) || fy_node_is_alias(n)) {
        return fail(l, n, "a text is expected here");
    }
    *ret = arena_str(&l->d->arena, node_scalar(n));
    return ret->p ? 0 : fail_memory(l);
}

/* One text or a list of them. */
static int read_list(struct loader *l, struct fy_node *n, struct dialogue_list *ret)
{
    int count = fy_node_is_sequence(n) ? fy_node_sequence_item_count(n) : 1;
    if (count > DIALOGUE_MAX_LIST) {
        return fail(l, n, "a list may have %d entries, not %d", DIALOGUE_MAX_LIST, count);
    }
    ret->at = arena_alloc(&l->d->arena, sizeof(*ret->at) * (size_t)(count + 1));
    if (!ret->at) {
        return fail_memory(l);
    }
    for (int i = 0; i < count; i++) {
        struct fy_node *item = fy_node_is_sequence(n) ? fy_node_sequence_get_by_index(n, i) : n;
        int err = read_text(l, item, &ret->at[ret->n]);
        if (err < 0) {
            return err;
        }
        ret->n++;
    }
    return 0;
}

static int read_map(struct loader *l, struct fy_node *n, struct dialogue_map *ret)
{
    if (!fy_node_is_mapping(n)) {
        return fail(l, n, "a mapping (key: value) is expected here");
    }
    int count = fy_node_mapping_item_count(n);
    if (count > DIALOGUE_MAX_LIST) {
        return fail(l, n, "a mapping may have %d entries, not %d", DIALOGUE_MAX_LIST, count);
    }
    ret->at = arena_alloc(&l->d->arena, sizeof(*ret->at) * (size_t)(count + 1));
    if (!ret->at) {
        return fail_memory(l);
    }
    for (int i = 0; i < count; i++) {
        struct fy_node_pair *pair = fy_node_mapping_get_by_index(n, i);
        struct dialogue_pair *to = &ret->at[ret->n];
        if (read_text(l, fy_node_pair_key(pair), &to->key) < 0 ||
            read_text(l, fy_node_pair_value(pair), &to->value) < 0) {
            return l->failed;
        }
        ret->n++;
    }
    return 0;
}

/* Members of a mapping by table; everything else is refused by name. */
struct member {
    const char *key;
    int (*read)(struct loader *l, struct fy_node *n, void *to);
    size_t offset;
};

static int member_text(struct loader *l, struct fy_node *n, void *to)
{
    return read_text(l, n, to);
}

static int member_list(struct loader *l, struct fy_node *n, void *to)
{
    return read_list(l, n, to);
}

static int member_map(struct loader *l, struct fy_node *n, void *to)
{
    return read_map(l, n, to);
}

static int read_members(struct loader *l, struct fy_node *n, const struct member *table, size_t count, void *to)
{
    if (!fy_node_is_mapping(n)) {
        return fail(l, n, "a mapping (key: value) is expected here");
    }
    for (int i = 0; i < fy_node_mapping_item_count(n); i++) {
        struct fy_node_pair *pair = fy_node_mapping_get_by_index(n, i);
        struct str key = node_scalar(fy_node_pair_key(pair));
        size_t k = 0;
        while (k < count && !str_is(key, table[k].key)) {
            k++;
        }
        if (k == count) {
            char known[256] = "";
            for (size_t j = 0; j < count; j++) {
                size_t used = strlen(known);
                snprintf(known + used, sizeof(known) - used, "%s%s", j ? ", " : "", table[j].key);
            }
            return fail(l, fy_node_pair_key(pair), "unknown key \"" STR_FMT "\"; known here: %s", STR_ARG(key), known);
        }
        int err = table[k].read(l, fy_node_pair_value(pair), (char *)to + table[k].offset);
        if (err < 0) {
            return err;
        }
    }
    return 0;
}

/* ---- names that are looked up once everything is read ---- */

/* Outcomes name states and intents that may come later in the file. */
struct raw_outcome {
    struct dialogue_list say;
    struct fy_node *call;
    struct fy_node *go_to;
    struct fy_node *then;
    struct fy_node *again;
};

static int member_node(struct loader *l, struct fy_node *n, void *to)
{
    *(struct fy_node **)to = n;
    return n ? 0 : fail(l, n, "a value is missing");
}

struct raw_call {
    struct str tool;
    struct dialogue_map arguments;
};

static int find_state(struct loader *l, struct fy_node *n, int *ret)
{
    struct str name = node_scalar(n);
    for (uint32_t i = 0; i < l->d->state_count; i++) {
        if (str_eq(l->d->states[i].name, name)) {
            *ret = (int)i;
            return 0;
        }
    }
    return fail(l, n, "no state is named \"" STR_FMT "\"", STR_ARG(name));
}

static int find_intent(struct loader *l, struct fy_node *n, int *ret)
{
    struct str name = node_scalar(n);
    for (uint32_t i = 0; i < l->d->intent_count; i++) {
        if (str_eq(l->d->intents[i].name, name)) {
            *ret = (int)i;
            return 0;
        }
    }
    return fail(l, n, "no intent is named \"" STR_FMT "\"", STR_ARG(name));
}

static int check_slots(struct loader *l, struct fy_node *n, const struct dialogue_map *needs)
{
    for (uint32_t i = 0; i < needs->n; i++) {
        if (grammar_slot(l->d->grammar, needs->at[i].key) < 0) {
            return fail(l, n, "no slot is named \"" STR_FMT "\"", STR_ARG(needs->at[i].key));
        }
    }
    return 0;
}

static int resolve_outcome(struct loader *l, const struct raw_outcome *raw, struct dialogue_outcome *o)
{
    static const struct member call_members[] = {
        {"tool", member_text, offsetof(struct raw_call, tool)},
        {"arguments", member_map, offsetof(struct raw_call, arguments)},
    };
    o->say = raw->say;
    o->go_to = -1;
    o->then = -1;
    if (raw->call) {
        struct raw_call call = {0};
        if (read_members(l, raw->call, call_members, ARRAY_LEN(call_members), &call) < 0) {
            return l->failed;
        }
        if (call.tool.n == 0) {
            return fail(l, raw->call, "\"tool\" is missing");
        }
        o->tool = call.tool;
        o->arguments = call.arguments;
    }
    if (raw->go_to && find_state(l, raw->go_to, &o->go_to) < 0) {
        return l->failed;
    }
    if (raw->then && find_intent(l, raw->then, &o->then) < 0) {
        return l->failed;
    }
    if (raw->again) {
        struct str yes = node_scalar(raw->again);
        if (!str_is(yes, "true") && !str_is(yes, "false")) {
            return fail(l, raw->again, "\"repeat\" is true or false");
        }
        o->again = str_is(yes, "true");
    }
    return 0;
}

/* ---- intents ---- */

struct raw_intent {
    struct raw_outcome outcome;
    struct fy_node *rules;
    struct dialogue_list keywords;
    struct str dtmf;
    struct fy_node *needs;
};

#define OUTCOME_MEMBERS(type, field)                                                                                   \
    {"say", member_list, offsetof(type, field.say)}, {"call", member_node, offsetof(type, field.call)},                \
        {"goto", member_node, offsetof(type, field.go_to)}, {"then", member_node, offsetof(type, field.then)},         \
    {                                                                                                                  \
        "repeat", member_node, offsetof(type, field.again)                                                             \
    }

static const struct member intent_members[] = {
    {"rules", member_node, offsetof(struct raw_intent, rules)},
    {"keywords", member_list, offsetof(struct raw_intent, keywords)},
    {"dtmf", member_text, offsetof(struct raw_intent, dtmf)},
    {"needs", member_node, offsetof(struct raw_intent, needs)},
    OUTCOME_MEMBERS(struct raw_intent, outcome),
};

static int read_rules(struct loader *l, struct fy_node *n, struct dialogue_intent *in)
{
    struct dialogue_list list = {0};
    if (read_list(l, n, &list) < 0) {
        return l->failed;
    }
    in->patterns = arena_alloc(&l->d->arena, sizeof(const struct pattern *) * (list.n + 1));
    if (!in->patterns) {
        return fail_memory(l);
    }
    for (uint32_t i = 0; i < list.n; i++) {
        struct buf why;
        buf_init(&why, 1024);
        int err = grammar_compile(l->d->grammar, list.at[i], PATTERN_SPOKEN, &why, &in->patterns[i]);
        if (err < 0) {
            struct fy_node *at = fy_node_is_sequence(n) ? fy_node_sequence_get_by_index(n, (int)i) : n;
            fail(l, at, STR_FMT, STR_ARG(buf_str(&why)));
        }
        buf_done(&why);
        if (err < 0) {
            return l->failed;
        }
        in->pattern_count++;
    }
    return 0;
}

/* First pass: the names, so that others may refer to them. */
static int name_intents(struct loader *l, struct fy_node *map, int state)
{
    if (map && !fy_node_is_mapping(map)) {
        return fail(l, map, "\"intents\" is a mapping of names to intents");
    }
    for (int i = 0; map && i < fy_node_mapping_item_count(map); i++) {
        if (l->d->intent_count == DIALOGUE_MAX_INTENTS) {
            return fail(l, map, "at most %d intents", DIALOGUE_MAX_INTENTS);
        }
        struct fy_node *key = fy_node_pair_key(fy_node_mapping_get_by_index(map, i));
        struct dialogue_intent *in = &l->d->intents[l->d->intent_count];
        in->state = state;
        if (read_text(l, key, &in->name) < 0) {
            return l->failed;
        }
        l->d->intent_count++;
    }
    return 0;
}

static int read_intent(struct loader *l, struct fy_node *n, struct dialogue_intent *in)
{
    struct raw_intent raw = {0};
    if (read_members(l, n, intent_members, ARRAY_LEN(intent_members), &raw) < 0) {
        return l->failed;
    }
    in->keywords = raw.keywords;
    in->dtmf = raw.dtmf;
    if (raw.needs && (read_map(l, raw.needs, &in->needs) < 0 || check_slots(l, raw.needs, &in->needs) < 0)) {
        return l->failed;
    }
    for (uint32_t i = 0; i < in->needs.n; i++) {
        int state = -1;
        struct fy_node *at = fy_node_pair_value(fy_node_mapping_get_by_index(raw.needs, (int)i));
        if (find_state(l, at, &state) < 0) {
            return l->failed;
        }
    }
    if (raw.rules && read_rules(l, raw.rules, in) < 0) {
        return l->failed;
    }
    return resolve_outcome(l, &raw.outcome, &in->outcome);
}

/* Second pass, in the same order as the first. */
static int read_intents(struct loader *l, struct fy_node *map, uint32_t *at)
{
    for (int i = 0; map && i < fy_node_mapping_item_count(map); i++) {
        struct fy_node *value = fy_node_pair_value(fy_node_mapping_get_by_index(map, i));
        int err = read_intent(l, value, &l->d->intents[(*at)++]);
        if (err < 0) {
            return err;
        }
    }
    return 0;
}

/* ---- states, results, rules ---- */

struct raw_state {
    struct str enter;
    struct str digits;
    struct fy_node *then;
    struct fy_node *intents;
};

static const struct member state_members[] = {
    {"enter", member_text, offsetof(struct raw_state, enter)},
    {"digits", member_text, offsetof(struct raw_state, digits)},
    {"then", member_node, offsetof(struct raw_state, then)},
    {"intents", member_node, offsetof(struct raw_state, intents)},
};

static int name_states(struct loader *l, struct fy_node *map, struct raw_state *raw)
{
    if (map && !fy_node_is_mapping(map)) {
        return fail(l, map, "\"states\" is a mapping of names to states");
    }
    for (int i = 0; map && i < fy_node_mapping_item_count(map); i++) {
        struct fy_node_pair *pair = fy_node_mapping_get_by_index(map, i);
        uint32_t at = l->d->state_count;
        if (at == DIALOGUE_MAX_STATES) {
            return fail(l, map, "at most %d states", DIALOGUE_MAX_STATES);
        }
        struct dialogue_state *s = &l->d->states[at];
        if (read_text(l, fy_node_pair_key(pair), &s->name) < 0 ||
            read_members(l, fy_node_pair_value(pair), state_members, ARRAY_LEN(state_members), &raw[at]) < 0) {
            return l->failed;
        }
        s->enter = raw[at].enter;
        s->digits = raw[at].digits;
        s->digits_then = -1;
        if (s->digits.n && grammar_slot(l->d->grammar, s->digits) < 0) {
            return fail(l, fy_node_pair_key(pair), "no slot is named \"" STR_FMT "\"", STR_ARG(s->digits));
        }
        l->d->state_count++;
        if (name_intents(l, raw[at].intents, (int)at) < 0) {
            return l->failed;
        }
    }
    return 0;
}

struct raw_result {
    struct dialogue_map when;
    struct raw_outcome outcome;
};

static const struct member result_members[] = {
    {"when", member_map, offsetof(struct raw_result, when)},
    OUTCOME_MEMBERS(struct raw_result, outcome),
};

static int read_result(struct loader *l, struct str tool, struct fy_node *n)
{
    if (l->d->result_count == DIALOGUE_MAX_RESULTS) {
        return fail(l, n, "at most %d results", DIALOGUE_MAX_RESULTS);
    }
    struct dialogue_result *r = &l->d->results[l->d->result_count++];
    struct raw_result raw = {0};
    if (read_members(l, n, result_members, ARRAY_LEN(result_members), &raw) < 0) {
        return l->failed;
    }
    r->tool = tool;
    r->when = raw.when;
    return resolve_outcome(l, &raw.outcome, &r->outcome);
}

static int read_results(struct loader *l, struct fy_node *map)
{
    if (map && !fy_node_is_mapping(map)) {
        return fail(l, map, "\"results\" is a mapping of tool names to what is said then");
    }
    for (int i = 0; map && i < fy_node_mapping_item_count(map); i++) {
        struct fy_node_pair *pair = fy_node_mapping_get_by_index(map, i);
        struct fy_node *rules = fy_node_pair_value(pair);
        struct str tool;
        if (read_text(l, fy_node_pair_key(pair), &tool) < 0) {
            return l->failed;
        }
        int count = rules && fy_node_is_sequence(rules) ? fy_node_sequence_item_count(rules) : 1;
        for (int k = 0; k < count; k++) {
            struct fy_node *n = rules && fy_node_is_sequence(rules) ? fy_node_sequence_get_by_index(rules, k) : rules;
            if (read_result(l, tool, n) < 0) {
                return l->failed;
            }
        }
    }
    return 0;
}

static int read_grammar_rules(struct loader *l, struct fy_node *map)
{
    if (!fy_node_is_mapping(map)) {
        return fail(l, map, "\"rules\" is a mapping of names to JSGF expressions");
    }
    for (int i = 0; i < fy_node_mapping_item_count(map); i++) {
        struct fy_node_pair *pair = fy_node_mapping_get_by_index(map, i);
        struct buf why;
        buf_init(&why, 1024);
        int err = grammar_add_rule(l->d->grammar, node_scalar(fy_node_pair_key(pair)),
                                   node_scalar(fy_node_pair_value(pair)), &why);
        if (err < 0) {
            fail(l, fy_node_pair_value(pair), STR_FMT, STR_ARG(buf_str(&why)));
        }
        buf_done(&why);
        if (err < 0) {
            return l->failed;
        }
    }
    return 0;
}

static int read_slot(struct loader *l, struct fy_node_pair *pair)
{
    struct str name = node_scalar(fy_node_pair_key(pair));
    struct str kind = node_scalar(fy_node_pair_value(pair));
    if (!str_is(kind, "digits") && !str_is(kind, "words")) {
        return fail(l, fy_node_pair_value(pair), "a slot is of the kind \"digits\" or \"words\"");
    }
    int slot = grammar_add_slot(l->d->grammar, name);
    if (slot < 0) {
        return fail(l, fy_node_pair_key(pair),
                    slot == -ENOENT ? "a slot is named like a rule; there is no rule <%s>"
                                    : "too many slots, at \"%s\"",
                    arena_str(&l->d->arena, name).p);
    }
    l->d->slot_kinds[slot] = str_is(kind, "digits") ? DIALOGUE_SLOT_DIGITS : DIALOGUE_SLOT_WORDS;
    return 0;
}

static int read_slots(struct loader *l, struct fy_node *map)
{
    if (!fy_node_is_mapping(map)) {
        return fail(l, map, "\"slots\" is a mapping of rule names to digits or words");
    }
    for (int i = 0; i < fy_node_mapping_item_count(map); i++) {
        if (read_slot(l, fy_node_mapping_get_by_index(map, i)) < 0) {
            return l->failed;
        }
    }
    for (uint32_t i = 0; i < grammar_slot_count(l->d->grammar); i++) {
        char expr[128];
        struct buf why;
        buf_init(&why, 1024);
        snprintf(expr, sizeof(expr), "<" STR_FMT ">", STR_ARG(grammar_slot_name(l->d->grammar, i)));
        int err = grammar_compile(l->d->grammar, str_from(expr), PATTERN_TYPED, &why, &l->d->slot_patterns[i]);
        if (err < 0) {
            fail(l, map, STR_FMT, STR_ARG(buf_str(&why)));
        }
        buf_done(&why);
        if (err < 0) {
            return l->failed;
        }
    }
    return 0;
}

/* ---- the document ---- */

struct raw_dialogue {
    struct str name, greeting, refusal, unavailable, prompt;
    struct dialogue_list script;
    struct dialogue_map pronunciations, instructions;
    struct fy_node *rules, *slots, *intents, *states, *results;
};

static const struct member dialogue_members[] = {
    {"name", member_text, offsetof(struct raw_dialogue, name)},
    {"greeting", member_text, offsetof(struct raw_dialogue, greeting)},
    {"refusal", member_text, offsetof(struct raw_dialogue, refusal)},
    {"unavailable", member_text, offsetof(struct raw_dialogue, unavailable)},
    {"prompt", member_text, offsetof(struct raw_dialogue, prompt)},
    {"script", member_list, offsetof(struct raw_dialogue, script)},
    {"pronunciations", member_map, offsetof(struct raw_dialogue, pronunciations)},
    {"instructions", member_map, offsetof(struct raw_dialogue, instructions)},
    {"rules", member_node, offsetof(struct raw_dialogue, rules)},
    {"slots", member_node, offsetof(struct raw_dialogue, slots)},
    {"intents", member_node, offsetof(struct raw_dialogue, intents)},
    {"states", member_node, offsetof(struct raw_dialogue, states)},
    {"results", member_node, offsetof(struct raw_dialogue, results)},
};

static int read_all_intents(struct loader *l, const struct raw_dialogue *raw, const struct raw_state *states)
{
    uint32_t at = 0;
    if (read_intents(l, raw->intents, &at) < 0) {
        return l->failed;
    }
    for (uint32_t i = 0; i < l->d->state_count; i++) {
        if (read_intents(l, states[i].intents, &at) < 0 ||
            (states[i].then && find_intent(l, states[i].then, &l->d->states[i].digits_then) < 0)) {
            return l->failed;
        }
    }
    return 0;
}

static int read_dialogue(struct loader *l, struct fy_node *root)
{
    struct raw_dialogue raw = {0};
    struct raw_state states[DIALOGUE_MAX_STATES] = {0};
    if (read_members(l, root, dialogue_members, ARRAY_LEN(dialogue_members), &raw) < 0) {
        return l->failed;
    }
    if (raw.greeting.n == 0 || raw.refusal.n == 0 || !raw.intents) {
        return fail(l, root, "\"greeting\", \"refusal\" and \"intents\" are required");
    }
    struct dialogue *d = l->d;
    d->name = raw.name.n ? raw.name : STR("dialogue");
    d->greeting = raw.greeting;
    d->refusal = raw.refusal;
    d->unavailable = raw.unavailable.n ? raw.unavailable : STR("I am sorry, I cannot do that from here.");
    d->prompt = raw.prompt.n ? raw.prompt : STR("Is there anything else I can do for you?");
    d->script = raw.script;
    d->pronunciations = raw.pronunciations;
    d->instructions = raw.instructions;
    if ((raw.rules && read_grammar_rules(l, raw.rules) < 0) || (raw.slots && read_slots(l, raw.slots) < 0) ||
        name_intents(l, raw.intents, -1) < 0 || name_states(l, raw.states, states) < 0) {
        return l->failed;
    }
    if (read_all_intents(l, &raw, states) < 0) {
        return l->failed;
    }
    return read_results(l, raw.results);
}

static void report_syntax(struct loader *l, struct fy_diag *diag)
{
    void *it = NULL;
    struct fy_diag_error *e = diag ? fy_diag_errors_iterate(diag, &it) : NULL;
    l->failed = -ERR_CONFIG;
    if (e) {
        buf_printf(l->err, "%s:%d:%d: %s", l->file, e->line, e->column, e->msg ? e->msg : "not YAML");
    } else {
        buf_printf(l->err, "%s:1:1: the file is empty or not YAML", l->file);
    }
}

/* What goes wrong is told by ret_err, not on the terminal. */
static void diag_silent(struct fy_diag *diag, void *user, const char *text, size_t n)
{
}

/* What the library does not survive: it scans malformed UTF-8 in a directive for ever. */
static int check_text(struct loader *l, struct str yaml)
{
    int line = 1;
    size_t line_from = 0, n = 0;
    for (size_t i = 0; i < yaml.n; i += n) {
        n = utf8_len((struct str){yaml.p + i, yaml.n - i});
        if (n == 0 || yaml.p[i] == '\0') {
            l->failed = -ERR_CONFIG;
            buf_printf(l->err, "%s:%d:%zu: the file is not UTF-8 text", l->file, line, i - line_from + 1);
            return l->failed;
        }
        if (yaml.p[i] == '\n') {
            line++;
            line_from = i + 1;
        }
    }
    return 0;
}

static int load_document(struct loader *l, struct str yaml)
{
    if (check_text(l, yaml) < 0) {
        return l->failed;
    }
    struct fy_diag_cfg diag_cfg;
    fy_diag_cfg_default(&diag_cfg);
    diag_cfg.fp = NULL;
    diag_cfg.output_fn = diag_silent;
    struct fy_diag *diag = fy_diag_create(&diag_cfg);
    if (diag) {
        fy_diag_set_collect_errors(diag, true);
    }
    struct fy_parse_cfg cfg = {.flags = FYPCF_QUIET, .diag = diag};
    struct fy_document *doc = fy_document_build_from_string(&cfg, yaml.p, yaml.n);
    struct fy_node *root = doc ? fy_document_root(doc) : NULL;
    if (!root) {
        report_syntax(l, diag);
    } else {
        read_dialogue(l, root);
    }
    fy_document_destroy(doc);
    fy_diag_destroy(diag);
    return l->failed;
}

int dialogue_load(struct str yaml, const char *name, struct buf *ret_err, struct dialogue **ret)
{
    CLEANUP(dialogue_free)
    struct dialogue *d = calloc(1, sizeof(*d));
    if (!d) {
        return -ENOMEM;
    }
    arena_init(&d->arena, 4u << 20);
    int err = grammar_new(&d->grammar);
    if (err < 0) {
        return err;
    }
    struct loader l = {.d = d, .file = name, .err = ret_err};
    err = load_document(&l, yaml);
    if (err < 0) {
        return err;
    }
    *ret = TAKE(d);
    return 0;
}
