/* Rules that answer at once: what trips, what does not, and how much of an unfinished text they are sure of. */
#include "test.h"

#include <stdlib.h>

#include "base/err.h"
#include "guards/rule.h"
#include "guards/shapes.h"

static struct guard_rule *make(const struct guard_def *def)
{
    struct guard_rule *r = NULL;
    struct buf why;
    buf_init(&why, 1024);
    int err = guard_rule_new(def, &why, &r);
    if (err < 0) {
        fail_msg("%s", buf_cstr(&why));
    }
    buf_done(&why);
    return r;
}

static void refused(const struct guard_def *def, const char *want)
{
    struct guard_rule *r = NULL;
    struct buf why;
    buf_init(&why, 1024);
    assert_int_equal(guard_rule_new(def, &why, &r), -ERR_CONFIG);
    assert_has(buf_str(&why), want);
    buf_done(&why);
}

static struct guard_finding look(struct guard_rule *r, const char *text, bool final)
{
    struct guard_finding f;
    assert_ok(guard_rule_scan(r, str_from(text), final, &f));
    return f;
}

/* Trips at exactly these letters, or not at all. */
static void expect(struct guard_rule *r, const char *text, const char *found)
{
    struct guard_finding f = look(r, text, true);
    assert_int_equal(f.tripped, found != NULL);
    if (found) {
        struct str got = {text + f.from, f.to - f.from};
        assert_str_is(got, found);
    } else {
        assert_int_equal(f.sure, strlen(text));
    }
}

/* ---- regular expressions ---- */

TEST(an_expression_trips_where_it_matches)
{
    struct guard_rule *r = make(&(struct guard_def){.kind = GUARD_REGEX, .pattern = STR("\\b\\d+ (dollars|euros)\\b")});
    expect(r, "That is 20 Euros, please.", "20 Euros");
    expect(r, "That is twenty euros.", NULL);
    guard_rule_free(r);
    r = make(&(struct guard_def){.kind = GUARD_REGEX,
                                 .pattern = STR("stra\xc3\x9f"
                                                "e"),
                                 .case_sensitive = true});
    expect(r,
           "Die Stra\xc3\x9f"
           "e",
           NULL);
    expect(r,
           "Hauptstra\xc3\x9f"
           "e 5",
           "stra\xc3\x9f"
           "e");
    guard_rule_free(r);
}

TEST(expressions_that_are_none_are_refused_with_their_place)
{
    refused(&(struct guard_def){.kind = GUARD_REGEX, .pattern = STR("a(b")}, "at character 4");
    refused(&(struct guard_def){.kind = GUARD_REGEX, .pattern = STR("")}, "there is no expression");
    refused(&(struct guard_def){.kind = GUARD_REGEX, .pattern = STR("x*")}, "every text would trip");
    refused(&(struct guard_def){.kind = GUARD_REGEX, .pattern = STR("a\\Cb")}, "at character");
    refused(&(struct guard_def){.kind = GUARD_WORDS}, "there are no words");
    refused(&(struct guard_def){.kind = GUARD_WORDS, .words = (struct str[]){STR("*")}, .n_words = 1}, "is no word");
    refused(&(struct guard_def){.kind = GUARD_WORDS, .words = (struct str[]){STR("\xff")}, .n_words = 1}, "is no word");
    refused(&(struct guard_def){.kind = GUARD_SHAPES}, "there are no shapes");
    refused(&(struct guard_def){.kind = GUARD_HTTP}, "it is no rule");
}

TEST(an_expression_that_would_take_for_ever_gives_up)
{
    struct guard_rule *r = make(&(struct guard_def){.kind = GUARD_REGEX, .pattern = STR("(a+)+b")});
    char text[4003];
    struct guard_finding f;
    memset(text, 'a', 4000);
    memcpy(text + 4000, "cb", 3); /* what the expression must end in is there */
    assert_int_equal(guard_rule_scan(r, str_from(text), true, &f), -ERR_LIMIT);
    assert_false(f.tripped);
    guard_rule_free(r);
}

