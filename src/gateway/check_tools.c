/* What models will not understand of the tools of the first agent's call, and what services refuse. */
#include "gateway/checker.h"

#define TOOLS_MANY 20   /* above it models begin to choose badly */
#define TEXT_LONG  1024 /* services cut or refuse longer descriptions */

/* OpenAI takes any letter, digit, _ and - (config refuses the rest); Gemini wants a letter or _ in front. */
static bool begins_well(struct str name)
{
    char c = name.n ? name.p[0] : '\0';
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static void describe(struct checker *c, const struct call_tool *t)
{
    struct str text = str_trim(t->description);
    if (text.n == 0 && t->kind == CALL_TOOL_HANDOFF) {
        /* check_agents.c has said so, with the key that mends it */
    } else if (text.n == 0) {
        buf_printf(&c->text, STR_FMT " has no description: the model guesses from its name what it is for",
                   STR_ARG(t->name));
        buf_puts(&c->remedy, "say in one or two sentences what it does and when to use it");
        checker_say(c, CHECK_WARNING, "tool");
    } else if (text.n > TEXT_LONG) {
        buf_printf(&c->text, "the description of " STR_FMT " has %zu bytes; services cut or refuse more than %d",
                   STR_ARG(t->name), text.n, TEXT_LONG);
        buf_puts(&c->remedy, "shorten it; what is true for the whole conversation belongs into the instructions");
        checker_say(c, CHECK_WARNING, "tool");
    }
    if (!begins_well(t->name)) {
        buf_printf(&c->text, "the name " STR_FMT " begins with neither a letter nor _: Gemini refuses the session",
                   STR_ARG(t->name));
        buf_puts(&c->remedy, "rename it");
        checker_say(c, CHECK_WARNING, "tool");
    }
}

void check_toolset(struct checker *c, const struct snapshot *s)
{
    const struct call_opts *o = &s->call;
    for (uint32_t i = 0; i < o->n_tools; i++) {
        describe(c, &o->tools[i]);
    }
    if (o->n_tools > TOOLS_MANY) {
        buf_printf(&c->text, "%u tools: models choose worse the more there are", o->n_tools);
        buf_puts(&c->remedy, "give them to several agents that hand over to each other");
        checker_say(c, CHECK_WARNING, "tool");
    }
}
