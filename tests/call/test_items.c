/* The history of a conversation, rule by rule. */
#include <stdio.h>

#include "base/err.h"
#include "call/items.h"
#include "test.h"

static struct items s;
static uint32_t at;

static void begin(void)
{
    items_init(&s, 1 << 20);
    at = 999;
}

static void end(void)
{
    items_done(&s);
    assert_int_equal(s.bytes, 0);
    assert_int_equal(s.image_bytes, 0);
}

static struct call_item message(const char *id, enum item_role role, enum part_kind kind, struct str text)
{
    struct call_item it = {.id = str_from(id), .role = role, .status = ITEM_IN_PROGRESS, .n_parts = 1};
    it.parts[0] = (struct call_part){.kind = kind, .text = text};
    return it;
}

static enum items_change put(const char *id, const char *after)
{
    struct call_item it = message(id, ITEM_USER, PART_TEXT, str_from(id));
    it.previous_id = after ? str_from(after) : STR_NULL;
    return items_put(&s, &it, &at);
}

static void assert_order(const char *want)
{
    char got[64] = "";
    for (uint32_t i = 0; i < items_count(&s); i++) {
        struct str id = items_at(&s, i)->id;
        assert_true(strlen(got) + id.n + 1 < sizeof(got));
        memcpy(got + strlen(got), id.p, id.n);
    }
    assert_string_equal(got, want);
}

static const struct call_item *item(const char *id)
{
    const struct call_item *it = items_at(&s, items_find(&s, str_from(id)));
    assert_non_null(it);
    return it;
}

static struct call_item agent(const char *id)
{
    return (struct call_item){.id = str_from(id), .agent = 1};
}

TEST(a_new_item_goes_behind_its_previous_one_else_to_the_end)
{
    begin();
    assert_int_equal(put("a", NULL), ITEMS_ADDED);
    assert_int_equal(put("c", "a"), ITEMS_ADDED);
    assert_int_equal(put("b", "a"), ITEMS_ADDED);
    assert_int_equal(at, 1);
    assert_int_equal(put("d", "unknown"), ITEMS_ADDED);
    assert_int_equal(put("e", NULL), ITEMS_ADDED);
    assert_order("abcde");
    assert_null(item("a")->previous_id.p); /* nothing said is kept as nothing said */
    assert_str_is(item("b")->previous_id, "a");
    end();
}

TEST(a_known_id_is_replaced_where_it_is)
{
    begin();
    put("a", NULL);
    put("b", NULL);
    struct call_item it = message("a", ITEM_USER, PART_TEXT, STR("changed"));
    it.previous_id = STR("b");
    it.status = ITEM_COMPLETED;
    assert_int_equal(items_put(&s, &it, &at), ITEMS_UPDATED);
    assert_int_equal(at, 0);
    assert_order("ab");
    assert_str_is(item("a")->parts[0].text, "changed");
    assert_int_equal(items_put(&s, &it, &at), ITEMS_NONE); /* the same again says nothing new */
    end();
}

TEST(an_empty_transcript_does_not_erase_a_known_one)
{
    begin();
    struct call_item it = message("u", ITEM_USER, PART_AUDIO, STR("where is my order"));
    items_put(&s, &it, &at);
    it.parts[0].text = STR("");
    it.status = ITEM_COMPLETED;
    assert_int_equal(items_put(&s, &it, &at), ITEMS_UPDATED);
    assert_str_is(item("u")->parts[0].text, "where is my order");
    it.parts[0].text = STR_NULL;
    assert_int_equal(items_put(&s, &it, &at), ITEMS_NONE);
    it.n_parts = 0;
    assert_int_equal(items_put(&s, &it, &at), ITEMS_NONE);
    assert_str_is(item("u")->parts[0].text, "where is my order");
    end();
}

