#include "gateway/trace_tree.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/json.h"

#define NONE      UINT32_MAX
#define MAX_DEPTH 32 /* deeper ones stand as deep as this */
#define MAX_SHOWN 200

struct node {
    const struct store_span *span;
    uint32_t parent, first, last, next; /* children, and the next one of the same parent; NONE */
};

struct tree {
    struct node *nodes; /* in the order of beginning */
    uint32_t *by_id;    /* indices, by span id */
    uint32_t n;
    struct buf *out;
    uint64_t zero_us;     /* beginning of the first */
    bool more[MAX_DEPTH]; /* below this level another child follows */
};

static int compare_ids(const void *a, const void *b, void *arg)
{
    const struct tree *t = arg;
    struct str x = t->nodes[*(const uint32_t *)a].span->span_id;
    struct str y = t->nodes[*(const uint32_t *)b].span->span_id;
    int order = memcmp(x.p, y.p, MIN(x.n, y.n));
    return order ? order : (x.n > y.n) - (x.n < y.n);
}

static uint32_t find(const struct tree *t, struct str id)
{
    uint32_t low = 0;
    uint32_t high = t->n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        struct str other = t->nodes[t->by_id[middle]].span->span_id;
        int order = memcmp(other.p, id.p, MIN(other.n, id.n));
        order = order ? order : (other.n > id.n) - (other.n < id.n);
        if (order == 0) {
            return t->by_id[middle];
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return NONE;
}

/* ---- one line ---- */

static int64_t figure(struct json_val attrs, const char *key, int64_t absent)
{
    int64_t v = absent;
    return json_to_i64(json_get(attrs, key), &v) < 0 ? absent : v;
}

static struct str text(struct json_val attrs, const char *key)
{
    struct json_val v = json_get(attrs, key);
    return v.type == JSON_STRING ? v.s : STR("");
}

static void put_turn(struct buf *out, struct json_val attrs)
{
    bool interrupted = false;
    int64_t response_ms = figure(attrs, "ringtrip.turn.response_ms", -1);
    buf_printf(out, ", turn %lld", (long long)figure(attrs, "ringtrip.turn.number", 0));
    if (response_ms >= 0) {
        buf_printf(out, ", answered after %lld ms", (long long)response_ms);
    }
    if (json_to_bool(json_get(attrs, "ringtrip.turn.interrupted"), &interrupted) >= 0 && interrupted) {
        buf_puts(out, ", interrupted");
    }
}

static void put_response(struct buf *out, struct json_val attrs)
{
    double first = 0;
    struct json_val reasons = json_get(attrs, "gen_ai.response.finish_reasons");
    struct json_it it = json_array(reasons);
    struct json_val reason;
    if (json_to_f64(json_get(attrs, "gen_ai.response.time_to_first_chunk"), &first) >= 0) {
        buf_printf(out, ", first output after %.0f ms", first * 1000);
    }
    if (json_get(attrs, "gen_ai.usage.input_tokens").type == JSON_NUMBER) {
        buf_printf(out, ", %lld tokens in, %lld out", (long long)figure(attrs, "gen_ai.usage.input_tokens", 0),
                   (long long)figure(attrs, "gen_ai.usage.output_tokens", 0));
    }
    if (reasons.type == JSON_ARRAY && json_elem(&it, &reason) && reason.type == JSON_STRING &&
        !str_is(reason.s, "stop")) {
        buf_printf(out, ", " STR_FMT, STR_ARG(reason.s));
    }
}

static void put_detail(struct buf *out, const struct store_span *s)
{
    struct json_val attrs;
    if (json_parse(s->attrs, &attrs) < 0) {
        return;
    }
    if (str_is(s->type, "turn")) {
        put_turn(out, attrs);
    } else if (str_is(s->type, "response")) {
        put_response(out, attrs);
    } else if (str_is(s->type, "session")) {
        buf_printf(out, ", " STR_FMT, STR_ARG(text(attrs, "ringtrip.session.why")));
    } else if (str_is(s->type, "approval") && text(attrs, "ringtrip.approval.outcome").n > 0) {
        buf_printf(out, ", " STR_FMT, STR_ARG(text(attrs, "ringtrip.approval.outcome")));
    } else if (str_is(s->type, "guardrail") && json_get(attrs, "ringtrip.guardrail.tripped").type == JSON_TRUE) {
        buf_puts(out, ", tripped");
    } else if (str_is(s->type, "call") && text(attrs, "ringtrip.call.reason").n > 0) {
        buf_printf(out, ", " STR_FMT, STR_ARG(text(attrs, "ringtrip.call.reason")));
    }
    if (s->failed) {
        struct str type = text(attrs, "error.type");
        buf_printf(out, "  ERROR " STR_FMT "%s", STR_ARG(type), s->error.n > 0 ? ": " : "");
    }
}

/* Names and errors hold what a peer said: nothing of it moves a terminal's cursor. */
static void put_plain(struct buf *out, struct str s)
{
    s.n = MIN(s.n, (size_t)MAX_SHOWN);
    for (size_t i = 0; i < s.n;) {
        size_t len = utf8_len((struct str){s.p + i, s.n - i});
        bool control = (unsigned char)s.p[i] < ' ' || s.p[i] == 0x7F ||
                       (len == 2 && (unsigned char)s.p[i] == 0xC2 && (unsigned char)s.p[i + 1] < 0xA0);
        if (len == 0 || control) {
            buf_putc(out, '?');
            i += MAX(len, 1u);
        } else {
            buf_put(out, s.p + i, len);
            i += len;
        }
    }
}

static void put_line(struct tree *t, uint32_t i, uint32_t depth, bool last)
{
    const struct store_span *s = t->nodes[i].span;
    struct buf detail;
    int64_t start_us = (int64_t)(s->start_us - t->zero_us);
    buf_printf(t->out, "%10.3f s ", (double)start_us / 1e6);
    if (s->end_us >= s->start_us && s->end_us > 0) {
        buf_printf(t->out, "%10.3f s  ", (double)(s->end_us - s->start_us) / 1e6);
    } else {
        buf_printf(t->out, "%12s  ", "not ended");
    }
    for (uint32_t d = 1; d < depth; d++) {
        buf_puts(t->out, t->more[d] ? "\xe2\x94\x82  " : "   ");
    }
    if (depth > 0) {
        buf_puts(t->out, last ? "\xe2\x94\x94\xe2\x94\x80 " : "\xe2\x94\x9c\xe2\x94\x80 ");
    }
    put_plain(t->out, s->name);
    buf_init(&detail, 4096);
    put_detail(&detail, s);
    put_plain(t->out, detail.err < 0 ? STR("") : buf_str(&detail));
    buf_done(&detail);
    if (s->failed) {
        put_plain(t->out, s->error);
    }
    buf_putc(t->out, '\n');
}

/* ---- the tree ---- */

/* Without recursion: a chain may be as long as a trace. */
static void put_branch(struct tree *t, uint32_t root)
{
    uint32_t depth = 0;
    uint32_t i = root;
    for (;;) {
        uint32_t shown = MIN(depth, (uint32_t)MAX_DEPTH - 1);
        t->more[shown] = t->nodes[i].next != NONE;
        put_line(t, i, shown, !t->more[shown]);
        if (t->nodes[i].first != NONE) {
            i = t->nodes[i].first;
            depth++;
            continue;
        }
        while (i != root && t->nodes[i].next == NONE) {
            i = t->nodes[i].parent;
            depth--;
        }
        if (i == root) {
            return;
        }
        i = t->nodes[i].next;
    }
}

/* A parent begins before its child, so no chain comes back to itself, whatever the store holds. */
static bool link_up(struct tree *t, uint32_t i)
{
    uint32_t p = t->nodes[i].span->parent_id.n > 0 ? find(t, t->nodes[i].span->parent_id) : NONE;
    if (p == NONE || t->nodes[p].span->seq >= t->nodes[i].span->seq) {
        return false;
    }
    struct node *parent = &t->nodes[p];
    if (parent->first == NONE) {
        parent->first = i;
    } else {
        t->nodes[parent->last].next = i;
    }
    parent->last = i;
    t->nodes[i].parent = p;
    return true;
}

static void put_all(struct tree *t, bool *rooted)
{
    for (uint32_t i = 0; i < t->n; i++) {
        t->by_id[i] = i;
    }
    qsort_r(t->by_id, t->n, sizeof(*t->by_id), compare_ids, t);
    for (uint32_t i = 0; i < t->n; i++) {
        rooted[i] = link_up(t, i);
    }
    for (uint32_t i = 0; i < t->n; i++) {
        if (!rooted[i]) {
            put_branch(t, i);
        }
    }
}

int trace_tree_print(const struct store_span *spans, uint32_t n, struct buf *out)
{
    struct tree t = {.n = n, .out = out};
    if (n == 0) {
        return 0;
    }
    t.nodes = calloc(n, sizeof(*t.nodes));
    t.by_id = calloc(n, sizeof(*t.by_id));
    bool *rooted = calloc(n, sizeof(*rooted));
    bool ok = t.nodes && t.by_id && rooted;
    if (ok) {
        for (uint32_t i = 0; i < n; i++) {
            t.nodes[i] = (struct node){.span = &spans[i], .parent = NONE, .first = NONE, .last = NONE, .next = NONE};
        }
        t.zero_us = spans[0].start_us;
        buf_printf(out, "%12s %12s  trace " STR_FMT "\n", "begins", "lasts", STR_ARG(spans[0].trace_id));
        put_all(&t, rooted);
    }
    free(t.nodes);
    free(t.by_id);
    free(rooted);
    return ok ? out->err : -ENOMEM;
}