TEST(bytes_that_are_no_utf8_do_no_harm)
{
    struct guard_rule *r = make(&(struct guard_def){.kind = GUARD_REGEX, .pattern = STR("secret\\w+")});
    expect(r, "\xff\xfe secrets \xc3", "secrets");
    expect(r, "\xc3\x28\xf0\x9f", NULL);
    guard_rule_free(r);
}

/* ---- words ---- */

TEST(words_are_whole_and_may_stand_across_marks)
{
    const struct str words[] = {STR("idiot"), STR("refund  policy"), STR("guarant*"), STR("C++"),
                                STR("\xc3\xbc"
                                    "bel")};
    struct guard_rule *r = make(&(struct guard_def){.kind = GUARD_WORDS, .words = words, .n_words = ARRAY_LEN(words)});
    expect(r, "You IDIOT!", "IDIOT");
    expect(r, "How idiotic.", NULL);
    expect(r, "Our refund - policy says", "refund - policy");
    expect(r, "refundpolicy", NULL);
    expect(r, "That is guaranteed.", "guaranteed");
    expect(r, "I know C++ well", "C++");
    expect(r, "I know C well", NULL);
    expect(r,
           "\xc3\x9c"
           "BEL",
           "\xc3\x9c"
           "BEL"); /* capitals of other languages too */
    guard_rule_free(r);
}

TEST(the_beginning_of_a_phrase_is_not_sure_until_it_goes_on)
{
    const struct str words[] = {STR("secret code")};
    struct guard_rule *r = make(&(struct guard_def){.kind = GUARD_WORDS, .words = words, .n_words = 1});
    assert_int_equal(look(r, "well the sec", false).sure, 9);
    assert_int_equal(look(r, "well the secret", false).sure, 9);
    assert_int_equal(look(r, "well the secret c", false).sure, 9);
    assert_int_equal(look(r, "well the secret cup", false).sure, 19);
    assert_false(look(r, "well the secret code", false).tripped); /* it may become "codes" */
    assert_int_equal(look(r, "well the secret code", false).sure, 9);
    assert_true(look(r, "well the secret code", true).tripped);
    assert_true(look(r, "well the secret code.", false).tripped);
    assert_int_equal(look(r, "well the sec", true).sure, 12);
    guard_rule_free(r);
}

/* ---- shapes ---- */

static struct guard_rule *shape(enum guard_shape s)
{
    return make(&(struct guard_def){.kind = GUARD_SHAPES, .shapes = 1u << s});
}

TEST(keys_trip)
{
    struct guard_rule *r = shape(SHAPE_API_KEY);
    char text[80] = "key sk-";
    memset(text + 7, 'x', 48);
    text[55] = '\0';
    expect(r, text, text + 4);
    expect(r,
           "sk"
           "-proj-abcdefghijklmnopqrst0123",
           "sk"
           "-proj-abcdefghijklmnopqrst0123");
    expect(r, "ask-me-anything-about-it-please", NULL);
    expect(r, "sk-short", NULL);
    guard_rule_free(r);
}

TEST(secrets_that_are_given_away_trip)
{
    struct guard_rule *r = shape(SHAPE_SECRET);
    expect(r, "The password: hunter2 works", "password: hunter2");
    expect(r, "secret=abc123", "secret=abc123");
    expect(r, "Your PASSWORD is Winter24.", "PASSWORD is Winter24.");
    expect(r, "The secret is to stir slowly.", NULL);
    expect(r, "I forgot my password again", NULL);
    expect(r, "the passwords: two of them", NULL);
    guard_rule_free(r);
}

