/* What send_sms, transfer_call and send_dtmf ask of the host, and how the model is answered. */
#include "numbers/number.h"
#include "tools/builtin/wish.h"

#include "base/err.h"
#include "base/json_schema.h"
#include "test.h"
#include "tools/builtin/builtin.h"

#define LIT(lit)                                                                                                       \
    {                                                                                                                  \
        (lit), sizeof(lit) - 1                                                                                         \
    }

static const struct builtin_department departments[] = {
    {LIT("sales"), LIT("+15550000001")},
    {LIT("Support"), LIT("+15550000002")},
    {LIT("tech support"), LIT("sip:tech@pbx.example.com")},
};
static const struct builtin_wish_ctx ctx = {departments, ARRAY_LEN(departments), LIT("US")};

struct fixture {
    struct arena a;
    struct buf out;
    struct builtin_wish wish;
};

static void set_up(struct fixture *f)
{
    arena_init(&f->a, 1u << 20);
    buf_init(&f->out, 1u << 16);
}

static void tear_down(struct fixture *f)
{
    arena_done(&f->a);
    buf_done(&f->out);
}

static int ask(struct fixture *f, const char *tool, const char *args)
{
    buf_clear(&f->out);
    return builtin_wish_read(&ctx, str_from(tool), str_from(args), &f->a, &f->wish, &f->out);
}

static void assert_refused(struct fixture *f, const char *tool, const char *args, const char *why)
{
    assert_err(ask(f, tool, args), EINVAL);
    if (str_search(buf_str(&f->out), str_from(why)) == SIZE_MAX ||
        !str_starts(buf_str(&f->out), STR("{\"status\":\"error\",\"message\":\""))) {
        fail_msg("%s: " STR_FMT, args, STR_ARG(buf_str(&f->out)));
    }
}

TEST(a_text_message_has_a_number_and_words)
{
    struct fixture f;
    set_up(&f);
    assert_ok(ask(&f, "send_sms", "{\"phone_number\":\"(555) 000-1111\",\"message\":\" Your code \\u00e9 \"}"));
    assert_int_equal(f.wish.kind, BUILTIN_WISH_SMS);
    assert_str_is(f.wish.to, "+15550001111");
    assert_str_is(f.wish.text, "Your code \xc3\xa9");
    if (str_starts(str_from(phone_number_source()), STR("libphonenumber"))) {
        assert_ok(ask(&f, "send_sms", "{\"phone_number\":\"+49 (0) 30 901820\",\"message\":\"x\"}"));
        assert_str_is(f.wish.to, "+4930901820");
    }
    assert_refused(&f, "send_sms", "{\"message\":\"x\"}", "Please ask for the telephone number.");
    assert_refused(&f, "send_sms", "not json", "Please ask for the telephone number.");
    assert_refused(&f, "send_sms", "{\"phone_number\":\"911\",\"message\":\"x\"}", "not a complete telephone number");
    assert_refused(&f, "send_sms", "{\"phone_number\":\"5550001111\"}", "The message is empty.");
    tear_down(&f);
}

TEST(long_messages_are_for_the_carrier_up_to_its_limit)
{
    struct fixture f;
    struct buf args;
    set_up(&f);
    for (size_t n = 1500; n <= 1700; n += 200) {
        buf_init(&args, 1u << 16);
        buf_puts(&args, "{\"phone_number\":\"+15550001111\",\"message\":\"");
        for (size_t i = 0; i < n; i++) {
            buf_putc(&args, 'x');
        }
        buf_puts(&args, "\"}");
        if (n < 1600) {
            assert_ok(ask(&f, "send_sms", buf_cstr(&args)));
            assert_int_equal(f.wish.text.n, n);
        } else {
            assert_refused(&f, "send_sms", buf_cstr(&args), "Please shorten it.");
        }
        buf_done(&args);
    }
    tear_down(&f);
}

TEST(what_became_of_a_message_is_told_in_words)
{
    static const struct {
        struct carrier_result r;
        const char *want;
    } cases[] = {
        {{.id = LIT("SM1"), .state = LIT("queued"), .status = 201},
         "{\"status\":\"sent\",\"phone_number\":\"+15550001111\",\"message_preview\":"
         "\"0123456789012345678901234567890123456789012345678\xc3\xa9...\",\"confirmation_id\":\"SM1\"}"},
        {{.err = -ERR_HTTP, .status = 400, .code = 21610, .message = LIT("Blocked \"by\" them")},
         "{\"status\":\"error\",\"message\":\"The carrier refused the message: Blocked \\\"by\\\" them (error "
         "21610)\"}"},
        {{.err = -ERR_HTTP, .status = 502},
         "{\"status\":\"error\",\"message\":\"The carrier refused the message with status 502\"}"},
        {{.err = -ETIMEDOUT},
         "{\"status\":\"error\",\"message\":\"The carrier cannot be reached; it is not known whether the message was "
         "sent\"}"},
    };
    const struct builtin_wish wish = {
        .to = LIT("+15550001111"), .text = LIT("0123456789012345678901234567890123456789012345678\xc3\xa9 and more")};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fixture f;
        set_up(&f);
        assert_int_equal(builtin_put_sms_result(&f.out, &wish, &cases[i].r), cases[i].r.err >= 0);
        assert_str_is(buf_str(&f.out), cases[i].want);
        tear_down(&f);
    }
}

