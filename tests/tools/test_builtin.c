/* The demonstration tools: their definitions, their results, and arguments as models write them. */
#include "base/err.h"
#include "base/json.h"
#include "store/sqlite/sqlite.h"
#include "test.h"
#include "tools/builtin/builtin.h"

#define WALL_US 1795266000000000u /* 2026-11-21 */

struct fixture {
    struct builtin_ctx ctx;
    struct buf out;
    struct arena a;
    bool failed;
};

static void set_up(struct fixture *f)
{
    const struct store_opts o = {.demo_rows = true};
    struct store_call c = {.id = STR("c1")};
    const struct store_op op = {.kind = STORE_CALL_BEGIN, .at_us = WALL_US, .u.call = &c};

    *f = (struct fixture){.ctx = {.ops = &store_sqlite, .call_id = STR("c1"), .wall_us = WALL_US, .random = 42}};
    buf_init(&f->out, 1 << 16);
    arena_init(&f->a, 1 << 20);
    assert_int_equal(store_sqlite.open(&o, &f->out, &f->ctx.store), 0);
    assert_int_equal(store_sqlite.write(f->ctx.store, &op, 1, NULL), 0);
}

static void tear_down(struct fixture *f)
{
    store_sqlite.close(f->ctx.store);
    arena_done(&f->a);
    buf_done(&f->out);
}

static struct str run(struct fixture *f, const char *name, const char *args)
{
    struct json_val doc;

    buf_clear(&f->out);
    assert_int_equal(builtin_tool_run(&f->ctx, str_from(name), str_from(args), &f->out, &f->failed), 0);
    assert_int_equal(json_parse(buf_str(&f->out), &doc), 0);
    assert_int_equal(doc.type, JSON_OBJECT);
    return buf_str(&f->out);
}

static void assert_member(struct str doc, const char *key, const char *want)
{
    struct json_val v;

    assert_int_equal(json_parse(doc, &v), 0);
    v = json_get(v, key);
    if (!want) {
        assert_int_equal(v.type, JSON_NONE);
        return;
    }
    assert_int_equal(v.type, JSON_STRING);
    assert_str_is(v.s, want);
}

TEST(definitions_are_what_the_model_wants)
{
    for (uint32_t i = 0; i < builtin_tool_count(); i++) {
        const struct call_tool *t = builtin_tool(i);
        struct json_val schema, member;
        struct json_it it;
        struct str key;

        assert_ptr_equal(builtin_tool_find(t->name), t);
        assert_true(t->description.n > 20);
        assert_int_equal(json_parse(t->parameters, &schema), 0);
        assert_str_is(json_get(schema, "type").s, "object");
        for (it = json_object(json_get(schema, "properties")); json_next(&it, &key, &member);) {
            struct json_val type = json_get(member, "type");

            assert_true(type.type == JSON_ARRAY || str_is(type.s, "string")); /* models write numbers in two ways */
            assert_true(json_get(member, "description").s.n > 5);
        }
        assert_int_equal(it.err, 0);
        /* What is required is there. */
        for (it = json_array(json_get(schema, "required")); json_elem(&it, &member);) {
            char name[64];

            assert_int_equal(str_copy(name, sizeof(name), member.s), 0);
            assert_int_equal(json_get(json_get(schema, "properties"), name).type, JSON_OBJECT);
        }
    }
    assert_null(builtin_tool(builtin_tool_count()));
    assert_int_equal(builtin_tool_find(STR("end_call"))->kind, CALL_TOOL_END);
    assert_int_equal(builtin_tool_find(STR("check_order_status"))->kind, CALL_TOOL_HOST);
    assert_null(builtin_tool_find(STR("")));
}

TEST(orders_come_from_the_records)
{
    struct fixture f;
    struct str out;

    set_up(&f);
    out = run(&f, "check_order_status", "{\"order_number\":\"1001\"}");
    assert_false(f.failed);
    assert_member(out, "order_number", "1001");
    assert_member(out, "status", "shipped");
    assert_member(out, "carrier", "DHL");
    assert_member(out, "estimated_delivery", "November 23");
    out = run(&f, "check_order_status", "{\"order_number\":\"4711\"}");
    assert_member(out, "status", "delivered");
    assert_member(out, "delivered_date", "November 18");
    assert_member(out, "signed_by", "a neighbour");
    out = run(&f, "check_order_status", "{\"order_number\":\"1234\"}");
    assert_member(out, "status", "processing");
    assert_member(out, "carrier", NULL);
    assert_member(out, "detail", "ships within twenty-four hours");
    out = run(&f, "check_order_status", "{\"email\":\" ADA@example.com \"}");
    assert_member(out, "order_number", "1002");
    tear_down(&f);
}