TEST(deltas_are_the_transcript_until_a_final_one_comes_and_never_after_it)
{
    begin();
    struct call_item who = agent("a");
    assert_int_equal(items_delta(&s, &who, PART_AUDIO, STR("Your or"), &at), ITEMS_ADDED);
    assert_int_equal(items_delta(&s, &who, PART_AUDIO, STR("der is"), &at), ITEMS_UPDATED);
    assert_str_is(item("a")->parts[0].text, "Your order is");
    /* The service announces the item without its transcript: the pieces count. */
    struct call_item echo = message("a", ITEM_ASSISTANT, PART_AUDIO, STR_NULL);
    items_put(&s, &echo, &at);
    assert_str_is(item("a")->parts[0].text, "Your order is");
    assert_int_equal(items_delta(&s, &who, PART_AUDIO, STR(" here"), &at), ITEMS_UPDATED);
    assert_str_is(item("a")->parts[0].text, "Your order is here");
    assert_int_equal(items_final(&s, &who, PART_AUDIO, STR("Your order is here."), &at), ITEMS_UPDATED);
    assert_int_equal(items_delta(&s, &who, PART_AUDIO, STR(" here."), &at), ITEMS_NONE);
    assert_str_is(item("a")->parts[0].text, "Your order is here.");
    assert_int_equal(item("a")->agent, 1);
    end();
}

TEST(a_final_text_that_repeats_the_deltas_changes_nothing_and_still_ends_them)
{
    begin();
    struct call_item who = agent("a");
    items_delta(&s, &who, PART_AUDIO, STR("Yes."), &at);
    assert_int_equal(items_final(&s, &who, PART_AUDIO, STR("Yes."), &at), ITEMS_NONE);
    assert_int_equal(items_delta(&s, &who, PART_AUDIO, STR(" No."), &at), ITEMS_NONE);
    assert_str_is(item("a")->parts[0].text, "Yes.");
    end();
}

TEST(images_survive_an_echo_that_lacks_them)
{
    begin();
    struct call_item it = message("u", ITEM_USER, PART_TEXT, STR("what is this"));
    it.parts[1] = (struct call_part){.kind = PART_IMAGE, .text = STR("data:image/png;base64,AA"), .detail = STR("low")};
    it.n_parts = 2;
    items_put(&s, &it, &at);
    it.n_parts = 1;
    it.status = ITEM_COMPLETED;
    assert_int_equal(items_put(&s, &it, &at), ITEMS_UPDATED);
    assert_int_equal(item("u")->n_parts, 2);
    assert_int_equal(item("u")->parts[1].kind, PART_IMAGE);
    assert_str_is(item("u")->parts[1].text, "data:image/png;base64,AA");
    assert_str_is(item("u")->parts[1].detail, "low");
    end();
}

TEST(a_transcript_completes_its_item_and_no_other)
{
    begin();
    struct call_item it = message("u", ITEM_USER, PART_AUDIO, STR_NULL);
    items_put(&s, &it, &at);
    put("v", NULL);
    assert_int_equal(items_transcript(&s, STR("u"), STR("hello"), 0, &at), ITEMS_UPDATED);
    assert_int_equal(item("u")->status, ITEM_COMPLETED);
    assert_str_is(item("u")->parts[0].text, "hello");
    assert_int_equal(item("v")->status, ITEM_IN_PROGRESS);
    assert_str_is(item("v")->parts[0].text, "v");
    end();
}

TEST(a_transcript_of_an_unknown_item_becomes_an_item_of_the_caller)
{
    begin();
    assert_int_equal(items_transcript(&s, STR("u"), STR("hello"), 2, &at), ITEMS_ADDED);
    assert_int_equal(item("u")->role, ITEM_USER);
    assert_int_equal(item("u")->status, ITEM_COMPLETED);
    assert_int_equal(item("u")->agent, 2);
    assert_int_equal(items_transcript(&s, STR(""), STR("hello"), 2, &at), ITEMS_NONE);
    end();
}

TEST(a_transcript_beside_an_image_finds_the_audio_part)
{
    begin();
    struct call_item it = message("u", ITEM_USER, PART_IMAGE, STR("data:x"));
    it.parts[1] = (struct call_part){.kind = PART_AUDIO};
    it.n_parts = 2;
    items_put(&s, &it, &at);
    items_transcript(&s, STR("u"), STR("look"), 0, &at);
    assert_str_is(item("u")->parts[0].text, "data:x");
    assert_str_is(item("u")->parts[1].text, "look");
    end();
}