TEST(cards_trip_only_with_a_right_check_digit)
{
    struct guard_rule *r = shape(SHAPE_CARD);
    expect(r, "It is 4111 1111 1111 1111, valid.", "4111 1111 1111 1111");
    expect(r, "4111-1111-1111-1111", "4111-1111-1111-1111");
    expect(r, "378282246310005 expires 12", "378282246310005");
    expect(r, "item 12 4111 1111 1111 1111 05", "4111 1111 1111 1111");
    expect(r, "4111 1111 1111 1112", NULL);
    expect(r, "0000 0000 0000 0000", NULL);
    expect(r, "call 1 555 123 4567 or 1 555 765 4321", NULL);
    expect(r, "41111111111111111", NULL); /* a digit too many, no edge inside */
    guard_rule_free(r);
}

TEST(a_number_that_grows_is_not_sure)
{
    struct guard_rule *r = shape(SHAPE_CARD);
    assert_int_equal(look(r, "my number 4111 1111", false).sure, 10);
    assert_int_equal(look(r, "my number 4111 1111 and", false).sure, 23);
    guard_rule_free(r);
}

TEST(social_security_numbers_trip)
{
    struct guard_rule *r = shape(SHAPE_SSN);
    expect(r, "It is 123-45-6789.", "123-45-6789");
    expect(r, "123 45 6789", "123 45 6789");
    expect(r, "000-45-6789", NULL);
    expect(r, "900-45-6789", NULL);
    expect(r, "1123-45-6789", NULL);
    expect(r, "123-45-67890", NULL);
    guard_rule_free(r);
}

TEST(long_tokens_and_scripts_trip)
{
    struct guard_rule *r = shape(SHAPE_TOKEN);
    expect(r, "token abcdefghij0123456789 ok", "abcdefghij0123456789");
    expect(r, "abcdefghi0123456789", NULL);                /* nineteen */
    expect(r, "Donaudampfschifffahrtsgesellschaft", NULL); /* a word */
    guard_rule_free(r);
    r = shape(SHAPE_SCRIPT);
    expect(r, "<SCRIPT src=x>", "<SCRIPT");
    expect(r, "javascript:alert(1)", "javascript:");
    expect(r, "x onclick=y", "onclick");
    expect(r, "x onerror=y", "onerror");
    expect(r, "please eval(1)", "eval(");
    expect(r, "exec(ls)", "exec(");
    expect(r, "please execute the order, evaluate the script", NULL);
    guard_rule_free(r);
}

TEST(the_name_of_the_shape_is_told)
{
    struct guard_rule *r =
        make(&(struct guard_def){.kind = GUARD_SHAPES, .shapes = 0xFF & ((1u << GUARD_SHAPE_N) - 1)});
    assert_string_equal(look(r, "123-45-6789", true).what, "ssn");
    assert_string_equal(look(r, "4111 1111 1111 1111", true).what, "card");
    guard_rule_free(r);
}

/* ---- length and range ---- */

TEST(empty_and_long_texts_trip)
{
    struct guard_rule *r = make(&(struct guard_def){.kind = GUARD_LENGTH, .min_chars = 1, .max_chars = 1000});
    char text[2003];
    assert_string_equal(look(r, "", true).what, "empty");
    assert_string_equal(look(r, " \t\n ", true).what, "empty");
    assert_false(look(r, "", false).tripped);
    memset(text, 'a', 1001);
    text[1000] = '\0';
    assert_false(look(r, text, true).tripped);
    text[1000] = 'a';
    text[1001] = '\0';
    assert_string_equal(look(r, text, true).what, "too long");
    for (int i = 0; i < 1000; i++) {
        memcpy(text + 2 * i, "\xc3\xa4", 2);
    }
    text[2000] = '\0';
    assert_false(look(r, text, true).tripped); /* characters count */
    guard_rule_free(r);
}

static struct guard_finding look_at_arguments(struct guard_rule *r, const char *json)
{
    const struct json_doc *doc = NULL;
    struct guard_finding f;
    assert_ok(json_doc_parse(str_from(json), &doc));
    assert_ok(guard_rule_scan_arguments(r, doc, &f));
    json_doc_free(doc);
    return f;
}

