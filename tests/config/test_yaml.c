/* YAML that is broken, hostile or odd: refused with a place, in bounded time and memory. */
#include <stdio.h>

#include "config/yaml.h"
#include "fixture.h"

static int parse(const char *text, size_t n, struct buf *errors, struct arena *a, struct yaml_node **ret)
{
    buf_init(errors, 1 << 16);
    arena_init(a, (size_t)32 << 20);
    return yaml_parse(STR("y"), (struct str){text, n}, a, errors, ret);
}

/* The first message begins with this. */
static void assert_bad(const char *text, size_t n, int err, const char *want)
{
    struct yaml_node *root = NULL;
    struct buf errors;
    struct arena a;
    int got = parse(text, n, &errors, &a, &root);

    if (got != err || !str_starts(buf_str(&errors), str_from(want))) {
        fail_msg("[%.60s] gave %d [%s], wanted %d [%s]", text, got, buf_cstr(&errors), err, want);
    }
    buf_done(&errors);
    arena_done(&a);
}

TEST(broken_texts_are_refused_with_their_place)
{
    static const struct {
        const char *text;
        const char *want;
    } cases[] = {
        {"a: [1, 2", "y:2:1: flow sequence without a closing bracket"},
        {"a: {b: 1", "y:"},
        {"a: 'x", "y:"},
        {"a: 1\n\tb: 2\n", "y:"},
        {"a: 1\n b: 2\n", "y:1:4: invalid multiline plain key"},
        {"a: 1\na: 2\n", "y:2:1: the key \"a\" is there twice, first in line 1"},
        {"x:\n  b: 1\n  c: 1\n  b: 2\n", "y:4:3: the key \"b\" is there twice, first in line 2"},
        {"a: *nowhere\n", "y:1:4: the alias names no anchor above it"},
        {"a: &x [*x]\n", "y:1:8: the alias stands inside its own anchor"},
        {"base: &b {x: 1}\nc:\n  <<: *b\n", "y:3:3: merge keys (<<) are not supported; repeat the keys"},
        {"[1]: 2\n", "y:1:1: a key must be a plain word"},
        {"{a: 1}: 2\n", "y:1:1: a key must be a plain word"},
        {"a: 1\n---\nb: 2\n", "y:2:"},
        {"a: \"\\q\"\n", "y:1:"},
        {"a: \x01\n", "y:1:4: a control character"},
        {"a: \xff\n", "y:1:4: not UTF-8"},
        {"ok: \xc3\xa4\nb: \xc3\n", "y:2:4: not UTF-8"},
        {"@: 1", "y:1:"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_bad(cases[i].text, strlen(cases[i].text), -ERR_SYNTAX, cases[i].want);
    }
    assert_bad("a: \0b", 5, -ERR_SYNTAX, "y:1:4: a control character");
}

TEST(deep_nesting_is_refused)
{
    struct buf text;

    buf_init(&text, 1 << 20);
    for (int i = 0; i < 40; i++) {
        buf_puts(&text, "[");
    }
    assert_bad(buf_cstr(&text), text.len, -ERR_LIMIT, "y:1:17: nested too deeply");
    buf_clear(&text);
    for (int i = 0; i < 20; i++) {
        buf_printf(&text, "%*sk:\n", i, "");
    }
    assert_bad(buf_cstr(&text), text.len, -ERR_LIMIT, "y:17:");
    buf_clear(&text);
    for (int i = 0; i < 200000; i++) {
        buf_puts(&text, "{a: ");
    }
    assert_bad(buf_cstr(&text), text.len, -ERR_LIMIT, "y:1:");
    buf_done(&text);
}

TEST(too_many_values_are_refused)
{
    struct buf text;

    buf_init(&text, 1 << 20);
    buf_puts(&text, "a: [");
    for (int i = 0; i < 30000; i++) {
        buf_puts(&text, "1,");
    }
    buf_puts(&text, "]\n");
    assert_bad(buf_cstr(&text), text.len, -ERR_LIMIT, "y:1:");
    buf_done(&text);
}

/* Ten levels of ten: 10^10 nodes if they were copied. */
TEST(a_bomb_of_aliases_stays_small)
{
    struct yaml_node *root = NULL;
    struct buf text, errors;
    struct arena a;
    struct fixture f;

    buf_init(&text, 1 << 20);
    buf_puts(&text, "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    for (int i = 1; i < 10; i++) {
        buf_printf(&text, "a%d: &a%d [", i, i);
        for (int j = 0; j < 10; j++) {
            buf_printf(&text, "%s*a%d", j ? "," : "", i - 1);
        }
        buf_puts(&text, "]\n");
    }
    assert_int_equal(parse(buf_cstr(&text), text.len, &errors, &a, &root), 0);
    assert_int_equal(root->n, 10);
    assert_true(a.used_bytes < 100000);
    buf_done(&errors);
    arena_done(&a);
    /* And through the whole loader: refused as unknown keys, at once. */
    assert_int_equal(fixture_load(&f, buf_cstr(&text), NULL), -ERR_CONFIG);
    fixture_done(&f);
    buf_puts(&text, "agent: {tools: *a9}\n");
    assert_int_equal(fixture_load(&f, buf_cstr(&text), NULL), -ERR_CONFIG);
    fixture_done(&f);
    buf_done(&text);
}

TEST(a_file_over_the_limit_is_refused)
{
    struct fixture f;
    struct buf text;

    buf_init(&text, 4 << 20);
    buf_puts(&text, "agent: {name: ");
    for (int i = 0; i < 1100; i++) {
        for (int j = 0; j < 1000; j++) {
            buf_putc(&text, 'x');
        }
    }
    buf_puts(&text, "}\n");
    assert_int_equal(fixture_load(&f, buf_cstr(&text), NULL), -ERR_TOO_BIG);
    assert_str_is(buf_str(&f.errors), "t.yaml: larger than 1048576 bytes\n");
    fixture_done(&f);
    buf_done(&text);
}

TEST(a_large_text_within_the_limit_is_kept_whole)
{
    struct fixture f;
    struct buf text;

    buf_init(&text, 4 << 20);
    buf_puts(&text, "agent:\n  instructions: |\n");
    for (int i = 0; i < 4000; i++) {
        buf_printf(&text, "    line %04d of a long prompt \xc3\xa4\xe2\x82\xac, with: colons # and signs\n", i);
    }
    fixture_ok(&f, buf_cstr(&text), NULL);
    assert_true(f.cfg->agent.instructions.n > 200000);
    assert_true(str_starts(f.cfg->agent.instructions, STR("line 0000 of a long prompt")));
    fixture_done(&f);
    buf_done(&text);
}

TEST(scalars_keep_their_look)
{
    struct yaml_node *root = NULL;
    struct buf errors;
    struct arena a;
    static const char text[] =
        "a: null\nb: 'null'\nc:\nd: ~\ne: \"a\\tb\"\nf: |\n  one\n  two\ng: >-\n  one\n  two\nh: !!str 5\n";

    assert_int_equal(parse(text, sizeof(text) - 1, &errors, &a, &root), 0);
    const struct yaml_node *n = root->first;

    assert_true(yaml_is_null(n));
    n = n->next;
    assert_false(yaml_is_null(n));
    assert_str_is(n->text, "null");
    assert_int_equal(n->line, 2);
    assert_int_equal(n->col, 4);
    assert_int_equal(n->key_col, 1);
    n = n->next;
    assert_true(yaml_is_null(n));
    n = n->next;
    assert_true(yaml_is_null(n));
    n = n->next;
    assert_str_is(n->text, "a\tb");
    n = n->next;
    assert_str_is(n->text, "one\ntwo\n");
    n = n->next;
    assert_str_is(n->text, "one two");
    n = n->next;
    assert_str_is(n->text, "5");
    assert_null(n->next);
    buf_done(&errors);
    arena_done(&a);
}

TEST(nothing_and_comments_are_an_empty_map)
{
    static const char *const texts[] = {"", "\n\n", "# only a comment\n", "---\n", "null\n", "\xEF\xBB\xBF"};

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct fixture f;

        fixture_ok(&f, texts[i], NULL);
        fixture_done(&f);
    }
}

