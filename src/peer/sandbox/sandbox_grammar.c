#include "peer/sandbox/sandbox_grammar.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/json.h"

#define MAX_BYTES      (1u << 20)
#define MAX_CODE       20000u /* instructions of one pattern, rules included */
#define MAX_NESTING    24u
#define MAX_RULES      128u
#define MAX_PATTERNS   512u
#define UTTERANCE_TEXT 8192u

enum node_kind { NODE_WORD, NODE_REF, NODE_SEQ, NODE_ALT, NODE_OPT, NODE_STAR, NODE_PLUS };

/* Children hang on first and are chained by next. */
struct node {
    enum node_kind kind;
    struct str text; /* NODE_WORD, NODE_REF */
    struct node *first;
    struct node *next;
};

struct rule {
    struct str name;
    struct str expr;
    struct node *root;
};

enum op { OP_WORD, OP_SPLIT, OP_JUMP, OP_SAVE_BEGIN, OP_SAVE_END, OP_MATCH };

struct insn {
    enum op op;
    uint32_t a, b; /* SPLIT: first choice a, second b. JUMP: a. SAVE: slot a */
    struct str word;
};

struct pattern {
    struct str expr;
    struct node *root;
    enum pattern_use use;
    struct insn *code;
    uint32_t n;
};

struct grammar {
    struct arena arena;
    struct rule rules[MAX_RULES];
    uint32_t rule_count;
    struct str slots[GRAMMAR_MAX_SLOTS];
    uint32_t slot_count;
    struct pattern *patterns[MAX_PATTERNS];
    uint32_t pattern_count;
};

/* ---- words ---- */

void words_init(struct words *w)
{
    w->n = 0;
    buf_init(&w->text, UTTERANCE_TEXT);
}

void words_done(struct words *w)
{
    buf_done(&w->text);
}

static void words_put(struct buf *out, struct str text)
{
    static const char *const digits[] = {"zero", "one", "two",   "three", "four",
                                         "five", "six", "seven", "eight", "nine"};
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (c >= 'A' && c <= 'Z') {
            c = (char)(c - 'A' + 'a');
        }
        if (c >= 'a' && c <= 'z') {
            buf_putc(out, c);
        } else if (c >= '0' && c <= '9') {
            buf_putc(out, ' ');
            buf_puts(out, digits[c - '0']);
            buf_putc(out, ' ');
        } else if (c == '\'') {
            buf_putc(out, c);
        } else if (text.n - i >= 3 && memcmp(text.p + i, "\xe2\x80\x99", 3) == 0) {
            buf_putc(out, '\''); /* the typographic apostrophe that phones and editors put */
            i += 2;
        } else {
            buf_putc(out, ' ');
        }
    }
}

/* Quotes around a word are no part of it; inside ("where's") they are. */
static struct str word_unquote(struct str s)
{
    while (s.n > 0 && s.p[0] == '\'') {
        s.p++;
        s.n--;
    }
    while (s.n > 0 && s.p[s.n - 1] == '\'') {
        s.n--;
    }
    return s;
}

int words_set(struct words *w, struct str text)
{
    w->n = 0;
    buf_clear(&w->text);
    if (text.n > UTTERANCE_TEXT / 8) {
        text.n = UTTERANCE_TEXT / 8;
    }
    words_put(&w->text, text);
    if (w->text.err) {
        return w->text.err;
    }
    struct str rest = buf_str(&w->text), part;
    while (str_split(&rest, ' ', &part) && w->n < GRAMMAR_MAX_WORDS) {
        part = word_unquote(part);
        if (part.n > 0) {
            w->at[w->n++] = part;
        }
    }
    return 0;
}

/* ---- reading an expression ---- */

struct reader {
    struct grammar *g;
    struct str s;
    size_t at;
    uint32_t depth;
    struct buf *err;
};

static struct node *read_alternatives(struct reader *r);