TEST(an_output_completes_the_item_of_its_call)
{
    begin();
    struct call_item call = {.id = STR("f"),
                             .type = ITEM_FUNCTION_CALL,
                             .status = ITEM_IN_PROGRESS,
                             .call_id = STR("c1"),
                             .name = STR("look"),
                             .arguments = STR("{}")};
    items_put(&s, &call, &at);
    assert_null(item("f")->output.p);
    assert_int_equal(items_output(&s, STR("c1"), STR("42"), &at), ITEMS_UPDATED);
    assert_int_equal(items_count(&s), 1);
    assert_str_is(item("f")->output, "42");
    assert_int_equal(item("f")->status, ITEM_COMPLETED);
    /* The service's own item of the output, and a stale announcement of the call, change nothing. */
    struct call_item echo = {.id = STR("o"), .type = ITEM_FUNCTION_OUTPUT, .call_id = STR("c1"), .output = STR("42")};
    assert_int_equal(items_put(&s, &echo, &at), ITEMS_NONE);
    assert_int_equal(items_put(&s, &call, &at), ITEMS_NONE);
    assert_int_equal(items_output(&s, STR("c9"), STR("42"), &at), ITEMS_NONE);
    end();
}

TEST(a_call_known_by_its_call_id_is_not_added_twice)
{
    begin();
    struct call_item call = {.id = STR("c1"), .type = ITEM_FUNCTION_CALL, .call_id = STR("c1"), .name = STR("look")};
    assert_int_equal(items_put(&s, &call, &at), ITEMS_ADDED);
    call.id = STR("f");
    call.arguments = STR("{}");
    assert_int_equal(items_put(&s, &call, &at), ITEMS_UPDATED);
    assert_int_equal(items_count(&s), 1);
    end();
}

TEST(what_was_cut_keeps_what_was_heard_whatever_is_said_later)
{
    begin();
    struct call_item who = agent("a");
    items_delta(&s, &who, PART_AUDIO, STR("One two three four"), &at);
    assert_int_equal(items_cut(&s, STR("a"), STR("One two"), STR("three four"), &at), ITEMS_UPDATED);
    struct call_item echo = message("a", ITEM_ASSISTANT, PART_AUDIO, STR("One two three four"));
    echo.status = ITEM_COMPLETED;
    items_put(&s, &echo, &at);
    items_final(&s, &who, PART_AUDIO, STR("One two three four"), &at);
    items_delta(&s, &who, PART_AUDIO, STR(" five"), &at);
    items_finish(&s, STR("a"), &at);
    assert_str_is(item("a")->parts[0].text, "One two");
    assert_str_is(item("a")->unheard, "three four");
    assert_true(item("a")->estimated);
    assert_int_equal(item("a")->status, ITEM_INCOMPLETE);
    end();
}

TEST(what_nobody_heard_stays_as_an_empty_item)
{
    begin();
    struct call_item who = agent("a");
    items_final(&s, &who, PART_AUDIO, STR("Never heard."), &at);
    items_cut(&s, STR("a"), STR_NULL, STR("Never heard."), &at);
    assert_int_equal(item("a")->parts[0].text.n, 0);
    assert_non_null(item("a")->parts[0].text.p);
    assert_int_equal(items_cut(&s, STR("unknown"), STR("x"), STR("y"), &at), ITEMS_NONE);
    end();
}

TEST(a_stale_status_does_not_open_a_settled_item_again)
{
    begin();
    struct call_item it = message("u", ITEM_USER, PART_TEXT, STR("x"));
    it.status = ITEM_COMPLETED;
    items_put(&s, &it, &at);
    it.status = ITEM_IN_PROGRESS;
    assert_int_equal(items_put(&s, &it, &at), ITEMS_NONE);
    assert_int_equal(item("u")->status, ITEM_COMPLETED);
    end();
}

TEST(deletion_removes_and_an_unknown_id_does_not)
{
    begin();
    put("a", NULL);
    put("b", NULL);
    assert_int_equal(items_remove(&s, STR("a"), &at), ITEMS_REMOVED);
    assert_int_equal(at, 0);
    assert_int_equal(items_remove(&s, STR("a"), &at), ITEMS_NONE);
    assert_order("b");
    end();
}