static struct str at(const struct yaml_node *n, const char *key)
{
    for (const struct yaml_node *c = n->first; c; c = c->next) {
        if (str_is(c->key, key)) {
            return c->kind == YAML_SCALAR ? c->text : STR("(not a scalar)");
        }
    }
    return STR("(none)");
}

TEST(what_lies_over_wins_key_by_key)
{
    static const char under[] = "a: 1\nm: {x: 1, y: 2, l: [1, 2, 3]}\nz: last\n";
    static const char over[] = "m: {y: 3, n: new, l: [9]}\nz: {now: a map}\nmore: 5\n";
    struct yaml_node *base = NULL, *wins = NULL;
    struct buf errors, others;
    struct arena a, b;

    assert_ok(parse(under, sizeof(under) - 1, &errors, &a, &base));
    assert_ok(parse(over, sizeof(over) - 1, &others, &b, &wins));
    struct yaml_node *all = yaml_over(base, wins);
    assert_int_equal(all->n, 4);
    assert_str_is(at(all, "a"), "1");
    assert_str_is(at(all, "more"), "5");
    assert_str_is(at(all, "z"), "(not a scalar)");
    const struct yaml_node *m = all->first->next;
    assert_str_is(m->key, "m");
    assert_int_equal(m->n, 4);
    assert_str_is(at(m, "x"), "1");
    assert_str_is(at(m, "y"), "3");
    assert_str_is(at(m, "n"), "new");
    uint32_t elements = 0;
    for (const struct yaml_node *c = m->first; c; c = c->next) {
        elements = str_is(c->key, "l") ? c->n : elements;
    }
    assert_int_equal(elements, 1); /* lists are not joined */
    assert_str_is(all->last->key, "more");
    buf_done(&errors);
    buf_done(&others);
    arena_done(&a);
    arena_done(&b);
}

TEST_MAIN(T(broken_texts_are_refused_with_their_place), T(deep_nesting_is_refused), T(too_many_values_are_refused),
          T(a_bomb_of_aliases_stays_small), T(a_file_over_the_limit_is_refused),
          T(a_large_text_within_the_limit_is_kept_whole), T(scalars_keep_their_look),
          T(nothing_and_comments_are_an_empty_map), T(what_lies_over_wins_key_by_key))