static struct node *reader_fail(struct reader *r, const char *what)
{
    if (r->err && r->err->len == 0) {
        buf_printf(r->err, "%s at character %zu of \"" STR_FMT "\"", what, r->at + 1, STR_ARG(r->s));
    }
    return NULL;
}

static char reader_peek(struct reader *r)
{
    while (r->at < r->s.n && (r->s.p[r->at] == ' ' || r->s.p[r->at] == '\t' || r->s.p[r->at] == '\n')) {
        r->at++;
    }
    return r->at < r->s.n ? r->s.p[r->at] : '\0';
}

static struct node *node_new(struct reader *r, enum node_kind kind)
{
    struct node *n = ARENA_NEW(&r->g->arena, struct node);
    if (!n) {
        return reader_fail(r, "the grammar is too big");
    }
    n->kind = kind;
    return n;
}

static bool is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '\'';
}

static bool is_name_char(char c)
{
    return is_word_char(c) || (c >= '0' && c <= '9') || c == '_';
}

static struct node *read_word(struct reader *r)
{
    size_t from = r->at;
    while (r->at < r->s.n && is_word_char(r->s.p[r->at])) {
        r->at++;
    }
    struct node *n = node_new(r, NODE_WORD);
    if (!n) {
        return NULL;
    }
    n->text = arena_str(&r->g->arena, (struct str){r->s.p + from, r->at - from});
    if (!n->text.p) {
        return reader_fail(r, "the grammar is too big");
    }
    char *p = (char *)(uintptr_t)n->text.p; /* our own copy, just made */
    for (size_t i = 0; i < n->text.n; i++) {
        p[i] = (char)(p[i] >= 'A' && p[i] <= 'Z' ? p[i] - 'A' + 'a' : p[i]);
    }
    return n;
}

static struct node *read_ref(struct reader *r)
{
    size_t from = ++r->at;
    while (r->at < r->s.n && is_name_char(r->s.p[r->at])) {
        r->at++;
    }
    if (r->at == from || r->at >= r->s.n || r->s.p[r->at] != '>') {
        return reader_fail(r, "a rule reference is written <name>");
    }
    struct node *n = node_new(r, NODE_REF);
    if (n) {
        n->text = arena_str(&r->g->arena, (struct str){r->s.p + from, r->at - from});
        r->at++;
    }
    return n && n->text.p ? n : reader_fail(r, "the grammar is too big");
}

static struct node *read_group(struct reader *r, char closing)
{
    r->at++;
    struct node *inner = read_alternatives(r);
    if (!inner) {
        return NULL;
    }
    if (reader_peek(r) != closing) {
        return reader_fail(r, closing == ')' ? "\")\" expected" : "\"]\" expected");
    }
    r->at++;
    if (closing == ')') {
        return inner;
    }
    struct node *n = node_new(r, NODE_OPT);
    if (n) {
        n->first = inner;
    }
    return n;
}

static struct node *read_atom(struct reader *r)
{
    char c = reader_peek(r);
    struct node *n = NULL;
    if (c == '(') {
        n = read_group(r, ')');
    } else if (c == '[') {
        n = read_group(r, ']');
    } else if (c == '<') {
        n = read_ref(r);
    } else if (is_word_char(c)) {
        n = read_word(r);
    } else {
        return reader_fail(r, c ? "unexpected character" : "a word is missing");
    }
    c = n ? reader_peek(r) : '\0';
    if (c != '*' && c != '+') {
        return n;
    }
    r->at++;
    struct node *rep = node_new(r, c == '*' ? NODE_STAR : NODE_PLUS);
    if (rep) {
        rep->first = n;
    }
    return rep;
}

static struct node *read_sequence(struct reader *r)
{
    struct node *seq = node_new(r, NODE_SEQ);
    struct node **tail = seq ? &seq->first : NULL;
    while (seq) {
        char c = reader_peek(r);
        if (c == '\0' || c == '|' || c == ')' || c == ']') {
            return seq->first ? seq : reader_fail(r, "a word is missing");
        }
        struct node *n = read_atom(r);
        if (!n) {
            return NULL;
        }
        /* An inner group may be chained already: wrap it, so that it hangs in one list only. */
        struct node *link = node_new(r, NODE_SEQ);
        if (!link) {
            return NULL;
        }
        link->first = n;
        *tail = link;
        tail = &link->next;
    }
    return NULL;
}