TEST(what_means_nothing_is_ignored)
{
    begin();
    const struct call_item nameless = message("", ITEM_USER, PART_TEXT, STR("x"));
    const struct call_item other = {.id = STR("m"), .type = ITEM_OTHER};
    assert_int_equal(items_put(&s, &nameless, &at), ITEMS_NONE);
    assert_int_equal(items_put(&s, &other, &at), ITEMS_NONE);
    assert_int_equal(items_count(&s), 0);
    end();
}

TEST(over_its_limit_it_says_so_but_never_with_one_item)
{
    begin();
    s.max_bytes = 4000;
    char text[5000];
    memset(text, 'x', sizeof(text));
    struct call_item big = message("a", ITEM_USER, PART_TEXT, (struct str){text, sizeof(text)});
    items_put(&s, &big, &at);
    assert_false(items_overfull(&s));
    put("b", NULL);
    assert_true(items_overfull(&s));
    items_remove(&s, items_at(&s, 0)->id, &at);
    assert_false(items_overfull(&s));
    assert_order("b");
    end();
}

TEST(of_many_images_only_the_latest_keep_their_data)
{
    begin();
    static char url[1500000];
    memset(url, 'i', sizeof(url));
    for (char id[2] = "a"; id[0] < 'e'; id[0]++) {
        struct call_item it = message(id, ITEM_USER, PART_IMAGE, (struct str){url, sizeof(url)});
        assert_int_equal(items_put(&s, &it, &at), ITEMS_ADDED);
    }
    assert_false(items_overfull(&s)); /* images do not push out texts */
    assert_int_equal(item("a")->parts[0].text.n, 0);
    assert_int_equal(item("a")->n_parts, 1);
    assert_int_equal(item("d")->parts[0].text.n, sizeof(url));
    assert_true(s.image_bytes <= 4u << 20);
    end();
}

TEST(a_long_conversation_in_any_order_stays_whole)
{
    begin();
    for (uint32_t i = 0; i < 3000; i++) {
        char id[16];
        char before[16];
        snprintf(id, sizeof(id), "i%u", i);
        snprintf(before, sizeof(before), "i%u", i * 7 % (i + 1));
        struct call_item it = message(id, i % 2 ? ITEM_USER : ITEM_ASSISTANT, PART_AUDIO, str_from(id));
        it.previous_id = i % 3 ? str_from(before) : STR_NULL;
        assert_int_equal(items_put(&s, &it, &at), ITEMS_ADDED);
        if (i % 5 == 4) {
            items_remove(&s, str_from(before), &at);
        }
    }
    for (uint32_t i = 0; i < items_count(&s); i++) {
        assert_int_equal(items_find(&s, items_at(&s, i)->id), i);
    }
    end();
}

TEST_MAIN(T(a_new_item_goes_behind_its_previous_one_else_to_the_end), T(a_known_id_is_replaced_where_it_is),
          T(an_empty_transcript_does_not_erase_a_known_one),
          T(deltas_are_the_transcript_until_a_final_one_comes_and_never_after_it),
          T(a_final_text_that_repeats_the_deltas_changes_nothing_and_still_ends_them),
          T(images_survive_an_echo_that_lacks_them), T(a_transcript_completes_its_item_and_no_other),
          T(a_transcript_of_an_unknown_item_becomes_an_item_of_the_caller),
          T(a_transcript_beside_an_image_finds_the_audio_part), T(an_output_completes_the_item_of_its_call),
          T(a_call_known_by_its_call_id_is_not_added_twice),
          T(what_was_cut_keeps_what_was_heard_whatever_is_said_later), T(what_nobody_heard_stays_as_an_empty_item),
          T(a_stale_status_does_not_open_a_settled_item_again), T(deletion_removes_and_an_unknown_id_does_not),
          T(what_means_nothing_is_ignored), T(over_its_limit_it_says_so_but_never_with_one_item),
          T(of_many_images_only_the_latest_keep_their_data), T(a_long_conversation_in_any_order_stays_whole))