TEST(departments_are_found_as_people_say_them)
{
    static const struct {
        const char *said, *name;
    } cases[] = {
        {"sales", "sales"},     {"SALES", "sales"},     {"the sales team", "sales"},
        {"support", "Support"}, {"Support", "Support"}, {"tech support", "tech support"},
    };
    struct fixture f;
    set_up(&f);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf args;
        buf_init(&args, 256);
        buf_printf(&args, "{\"department\":\"%s\",\"reason\":\"x\"}", cases[i].said);
        assert_ok(ask(&f, "transfer_call", buf_cstr(&args)));
        assert_str_is(f.wish.name, cases[i].name);
        buf_done(&args);
    }
    assert_str_is(f.wish.to, "sip:tech@pbx.example.com");
    tear_down(&f);
}

TEST(an_unknown_department_is_answered_with_the_known_ones)
{
    static const struct builtin_wish_ctx none = {NULL, 0, LIT("US")};
    struct fixture f;
    set_up(&f);
    assert_refused(&f, "transfer_call", "{\"department\":\"billing\"}",
                   "There is no department \\\"billing\\\". The departments are: sales, Support or tech support.");
    assert_refused(&f, "transfer_call", "{}",
                   "Please ask for the department. They are: sales, Support or tech support.");
    /* Ambiguous: both are named. */
    assert_refused(&f, "transfer_call", "{\"department\":\"sales or support\"}", "There is no department");
    assert_refused(&f, "transfer_call", "{\"department\":\"salesman\"}", "There is no department");
    buf_clear(&f.out);
    assert_err(builtin_wish_read(&none, STR("transfer_call"), STR("{}"), &f.a, &f.wish, &f.out), EINVAL);
    assert_str_is(buf_str(&f.out), "{\"status\":\"error\",\"message\":\"Transfers are not configured: there are no "
                                   "departments.\"}");
    tear_down(&f);
}

TEST(the_parameters_of_a_transfer_name_the_departments)
{
    struct fixture f;
    struct json_schema *schema = NULL;
    set_up(&f);
    builtin_put_transfer_parameters(&f.out, &ctx);
    assert_ok(f.out.err);
    assert_has(buf_str(&f.out), "Who should take the call: sales, Support or tech support");
    assert_ok(json_schema_new(buf_str(&f.out), NULL, NULL, NULL, &schema));
    json_schema_free(schema);
    tear_down(&f);
}

TEST(keys_are_cleaned_of_what_people_put_between_them)
{
    struct fixture f;
    set_up(&f);
    assert_ok(ask(&f, "send_dtmf", "{\"digits\":\"1 2-3,#\"}"));
    assert_int_equal(f.wish.kind, BUILTIN_WISH_KEYS);
    assert_str_is(f.wish.text, "123w#");
    assert_ok(ask(&f, "send_dtmf", "{\"digits\":4711}"));
    assert_str_is(f.wish.text, "4711");
    assert_refused(&f, "send_dtmf", "{}", "Which keys?");
    assert_refused(&f, "send_dtmf", "{\"digits\":\" - - \"}", "Which keys?");
    assert_refused(&f, "send_dtmf", "{\"digits\":\"123456789012345678901234567890123\"}", "too many keys");
    tear_down(&f);
}

TEST(only_three_tools_are_wishes)
{
    struct fixture f;
    set_up(&f);
    assert_int_equal(builtin_wish_kind(STR("send_sms")), BUILTIN_WISH_SMS);
    assert_int_equal(builtin_wish_kind(STR("transfer_call")), BUILTIN_WISH_TRANSFER);
    assert_int_equal(builtin_wish_kind(STR("send_dtmf")), BUILTIN_WISH_KEYS);
    assert_int_equal(builtin_wish_kind(STR("check_order_status")), BUILTIN_WISH_NONE);
    assert_refused(&f, "end_call", "{}", "There is no such tool.");
    for (uint32_t i = 0; i < builtin_tool_count(); i++) { /* every description can be told to a model */
        struct json_schema *schema = NULL;
        assert_ok(json_schema_new(builtin_tool(i)->parameters, NULL, NULL, NULL, &schema));
        json_schema_free(schema);
    }
    tear_down(&f);
}

TEST_MAIN(T(a_text_message_has_a_number_and_words), T(long_messages_are_for_the_carrier_up_to_its_limit),
          T(what_became_of_a_message_is_told_in_words), T(departments_are_found_as_people_say_them),
          T(an_unknown_department_is_answered_with_the_known_ones),
          T(the_parameters_of_a_transfer_name_the_departments), T(keys_are_cleaned_of_what_people_put_between_them),
          T(only_three_tools_are_wishes))