static struct node *read_alternatives(struct reader *r)
{
    if (++r->depth > MAX_NESTING) {
        return reader_fail(r, "nested too deeply");
    }
    struct node *alt = node_new(r, NODE_ALT);
    struct node **tail = alt ? &alt->first : NULL;
    while (alt) {
        struct node *seq = read_sequence(r);
        if (!seq) {
            return NULL;
        }
        *tail = seq;
        tail = &seq->next;
        if (reader_peek(r) != '|') {
            break;
        }
        r->at++;
    }
    r->depth--;
    return alt;
}

static struct node *grammar_read(struct grammar *g, struct str expr, struct buf *ret_err)
{
    struct reader r = {.g = g, .s = expr, .err = ret_err};
    struct node *n = read_alternatives(&r);
    if (n && reader_peek(&r) != '\0') {
        return reader_fail(&r, "unexpected character");
    }
    return n;
}

/* ---- compiling ---- */

struct writer {
    struct grammar *g;
    struct insn *code; /* NULL: only counts */
    uint32_t n;
    uint32_t depth;
    struct buf *err;
};

static const struct rule *grammar_rule(const struct grammar *g, struct str name)
{
    for (uint32_t i = 0; i < g->rule_count; i++) {
        if (str_eq(g->rules[i].name, name)) {
            return &g->rules[i];
        }
    }
    return NULL;
}

static uint32_t emit(struct writer *w, struct insn in)
{
    if (w->code && w->n < MAX_CODE) {
        w->code[w->n] = in;
    }
    return w->n++;
}

static void patch(struct writer *w, uint32_t at, uint32_t a, uint32_t b)
{
    if (w->code && at < MAX_CODE) {
        w->code[at].a = a;
        w->code[at].b = b;
    }
}

static int write_node(struct writer *w, const struct node *n);

static int write_ref(struct writer *w, const struct node *n)
{
    const struct rule *rule = grammar_rule(w->g, n->text);
    if (!rule) {
        buf_printf(w->err, "no rule is named <" STR_FMT ">", STR_ARG(n->text));
        return -ERR_SYNTAX;
    }
    if (w->depth >= MAX_NESTING) {
        buf_printf(w->err, "rule <" STR_FMT "> refers to itself or is nested too deeply", STR_ARG(n->text));
        return -ERR_SYNTAX;
    }
    int slot = grammar_slot(w->g, n->text);
    w->depth++;
    if (slot >= 0) {
        emit(w, (struct insn){.op = OP_SAVE_BEGIN, .a = (uint32_t)slot});
    }
    int err = write_node(w, rule->root);
    if (slot >= 0) {
        emit(w, (struct insn){.op = OP_SAVE_END, .a = (uint32_t)slot});
    }
    w->depth--;
    return err;
}

static int write_alt(struct writer *w, const struct node *n)
{
    uint32_t jumps = UINT32_MAX; /* the jumps to the end, chained through their a until the end is known */
    int err = 0;
    for (const struct node *c = n->first; c && err == 0; c = c->next) {
        if (!c->next) {
            err = write_node(w, c);
            break;
        }
        uint32_t split = emit(w, (struct insn){.op = OP_SPLIT});
        err = write_node(w, c);
        jumps = emit(w, (struct insn){.op = OP_JUMP, .a = jumps});
        patch(w, split, split + 1, w->n);
    }
    for (uint32_t at = jumps; w->code && at != UINT32_MAX && at < MAX_CODE;) {
        uint32_t next = w->code[at].a;
        patch(w, at, w->n, 0);
        at = next;
    }
    return err;
}

