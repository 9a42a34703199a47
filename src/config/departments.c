/* departments: names and numbers that transfers may go to. */
#include "base/err.h"
#include "config/draft.h"
#include "numbers/number.h"

#define NAME_MAX_BYTES 64
#define SIP_MAX_BYTES  200

static bool is_sip(struct str s)
{
    size_t from = str_starts(s, STR("sips:")) ? 5 : 4;

    if ((from == 4 && !str_starts(s, STR("sip:"))) || s.n <= from || s.n > SIP_MAX_BYTES) {
        return false;
    }
    for (size_t i = from; i < s.n; i++) {
        unsigned char ch = (unsigned char)s.p[i];

        if (ch <= 0x20 || ch >= 0x7F || ch == '<' || ch == '>' || ch == '"') {
            return false;
        }
    }
    return true;
}

static bool is_name(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char ch = (unsigned char)s.p[i];

        if (ch < 0x20 || ch == 0x7F || ch == '"' || ch == '\\') {
            return false;
        }
    }
    return s.n > 0 && s.n <= NAME_MAX_BYTES;
}

/* The number as a carrier takes it; empty when it is none (told). */
static struct str number_of(struct draft *d, const struct config_pair *pair)
{
    const struct origin *at = draft_origin(d, "departments");
    char number[E164_MAX];

    if (is_sip(pair->value)) {
        return pair->value;
    }
    if (phone_number_read(pair->value, d->cfg->default_country, number, NULL) < 0) {
        draft_fail(d, at,
                   "departments: \"%.64s\" of %.64s is neither a telephone number (+15551234567) nor a sip: address",
                   pair->value.p, pair->name.p);
        return STR("");
    }
    return arena_str(d->arena, str_from(number));
}

static bool uses_transfer(const struct config *cfg)
{
    for (uint32_t i = 0; i < cfg->tool_count; i++) {
        if (cfg->tools[i].builtin && str_is(cfg->tools[i].name, "transfer_call")) {
            return true;
        }
    }
    return false;
}

void finish_departments(struct draft *d)
{
    struct config_map *m = &d->cfg->departments;
    struct config_pair *pairs = arena_alloc(d->arena, MAX(m->n, 1u) * sizeof(*pairs));

    for (uint32_t i = 0; pairs && i < m->n; i++) {
        if (!is_name(m->v[i].name)) {
            draft_fail(d, draft_origin(d, "departments"), "departments: a name must be 1 to 64 bytes without quotes");
        }
        pairs[i] = (struct config_pair){m->v[i].name, number_of(d, &m->v[i])};
        d->out_of_memory = d->out_of_memory || !pairs[i].value.p;
    }
    d->out_of_memory = d->out_of_memory || !pairs;
    m->v = pairs ? pairs : m->v;
    if (m->n == 0 && uses_transfer(d->cfg) &&
        draft_given(d, "agent.tools")) { /* the demonstration's are nobody's wish */
        draft_warn(d, "transfer_call has nowhere to go: departments is empty");
    }
}