TEST(numbers_are_understood_as_models_write_them)
{
    static const char *const args[] = {"{\"order_number\":1001}", "{\"order_number\":\"#1001\"}",
                                       "{\"order_number\":\"TF-1001\"}", "{\"order_number\":\"order 1 0 0 1\"}",
                                       "{\"order_number\":\"\\u0031001\",\"x\":[1,{}]}"};
    struct fixture f;

    set_up(&f);
    for (size_t i = 0; i < ARRAY_LEN(args); i++) {
        assert_member(run(&f, "check_order_status", args[i]), "status", "shipped");
    }
    tear_down(&f);
}

TEST(an_unknown_order_is_said_and_nothing_is_invented)
{
    struct fixture f;
    struct str out;

    set_up(&f);
    out = run(&f, "check_order_status", "{\"order_number\":\"99999\"}");
    assert_member(out, "status", "not_found");
    assert_member(out, "order_number", "99999");
    assert_false(f.failed);
    out = run(&f, "check_order_status", "{\"email\":\"nobody@example.com\"}");
    assert_member(out, "status", "not_found");
    assert_member(out, "email", "nobody@example.com");
    tear_down(&f);
}

TEST(bad_json_is_an_empty_object)
{
    static const char *const args[] = {"",
                                       "{",
                                       "null",
                                       "[]",
                                       "\"text\"",
                                       "{\"order_number\":}",
                                       "{\"order_number\":null}",
                                       "{\"order_number\":{\"a\":1}}",
                                       "{\"order_number\":\"\"}",
                                       "\xff"};
    struct fixture f;

    set_up(&f);
    for (size_t i = 0; i < ARRAY_LEN(args); i++) {
        struct str out = run(&f, "check_order_status", args[i]);

        assert_member(out, "status", "error");
        assert_member(out, "message", "Please ask for the order number or the e-mail address.");
        assert_true(f.failed);
    }
    tear_down(&f);
}

TEST(a_callback_is_kept_with_its_call)
{
    struct fixture f;
    struct store_callbacks backs;
    const struct store_callback *list;
    struct str out;

    set_up(&f);
    out = run(&f, "schedule_callback",
              "{\"phone_number\":\"+1 (555) 000-1111\",\"reason\":\"a \\\"late\\\" parcel\","
              "\"preferred_time\":\"tomorrow at ten\",\"department\":\"support\"}");
    assert_false(f.failed);
    assert_member(out, "status", "scheduled");
    assert_member(out, "phone_number", "+15550001111");
    assert_member(out, "department", "support");
    assert_member(out, "scheduled_time", "tomorrow at ten");
    assert_int_equal(store_sqlite.callback_list(f.ctx.store, &(struct store_callback_filter){0}, &f.a, &backs), 0);
    list = backs.list;
    assert_int_equal(backs.n, 1);
    assert_int_equal(list[0].id.n, 8);
    assert_true(str_starts(list[0].id, STR("CB")));
    assert_member(out, "callback_id", list[0].id.p);
    assert_str_is(list[0].call_id, "c1");
    assert_str_is(list[0].phone, "+15550001111");
    assert_str_is(list[0].reason, "a \"late\" parcel");
    assert_int_equal(list[0].created_us, WALL_US);
    /* The same random number again: another id is found. */
    out = run(&f, "schedule_callback", "{\"phone_number\":\"5550002222\"}");
    assert_member(out, "department", "general");
    assert_member(out, "scheduled_time", "within 2 business hours");
    assert_member(out, "phone_number", "5550002222");
    assert_int_equal(store_sqlite.callback_list(f.ctx.store, &(struct store_callback_filter){0}, &f.a, &backs), 0);
    list = backs.list;
    assert_int_equal(backs.n, 2);
    assert_false(str_eq(list[0].id, list[1].id));
    tear_down(&f);
}