static int write_repeat(struct writer *w, const struct node *n)
{
    uint32_t split = n->kind == NODE_PLUS ? 0 : emit(w, (struct insn){.op = OP_SPLIT});
    uint32_t body = w->n;
    int err = write_node(w, n->first);
    if (n->kind == NODE_PLUS) {
        split = emit(w, (struct insn){.op = OP_SPLIT});
        patch(w, split, body, w->n);
        return err;
    }
    if (n->kind == NODE_STAR) {
        emit(w, (struct insn){.op = OP_JUMP, .a = split});
    }
    patch(w, split, body, w->n);
    return err;
}

static int write_node(struct writer *w, const struct node *n)
{
    if (w->n > MAX_CODE) {
        buf_puts(w->err, "the expression is too big");
        return -ERR_TOO_BIG;
    }
    int err = 0;
    switch (n->kind) {
    case NODE_WORD:
        emit(w, (struct insn){.op = OP_WORD, .word = n->text});
        return 0;
    case NODE_REF:
        return write_ref(w, n);
    case NODE_SEQ:
        for (const struct node *c = n->first; c && err == 0; c = c->next) {
            err = write_node(w, c);
        }
        return err;
    case NODE_ALT:
        return write_alt(w, n);
    case NODE_OPT:
    case NODE_STAR:
    case NODE_PLUS:
        return write_repeat(w, n);
    }
    return -ERR_SYNTAX;
}

/* ---- grammar ---- */

int grammar_new(struct grammar **ret)
{
    struct grammar *g = calloc(1, sizeof(*g));
    if (!g) {
        return -ENOMEM;
    }
    arena_init(&g->arena, MAX_BYTES);
    *ret = g;
    return 0;
}

struct grammar *grammar_free(struct grammar *g)
{
    if (g) {
        for (uint32_t i = 0; i < g->pattern_count; i++) {
            free(g->patterns[i]->code);
        }
        arena_done(&g->arena);
        free(g);
    }
    return NULL;
}

int grammar_add_rule(struct grammar *g, struct str name, struct str expr, struct buf *ret_err)
{
    for (size_t i = 0; i < name.n; i++) {
        if (!is_name_char(name.p[i]) || name.p[i] == '\'') {
            buf_puts(ret_err, "a rule's name has letters, digits and _ only");
            return -ERR_SYNTAX;
        }
    }
    if (grammar_rule(g, name)) {
        buf_printf(ret_err, "rule <" STR_FMT "> is defined twice", STR_ARG(name));
        return -EEXIST;
    }
    if (g->rule_count == MAX_RULES) {
        buf_puts(ret_err, "too many rules");
        return -ERR_LIMIT;
    }
    struct node *root = grammar_read(g, expr, ret_err);
    if (!root) {
        return -ERR_SYNTAX;
    }
    struct rule *rule = &g->rules[g->rule_count];
    *rule = (struct rule){.name = arena_str(&g->arena, name), .expr = arena_str(&g->arena, expr), .root = root};
    if (!rule->name.p || !rule->expr.p) {
        return -ENOMEM;
    }
    g->rule_count++;
    return 0;
}

int grammar_add_slot(struct grammar *g, struct str rule)
{
    const struct rule *r = grammar_rule(g, rule);
    if (!r) {
        return -ENOENT;
    }
    if (g->slot_count == GRAMMAR_MAX_SLOTS) {
        return -ERR_LIMIT;
    }
    g->slots[g->slot_count] = r->name;
    return (int)g->slot_count++;
}

int grammar_slot(const struct grammar *g, struct str name)
{
    for (uint32_t i = 0; i < g->slot_count; i++) {
        if (str_eq(g->slots[i], name)) {
            return (int)i;
        }
    }
    return -ENOENT;
}

struct str grammar_slot_name(const struct grammar *g, uint32_t slot)
{
    return slot < g->slot_count ? g->slots[slot] : STR_NULL;
}

uint32_t grammar_slot_count(const struct grammar *g)
{
    return g->slot_count;
}