TEST(a_number_out_of_its_range_trips)
{
    static const struct {
        const char *json;
        const char *what; /* NULL: fine */
    } cases[] = {
        {"{\"party_size\":1}", NULL},
        {"{\"party_size\":4}", NULL},
        {"{\"party_size\":20}", NULL},
        {"{\"party_size\":50}", NULL},
        {"{\"party_size\":0}", "too small"},
        {"{\"party_size\":-3}", "too small"},
        {"{\"party_size\":51}", "too large"},
        {"{\"party_size\":100}", "too large"},
        {"{\"party_size\":999}", "too large"},
        {"{\"party_size\":\"999\"}", "too large"},
        {"{\"party_size\":\"four\"}", "no number"},
        {"{\"party_size\":[4]}", "no number"},
        {"{\"party_size\":\" 4 \"}", NULL},
        {"{\"party_size\":null}", NULL},
        {"{\"time\":\"19:30\",\"phone\":\"555 123 4567\"}", NULL}, /* no number but that one is meant */
    };
    struct guard_rule *r =
        make(&(struct guard_def){.kind = GUARD_RANGE, .argument = STR("party_size"), .min = 1, .max = 50});
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct guard_finding f = look_at_arguments(r, cases[i].json);
        if (f.tripped != (cases[i].what != NULL) || (f.tripped && strcmp(f.what, cases[i].what) != 0)) {
            fail_msg("%s: %s", cases[i].json, f.tripped ? f.what : "fine");
        }
    }
    guard_rule_free(r);
}

TEST(every_text_among_the_arguments_is_looked_at)
{
    struct guard_rule *r = make(&(struct guard_def){.kind = GUARD_SHAPES, .shapes = 1u << SHAPE_SCRIPT});
    assert_true(look_at_arguments(r, "{\"a\":{\"b\":[1,{\"c\":\"x <script>\"}]}}").tripped);
    assert_false(look_at_arguments(r, "{\"a\":{\"b\":[1,{\"c\":\"x\"}]}}").tripped);
    guard_rule_free(r);
}

/* ---- masking ---- */

TEST(what_looks_like_a_secret_is_masked)
{
    struct guard_mask *m = NULL;
    struct buf out;
    buf_init(&out, 4096);
    assert_ok(guard_mask_new(1u << SHAPE_API_KEY | 1u << SHAPE_TOKEN | 1u << SHAPE_CARD, &m));
    assert_int_equal(guard_mask_put(m,
                                    STR("Use sk"
                                        "-abcdefghijklmnopqrstuvwx01 or abcdefghij0123456789, card 4111 1111 1111 "
                                        "1111 and 4111 1111 1111 1112."),
                                    &out),
                     3);
    assert_str_is(buf_str(&out), "Use sk-*** or ***, card *** and 4111 1111 1111 1112.");
    buf_clear(&out);
    assert_int_equal(guard_mask_put(m, STR("Nothing to see."), &out), 0);
    assert_str_is(buf_str(&out), "Nothing to see.");
    guard_mask_free(m);
    buf_done(&out);
}

/* The text in pieces of n bytes; nothing of a secret may be in what is given out before the end either. */
static void mask_in_pieces(struct guard_mask *m, struct str text, size_t n, struct buf *out)
{
    struct mask_stream s;
    mask_stream_init(&s);
    for (size_t at = 0; at < text.n; at += n) {
        guard_mask_more(m, &s, (struct str){text.p + at, MIN(n, text.n - at)}, false, out);
    }
    guard_mask_more(m, &s, STR(""), true, out);
    mask_stream_done(&s);
}