TEST(a_callback_needs_a_telephone_number)
{
    static const struct {
        const char *args;
        const char *message;
    } cases[] = {
        {"{}", "Please ask for the telephone number."},
        {"{\"phone_number\":\"\"}", "Please ask for the telephone number."},
        {"{\"phone_number\":\"12345\"}", "That is not a complete telephone number. Please ask again."},
        {"{\"phone_number\":\"call me\"}", "That is not a complete telephone number. Please ask again."},
        {"{\"phone_number\":\"12345678901234567890123456789\"}",
         "That is not a complete telephone number. Please ask again."},
    };
    struct fixture f;

    set_up(&f);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str out = run(&f, "schedule_callback", cases[i].args);

        assert_member(out, "status", "error");
        assert_member(out, "message", cases[i].message);
        assert_true(f.failed);
    }
    tear_down(&f);
}

TEST(the_end_is_worded)
{
    struct fixture f;
    struct str out;

    set_up(&f);
    out = run(&f, "end_call", "{\"reason\":\"all done\"}");
    assert_member(out, "status", "call_ending");
    assert_member(out, "reason", "all done");
    assert_member(run(&f, "end_call", "garbage"), "reason", "conversation complete");
    tear_down(&f);
}

TEST(an_unknown_function_is_named)
{
    struct fixture f;
    char name[400];

    set_up(&f);
    assert_str_is(run(&f, "order_pizza", "{}"), "{\"error\":\"Unknown function: order_pizza\"}");
    assert_true(f.failed);
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    assert_true(run(&f, name, "{}").n < 120);
    tear_down(&f);
}

TEST(arguments_are_bounded)
{
    struct fixture f;
    struct buf args;

    set_up(&f);
    buf_init(&args, 1 << 20);
    buf_puts(&args, "{\"phone_number\":\"5550001111\",\"reason\":\"");
    for (int i = 0; i < BUILTIN_MAX_TEXT_BYTES + 1; i++) {
        buf_putc(&args, 'r');
    }
    buf_puts(&args, "\"}");
    assert_member(run(&f, "schedule_callback", buf_cstr(&args)), "status", "error");
    buf_clear(&args);
    buf_puts(&args, "{\"x\":\"");
    for (int i = 0; i < BUILTIN_MAX_ARGS_BYTES; i++) {
        buf_putc(&args, 'r');
    }
    buf_puts(&args, "\"}");
    assert_member(run(&f, "end_call", buf_cstr(&args)), "status", "error");
    buf_done(&args);
    tear_down(&f);
}

TEST(an_output_without_room_is_an_error)
{
    struct fixture f;
    struct buf small;

    set_up(&f);
    buf_init(&small, 16);
    assert_int_equal(builtin_tool_run(&f.ctx, STR("end_call"), STR("{}"), &small, &f.failed), -ERR_TOO_BIG);
    buf_done(&small);
    tear_down(&f);
}

static int broken_order_get(struct store *s, struct str number, struct str email, struct arena *a,
                            struct store_order *ret)
{
    return -EIO;
}

TEST(a_broken_store_gives_the_model_something_to_say)
{
    struct fixture f;
    struct store_ops broken = store_sqlite;

    set_up(&f);
    broken.order_get = broken_order_get;
    f.ctx.ops = &broken;
    buf_clear(&f.out);
    assert_int_equal(
        builtin_tool_run(&f.ctx, STR("check_order_status"), STR("{\"order_number\":\"1\"}"), &f.out, &f.failed), -EIO);
    assert_true(f.failed);
    assert_member(buf_str(&f.out), "message", "The records cannot be reached at the moment.");
    tear_down(&f);
}

#define LIT(lit)                                                                                                       \
    {                                                                                                                  \
        (lit), sizeof(lit) - 1                                                                                         \
    }

static const struct builtin_concierge demo = {.name = LIT("Demo Restaurant"),
                                              .phone = LIT("+1234567890"),
                                              .address = LIT("123 Demo Street, San Francisco"),
                                              .cuisine = LIT("Italian")};

#define TABLE                                                                                                          \
    "\"restaurant_name\":\"Demo Restaurant\",\"date\":\"2026-12-24\",\"time\":\"19:30\",\"customer_name\":\"Ada\""