int grammar_compile(struct grammar *g, struct str expr, enum pattern_use use, struct buf *ret_err,
                    const struct pattern **ret)
{
    if (g->pattern_count == MAX_PATTERNS) {
        buf_puts(ret_err, "too many sentences");
        return -ERR_LIMIT;
    }
    struct pattern *p = ARENA_NEW(&g->arena, struct pattern);
    if (!p) {
        return -ENOMEM;
    }
    p->use = use;
    p->root = grammar_read(g, expr, ret_err);
    if (!p->root) {
        return -ERR_SYNTAX;
    }
    p->expr = arena_str(&g->arena, expr);
    struct writer count = {.g = g, .err = ret_err};
    int err = write_node(&count, p->root);
    if (err < 0) {
        return err;
    }
    if (count.n >= MAX_CODE || !p->expr.p) {
        buf_puts(ret_err, "the expression is too big");
        return -ERR_TOO_BIG;
    }
    p->code = calloc(count.n + 1, sizeof(*p->code));
    if (!p->code) {
        return -ENOMEM;
    }
    struct writer w = {.g = g, .code = p->code, .err = ret_err};
    err = write_node(&w, p->root);
    emit(&w, (struct insn){.op = OP_MATCH});
    p->n = w.n;
    g->patterns[g->pattern_count++] = p;
    if (err < 0) {
        return err;
    }
    *ret = p;
    return 0;
}

/* ---- matching: backtracking that never looks twice at the same instruction and word ---- */

struct branch {
    uint32_t pc;   /* UINT32_MAX: put a slot back instead */
    uint16_t word; /* position, or the slot's number */
    uint16_t begin, end;
};

struct matcher {
    const struct pattern *p;
    const struct words *w;
    uint8_t *seen; /* bit per instruction and word */
    struct branch *stack;
    size_t depth, cap;
    struct pattern_match slots;
};

static bool matcher_push(struct matcher *m, struct branch b)
{
    if (m->depth == m->cap) {
        size_t cap = m->cap ? m->cap * 2 : 64;
        struct branch *stack = realloc(m->stack, cap * sizeof(*stack));
        if (!stack) {
            return false;
        }
        m->stack = stack;
        m->cap = cap;
    }
    m->stack[m->depth++] = b;
    return true;
}

static bool matcher_seen(struct matcher *m, uint32_t pc, uint32_t word)
{
    size_t bit = (size_t)pc * (m->w->n + 1) + word;
    bool seen = (m->seen[bit / 8] >> (bit % 8)) & 1;
    m->seen[bit / 8] |= (uint8_t)(1u << (bit % 8));
    return seen;
}

static bool matcher_save(struct matcher *m, const struct insn *in, uint32_t word)
{
    uint32_t slot = in->a;
    struct branch undo = {UINT32_MAX, (uint16_t)slot, m->slots.begin[slot], m->slots.end[slot]};
    if (in->op == OP_SAVE_BEGIN) {
        m->slots.begin[slot] = (uint16_t)word;
        m->slots.end[slot] = (uint16_t)word;
    } else {
        m->slots.end[slot] = (uint16_t)word;
    }
    return matcher_push(m, undo);
}

/* Follows one path until it matches (true) or dies. */
static bool matcher_follow(struct matcher *m, uint32_t pc, uint32_t word, enum pattern_where where)
{
    while (!matcher_seen(m, pc, word)) {
        const struct insn *in = &m->p->code[pc];
        switch (in->op) {
        case OP_WORD:
            if (word >= m->w->n || !str_eq(m->w->at[word], in->word)) {
                return false;
            }
            word++;
            pc++;
            break;
        case OP_SPLIT:
            if (!matcher_push(m, (struct branch){.pc = in->b, .word = (uint16_t)word})) {
                return false;
            }
            pc = in->a;
            break;
        case OP_JUMP:
            pc = in->a;
            break;
        case OP_SAVE_BEGIN:
        case OP_SAVE_END:
            if (!matcher_save(m, in, word)) {
                return false;
            }
            pc++;
            break;
        case OP_MATCH:
            m->slots.to = (uint16_t)word;
            return where == PATTERN_ANYWHERE || word == m->w->n;
        }
    }
    return false;
}

