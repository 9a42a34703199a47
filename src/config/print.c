/* .env.example and docs/configuration.md, printed from the option table; a test holds the files to it. */
#include "config/options.h"

static const char *default_text(const struct option *o)
{
    return o->def_text ? o->def_text : o->def;
}

/* ------------------------------------------------------------------------------------------------ .env.example */

/* Lines of a comment, broken at blanks. */
static void put_comment(struct buf *out, const char *text)
{
    struct str rest = str_from(text);
    struct str word;
    size_t column = 0;

    while (str_split(&rest, ' ', &word)) {
        if (column && column + 1 + word.n > 116) {
            buf_putc(out, '\n');
            column = 0;
        }
        buf_puts(out, column ? " " : "# ");
        buf_put_str(out, word);
        column += word.n + (column ? 1 : 2);
    }
    buf_putc(out, '\n');
}

static void put_env_option(struct buf *out, const struct option *o)
{
    const char *def = default_text(o);
    const char *value = o->example ? o->example : o->def && !o->def_text ? o->def : "";

    buf_putc(out, '\n');
    put_comment(out, o->meaning);
    if (o->key) {
        buf_printf(out, "# In the file: %s%s\n", o->scope == OPTION_PROVIDER ? "providers.<name>." : "", o->key);
    }
    if (def && (o->def_text || !o->def)) {
        buf_printf(out, "# Default: %s\n", def);
    }
    for (uint32_t i = 0; i < OPTION_MAX_ENV && o->env[i]; i++) {
        buf_puts(out, i == 0 ? "" : i == 1 ? "# Other names, read when it is not set:\n" : "");
        buf_printf(out, "#%s=%s\n", o->env[i], value);
    }
}

void config_print_env(struct buf *out)
{
    buf_puts(out, "# Every environment name that ringtrip reads. Copy this file to .env and uncomment what you need; "
                  "what is shown\n"
                  "# is the default or an example. The process environment wins over .env, the YAML file over both;\n"
                  "# SYSTEM_PROMPT alone wins over the file. Printed by: ringtrip options --env\n");
    for (uint32_t i = 0; i < option_count; i++) {
        if (option_table[i].env[0]) {
            put_env_option(out, &option_table[i]);
        }
    }
}

/* ------------------------------------------------------------------------------------------------ configuration.md */

static const char *type_text(const struct option *o)
{
    switch (o->type) {
    case OPTION_STR:
    case OPTION_HOSTNAME:
    case OPTION_CHOICE:
        return "text";
    case OPTION_SECRET:
        return "secret";
    case OPTION_FILE:
        return "file";
    case OPTION_URL:
        return "URL";
    case OPTION_LISTEN:
        return "host:port";
    case OPTION_U16:
    case OPTION_U32:
    case OPTION_I32:
        return "whole number";
    case OPTION_MS:
        return "ms";
    case OPTION_SECONDS:
        return "seconds";
    case OPTION_F64:
    case OPTION_PPM:
        return "number";
    case OPTION_MONEY:
        return "amount";
    case OPTION_TRACING:
    case OPTION_TRUNCATION:
        return "word or map";
    case OPTION_PROMPT:
        return "map";
    case OPTION_SCHEMA:
        return "JSON Schema";
    case OPTION_BOOL:
        return "true/false";
    case OPTION_ENUM:
        return "word";
    case OPTION_AUDIO:
        return "format";
    case OPTION_VOICE:
        return "voice";
    case OPTION_WHEN:
        return "condition";
    case OPTION_MODALITIES:
    case OPTION_LIST:
    case OPTION_TOOLS:
    case OPTION_HANDOFFS:
    case OPTION_BLOCKS:
        return "list";
    case OPTION_TEXTS:
        return "sentence, or a list";
    case OPTION_SECRETS:
        return "secret, or a list";
    case OPTION_MAP:
    case OPTION_SECRET_MAP:
        return "map";
    case OPTION_DROPPED:
        return "";
    }
    return "";
}

static void put_cell(struct buf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '|' || *text == '<') {
            buf_putc(out, '\\');
        }
        buf_putc(out, *text);
    }
}

static void put_row(struct buf *out, const struct option *o)
{
    bool range = o->max > 0;
    const char *def = default_text(o);

    buf_puts(out, "| ");
    if (o->key) {
        buf_printf(out, "`%s`", o->key);
    }
    buf_puts(out, " | ");
    for (uint32_t i = 0; i < OPTION_MAX_ENV && o->env[i]; i++) {
        buf_printf(out, "%s`%s`", i ? ", " : "", o->env[i]);
    }
    buf_printf(out, " | %s", type_text(o));
    if (range && o->type != OPTION_MONEY) {
        buf_printf(out, ", %.10g to %.10g", o->min, o->max);
    }
    if (range && o->word0) {
        buf_printf(out, " or %s", o->word0);
    }
    buf_puts(out, " | ");
    put_cell(out, def ? def : "");
    buf_puts(out, " | ");
    put_cell(out, o->meaning);
    buf_printf(out, " | %s |\n", o->since);
}

static void put_table(struct buf *out, const char *title, const char *text)
{
    buf_printf(out,
               "\n## %s\n\n%s%s| key | environment | type | default | meaning | since |\n|---|---|---|---|---|---|\n",
               title, text, *text ? "\n\n" : "");
}

