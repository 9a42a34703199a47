/* A call with guardrails, and what its tests do with it. */
#ifndef TESTS_CALL_GUARD_STAGE_H
#define TESTS_CALL_GUARD_STAGE_H

#include "stage.h"

#define LOCAL  1u
#define REMOTE 2u
#define SECOND 4u

static UNUSED void guard(const char *name, bool local)
{
    struct call_guard_opts *o = &s.opts.guards;
    o->list[o->n_list] =
        (struct call_guard){.name = str_from(name), .sides = 1u << GUARD_OUTPUT, .local = local, .holds = local};
    o->list[o->n_list].deadline_ms = local ? 0 : 3000;
    o->everywhere |= 1u << o->n_list++;
}

static UNUSED void init(void)
{
    sim_init(&s);
    s.delay_us = 40000;
    s.opts.greeting.kind = GREETING_NONE;
    s.bad = "secret code";
    guard("no_codes", true);
    guard("tone", false);
}

static UNUSED void up(void)
{
    raise_curtain(false, false);
}

static UNUSED void letters(const char *response, uint8_t item, uint32_t n)
{
    char text[512];
    assert_true(n < sizeof(text));
    memset(text, 'x', n);
    text[n] = '\0';
    sim_text(&s, response, item, text);
}

#endif