TEST(in_pieces_of_any_size_the_same_is_masked)
{
    static const struct {
        struct str said, told;
    } cases[] = {
        {STR("Use sk-"
             "abcdefghijklmnopqrstuvwx01 or abcdefghij0123456789 now."),
         STR("Use sk-*** or *** now.")},
        {STR("card 4111 1111 1111 1111 and 4111 1111 1111 1112."), STR("card *** and 4111 1111 1111 1112.")},
        {STR("4111-1111-1111-1111"), STR("***")},
        {STR("It is 123-45-6789, or 123 45 67890; call 555 0100."), STR("It is ***, or 123 45 67890; call 555 0100.")},
        {STR("The password is hunter2 and that is that."), STR("The *** and that is that.")},
        {STR("The secret is to wait. Gr\u00fc\u00dfe, 20 \u20ac."),
         STR("The secret is to wait. Gr\u00fc\u00dfe, 20 \u20ac.")},
        {STR("secret = 4111 1111 1111 1111"), STR("***")}, /* two that overlap */
        {STR(""), STR("")},
    };
    struct guard_mask *m = NULL;
    struct buf out;
    buf_init(&out, 4096);
    assert_ok(guard_mask_new(
        1u << SHAPE_API_KEY | 1u << SHAPE_TOKEN | 1u << SHAPE_CARD | 1u << SHAPE_SSN | 1u << SHAPE_SECRET, &m));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (size_t n = 1; n <= cases[i].said.n + 1; n++) {
            buf_clear(&out);
            mask_in_pieces(m, cases[i].said, n, &out);
            if (!str_eq(buf_str(&out), cases[i].told)) {
                fail_msg("%zu in pieces of %zu: " STR_FMT, i, n, STR_ARG(buf_str(&out)));
            }
        }
    }
    guard_mask_free(m);
    buf_done(&out);
}

TEST(nothing_of_a_secret_is_told_while_it_grows)
{
    struct str text = STR("my number is 4111 1111 1111 1111");
    struct guard_mask *m = NULL;
    struct mask_stream s;
    struct buf out;
    buf_init(&out, 4096);
    mask_stream_init(&s);
    assert_ok(guard_mask_new(1u << SHAPE_CARD, &m));
    for (size_t i = 0; i < text.n; i++) {
        guard_mask_more(m, &s, (struct str){text.p + i, 1}, false, &out);
        assert_true(str_find(buf_str(&out), '4') == out.len);
    }
    assert_str_is(buf_str(&out), "my number is "); /* but words go on as they come */
    guard_mask_more(m, &s, STR(""), true, &out);
    assert_str_is(buf_str(&out), "my number is ***");
    buf_clear(&out);
    for (int i = 0; i < 40000; i++) { /* one that never ends is never told */
        guard_mask_more(m, &s, STR("4 1"), false, &out);
    }
    guard_mask_more(m, &s, STR(" end"), true, &out);
    assert_true(out.len < 200000 && s.text.len == 0);
    mask_stream_done(&s);
    guard_mask_free(m);
    buf_done(&out);
}

TEST_MAIN(T(an_expression_trips_where_it_matches), T(expressions_that_are_none_are_refused_with_their_place),
          T(an_expression_that_would_take_for_ever_gives_up), T(bytes_that_are_no_utf8_do_no_harm),
          T(words_are_whole_and_may_stand_across_marks), T(the_beginning_of_a_phrase_is_not_sure_until_it_goes_on),
          T(keys_trip), T(secrets_that_are_given_away_trip), T(cards_trip_only_with_a_right_check_digit),
          T(a_number_that_grows_is_not_sure), T(social_security_numbers_trip), T(long_tokens_and_scripts_trip),
          T(the_name_of_the_shape_is_told), T(empty_and_long_texts_trip), T(a_number_out_of_its_range_trips),
          T(every_text_among_the_arguments_is_looked_at), T(what_looks_like_a_secret_is_masked),
          T(in_pieces_of_any_size_the_same_is_masked), T(nothing_of_a_secret_is_told_while_it_grows))