static bool matcher_from(struct matcher *m, uint32_t start, enum pattern_where where)
{
    m->depth = 0;
    m->slots = (struct pattern_match){.from = (uint16_t)start};
    if (matcher_follow(m, 0, start, where)) {
        return true;
    }
    while (m->depth > 0) {
        struct branch b = m->stack[--m->depth];
        if (b.pc == UINT32_MAX) {
            m->slots.begin[b.word] = b.begin;
            m->slots.end[b.word] = b.end;
        } else if (matcher_follow(m, b.pc, b.word, where)) {
            return true;
        }
    }
    return false;
}

bool pattern_match(const struct pattern *p, const struct words *w, enum pattern_where where, struct pattern_match *ret)
{
    struct matcher m = {.p = p, .w = w};
    m.seen = calloc(((size_t)p->n * (w->n + 1)) / 8 + 1, 1);
    bool found = false;
    for (uint32_t start = 0; m.seen && !found && start <= w->n; start++) {
        found = matcher_from(&m, start, where);
        if (where == PATTERN_WHOLE) {
            break;
        }
    }
    if (found) {
        *ret = m.slots;
    }
    free(m.seen);
    free(m.stack);
    return found;
}

/* ---- for the recogniser ---- */

uint32_t grammar_spoken_count(const struct grammar *g)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < g->pattern_count; i++) {
        n += g->patterns[i]->use == PATTERN_SPOKEN;
    }
    return n;
}

void grammar_write_jsgf(const struct grammar *g, struct buf *out)
{
    buf_puts(out, "#JSGF V1.0;\ngrammar dialogue;\n");
    for (uint32_t i = 0; i < g->rule_count; i++) {
        buf_printf(out, "<" STR_FMT "> = " STR_FMT ";\n", STR_ARG(g->rules[i].name), STR_ARG(g->rules[i].expr));
    }
    buf_puts(out, "public <utterance> =");
    const char *separator = "";
    for (uint32_t i = 0; i < g->pattern_count; i++) {
        if (g->patterns[i]->use == PATTERN_SPOKEN) {
            buf_printf(out, "%s (" STR_FMT ")", separator, STR_ARG(g->patterns[i]->expr));
            separator = "\n |";
        }
    }
    buf_puts(out, ";\n");
}

struct word_list {
    struct str *at;
    size_t n, cap;
};

static bool list_words(const struct node *n, struct word_list *l)
{
    for (; n; n = n->next) {
        if (n->kind != NODE_WORD) {
            if (n->kind != NODE_REF && !list_words(n->first, l)) {
                return false;
            }
            continue;
        }
        bool known = false;
        for (size_t i = 0; i < l->n && !known; i++) {
            known = str_eq(l->at[i], n->text);
        }
        if (known) {
            continue;
        }
        if (l->n == l->cap) {
            size_t cap = l->cap ? l->cap * 2 : 256;
            struct str *at = realloc(l->at, cap * sizeof(*at));
            if (!at) {
                return false;
            }
            l->at = at;
            l->cap = cap;
        }
        l->at[l->n++] = n->text;
    }
    return true;
}

void grammar_each_word(const struct grammar *g, bool (*fn)(struct str word, void *arg), void *arg)
{
    struct word_list l = {0};
    bool ok = true;
    for (uint32_t i = 0; ok && i < g->rule_count; i++) {
        ok = list_words(g->rules[i].root, &l);
    }
    for (uint32_t i = 0; ok && i < g->pattern_count; i++) {
        ok = list_words(g->patterns[i]->root, &l);
    }
    for (size_t i = 0; ok && i < l.n && fn(l.at[i], arg); i++) {
    }
    free(l.at);
}