/* The first word of a key names its chapter; an option without a key stays in the one before it. */
static void put_root_tables(struct buf *out)
{
    struct str chapter = STR("");

    for (uint32_t i = 0; i < option_count; i++) {
        const struct option *o = &option_table[i];
        struct str key = str_from(o->key);

        if (o->scope != OPTION_ROOT || o->type == OPTION_DROPPED) {
            continue;
        }
        key.n = str_find(key, '.');
        if (o->key && !str_eq(key, chapter)) {
            char title[64];

            chapter = key;
            ignore_result(str_copy(title, sizeof(title), key)); /* our own short words */
            put_table(out, title, "");
        }
        put_row(out, o);
    }
}

static void put_scope_table(struct buf *out, enum option_scope scope, const char *title, const char *text)
{
    put_table(out, title, text);
    for (uint32_t i = 0; i < option_count; i++) {
        if (option_table[i].scope == scope) {
            put_row(out, &option_table[i]);
        }
    }
}

static void put_spellings(struct buf *out)
{
    buf_puts(out, "\n## Other spellings\n\n"
                  "Settings of other systems may stay as they are. Words in camelCase are read like those with _.\n\n"
                  "| written | read as |\n|---|---|\n");
    for (uint32_t i = 0; i < option_alias_count; i++) {
        buf_printf(out, "| `%s` | `%s` |\n", option_aliases[i].from, option_aliases[i].to);
    }
    for (uint32_t i = 0; i < option_shorthand_count; i++) {
        buf_printf(out, "| `%s: word` | `%s` |\n", option_shorthands[i].group, option_shorthands[i].word_key);
    }
    buf_puts(out, "\nAccepted without effect, reported once at start:\n\n| key | why |\n|---|---|\n");
    for (uint32_t i = 0; i < option_count; i++) {
        if (option_table[i].type == OPTION_DROPPED) {
            buf_printf(out, "| `%s` | %s |\n", option_table[i].key, option_table[i].meaning);
        }
    }
}

void config_print_markdown(struct buf *out)
{
    buf_puts(
        out,
        "# Configuration\n\n"
        "One YAML file (`ringtrip serve -c ringtrip.yaml`), a `.env` file in the working directory and the environment "
        "make up the\nconfiguration. The file is optional: without one the environment alone is enough, and without an "
        "OpenAI key the offline\nsandbox answers. This page is printed by `ringtrip options --markdown`.\n\n"
        "- **Which value counts:** the YAML file, then the process environment, then `.env`, then the default. "
        "`SYSTEM_PROMPT` alone\n  replaces what the file says. An environment variable that is set to nothing counts "
        "as not set.\n"
        "- **Variables in the file:** `${VAR}` puts in the environment variable and is an error when it is not set; "
        "`${VAR:-default}`\n  has a default, which may be empty; `$${` stands for `${`. A value that comes to nothing "
        "is as if its key were not there.\n"
        "- **Mistakes** are refused with file, line and column; for an unknown key the nearest known one is named. All "
        "of them are\n  reported at once.\n"
        "- **Times** named `_ms` are milliseconds, those named `_s` seconds; `250ms`, `5s`, `2m` and `1h` work for "
        "both.\n"
        "- **Files** (type *file*) written in YAML count from the folder of the YAML file; all other paths from the "
        "working directory.\n"
        "- **Limits:** 1 MiB a file, 16 levels, 20,000 values. Anchors and aliases work, merge keys (`<<`) do not.\n"
        "- **Secrets** are never printed: not in logs, not in errors, not by `ringtrip check`.\n");
    put_root_tables(out);
    buf_puts(out,
             "\n## agents.\\<name>\n\nSeveral agents: a map of names, each with the keys of `agent` above, without "
             "`agent.` and `name`. What `agent` itself says\nis then what all of them begin with. "
             "[agents.md](agents.md) explains them.\n");
    put_scope_table(out, OPTION_PROVIDER, "providers.\\<name>",
                    "Keys of each provider. The name is yours; with one provider it is the default, with several "
                    "`agent.provider` chooses.");
    put_scope_table(
        out, OPTION_TOOL, "tools.\\<name>",
        "Keys of each tool. `tools` is a map of tools that any agent may name in its `agent.tools`; an entry of "
        "`agent.tools` that\nis a map has the same keys and its `name`. [tools.md](tools.md) explains them.");
    put_scope_table(out, OPTION_MCP, "mcp.\\<name>",
                    "Keys of each server of the Model Context Protocol; `agent.mcp` names those whose tools an agent "
                    "may use. [mcp.md](mcp.md) explains them.");
    put_scope_table(out, OPTION_GUARD, "guardrails.\\<name>",
                    "Keys of each guardrail. The names are yours; agents name those that watch them. "
                    "[guardrails.md](guardrails.md) explains them.");
    put_scope_table(out, OPTION_ROUTE, "routes\\[\\]",
                    "Keys of each entry of `routes`: the first whose `when` holds takes the call. "
                    "[routing.md](routing.md) explains them.");
    put_scope_table(
        out, OPTION_PRICE, "prices.\\<model>",
        "What tokens cost, in any one currency. Without prices the cost of a call is unknown. A dated model "
        "name falls back to\nthe name without its date.");
    put_spellings(out);
}