TEST(find_restaurant_always_answers)
{
    static const char *const args[] = {"{\"restaurant_name\":\"Chez Nous\"}", "{}", "no json"};
    struct fixture f;
    set_up(&f);
    f.ctx.concierge = &demo;
    for (size_t i = 0; i < ARRAY_LEN(args); i++) {
        assert_str_is(
            run(&f, "find_restaurant", args[i]),
            "{\"status\":\"found\",\"restaurant\":{\"name\":\"Demo Restaurant\",\"phone_number\":\"+1234567890\","
            "\"address\":\"123 Demo Street, San Francisco\",\"cuisine\":\"Italian\"}}");
        assert_false(f.failed);
    }
    tear_down(&f);
}

TEST(without_an_account_a_reservation_is_simulated_and_says_so)
{
    struct fixture f;
    struct store_call call;
    set_up(&f);
    f.ctx.concierge = &demo;
    struct str out = run(&f, "initiate_reservation_call", "{" TABLE ",\"party_size\":4}");
    assert_false(f.failed);
    assert_member(out, "status", "confirmed");
    assert_member(out, "confirmation_number", "DEMO-SIM-1795266000");
    assert_has(out, "\"call_duration\":2");
    assert_has(out, "\"message\":\"Simulated:");
    assert_has(out, "\"party_size\":4,\"date\":\"2026-12-24\",\"time\":\"19:30\",\"user_name\":\"Ada\","
                    "\"user_phone\":null,\"special_requests\":null");
    assert_member(out, "timestamp", "2026-11-21T13:00:00Z");
    /* The call's record has the number. */
    assert_int_equal(store_sqlite.call_get(f.ctx.store, STR("c1"), &f.a, &call), 0);
    assert_str_is(call.confirmation, "DEMO-SIM-1795266000");
    tear_down(&f);
}

TEST(a_reservation_lacks_nothing_and_is_for_somebody)
{
    static const struct {
        const char *args, *why;
    } cases[] = {
        {"{}", "Please ask for the name of the restaurant."},
        {"{" TABLE "}", "Please ask for how many people it is."},
        {"{" TABLE ",\"party_size\":0}", "The party size must be a whole number above 0."},
        {"{" TABLE ",\"party_size\":-2}", "The party size must be a whole number above 0."},
        {"{" TABLE ",\"party_size\":2.5}", "The party size must be a whole number above 0."},
        {"{" TABLE ",\"party_size\":\"many\"}", "The party size must be a whole number above 0."},
        {"{\"restaurant_name\":\"x\",\"party_size\":2,\"time\":\"19:30\"}", "Please ask for the date."},
        {"{\"restaurant_name\":\"x\",\"party_size\":2,\"date\":\"today\"}", "Please ask for the time."},
    };
    struct fixture f;
    set_up(&f);
    f.ctx.concierge = &demo;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str out = run(&f, "initiate_reservation_call", cases[i].args);
        assert_true(f.failed);
        assert_member(out, "message", cases[i].why);
        f.failed = false;
    }
    tear_down(&f);
}

TEST(with_an_account_nobody_pretends_to_have_called)
{
    struct builtin_concierge real = demo;
    struct fixture f;
    struct store_call call;
    set_up(&f);
    f.ctx.concierge = &real;
    real.has_account = true;
    struct str out = run(&f, "initiate_reservation_call", "{" TABLE ",\"party_size\":2}");
    assert_member(out, "message", "Calls cannot be placed: PUBLIC_DOMAIN (server.public_url) is not set.");
    real.has_public_url = true;
    out = run(&f, "initiate_reservation_call", "{" TABLE ",\"party_size\":2}");
    assert_true(f.failed);
    assert_member(out, "message", "Calls cannot be placed from here. Nothing was booked.");
    assert_int_equal(store_sqlite.call_get(f.ctx.store, STR("c1"), &f.a, &call), 0);
    assert_str_is(call.confirmation, "");
    tear_down(&f);
}

TEST_MAIN(T(find_restaurant_always_answers), T(without_an_account_a_reservation_is_simulated_and_says_so),
          T(a_reservation_lacks_nothing_and_is_for_somebody), T(with_an_account_nobody_pretends_to_have_called),
          T(definitions_are_what_the_model_wants), T(orders_come_from_the_records),
          T(numbers_are_understood_as_models_write_them), T(an_unknown_order_is_said_and_nothing_is_invented),
          T(bad_json_is_an_empty_object), T(a_callback_is_kept_with_its_call), T(a_callback_needs_a_telephone_number),
          T(the_end_is_worded), T(an_unknown_function_is_named), T(arguments_are_bounded),
          T(an_output_without_room_is_an_error), T(a_broken_store_gives_the_model_something_to_say))
