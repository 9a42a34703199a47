/* Campaigns over HTTP: what is taken, what is refused and with which status, who may ask. */
#include "gateway/rig.h"

#include <stdio.h>

#include "base/err.h"

/* One request; wants this status and these words in the answer. */
static struct rig_reply ask(struct rig *r, const char *method, const char *path, const char *body, int want,
                            const char *words)
{
    struct rig_reply reply = rig_http(r, method, path, "", body);
    if (reply.status != want || str_search(buf_str(&reply.body), str_from(words)) == SIZE_MAX) {
        fail_msg("%s %s: %d " STR_FMT ", not %d with %s", method, path, reply.status, STR_ARG(buf_str(&reply.body)),
                 want, words);
    }
    return reply;
}

static void look(struct rig *r, const char *method, const char *path, const char *body, int want, const char *words)
{
    struct rig_reply reply = ask(r, method, path, body, want, words);
    buf_done(&reply.body);
}

struct fixture {
    struct rig r;
    char id[80];
};

static const char *path_of(const struct fixture *f, const char *verb)
{
    static char path[256];
    ignore_result(snprintf(path, sizeof(path), "/v1/campaigns/%s%s", f->id, verb) < 0);
    return path;
}

/* A campaign whose hours are over before they begin: nobody is ever called here. */
static void set_up(struct fixture *f, const struct rig_opts *o)
{
    rig_open(&f->r, o ? o : &(struct rig_opts){0});
    struct rig_reply reply =
        ask(&f->r, "POST", "/v1/campaigns",
            "{\"name\":\"Spring\",\"run_end\":\"2001-01-01T00:00:00Z\",\"timezone\":\"Europe/Berlin\"}", 201,
            "\"status\":\"draft\"");
    assert_ok(str_copy(f->id, sizeof(f->id), rig_json(&reply, "campaign_id")));
    buf_done(&reply.body);
}

TEST(a_campaign_is_made_filled_started_and_watched)
{
    struct fixture f;
    set_up(&f, NULL);
    look(&f.r, "GET", path_of(&f, ""), NULL, 200,
         "\"timezone\":\"Europe/Berlin\",\"window\":{\"start\":\"09:00\",\"end\":\"17:00\"");
    look(&f.r, "POST", path_of(&f, "/contacts"),
         "name,phone_number,timezone\nAda,+1 415 555 0100,\nBen,no "
         "number,\nCleo,+442079460018,Europe/London\nDan,+14155550101,Mars/X\n",
         200, "{\"added\":2,\"existing\":0,\"refused\":2,\"errors\":[{\"line\":3,\"error\":\"its phone number is none");
    look(&f.r, "POST", path_of(&f, "/contacts"), "phone\n+14155550100\n", 200,
         "{\"added\":0,\"existing\":1,\"refused\":0");
    look(&f.r, "GET", path_of(&f, "/contacts"), NULL, 200, "{\"total\":2,\"contacts\":[{\"contact_id\":");
    look(&f.r, "GET", path_of(&f, "/contacts?state=pending&limit=1&offset=1"), NULL, 200, "\"name\":\"Cleo\"");
    look(&f.r, "GET", path_of(&f, "/contacts?state=failed"), NULL, 200, "{\"total\":0,\"contacts\":[]}");
    look(&f.r, "POST", path_of(&f, "/start"), NULL, 200, "\"status\":\"running\"");
    look(&f.r, "POST", path_of(&f, "/start"), NULL, 409, "runs already");
    look(&f.r, "GET", "/v1/campaigns?status=running", NULL, 200, "{\"total\":1,\"campaigns\":[{");
    look(&f.r, "GET", "/v1/campaigns?status=draft", NULL, 200, "{\"total\":0,");
    look(&f.r, "GET", path_of(&f, "/progress"), NULL, 200, "\"contacts\":2,\"attempts\":0,\"states\":{\"pending\":2,");
    look(&f.r, "PUT", path_of(&f, ""), "{\"name\":\"Summer\"}", 409, "pause it first");
    look(&f.r, "DELETE", path_of(&f, ""), NULL, 409, "stop it first");
    look(&f.r, "POST", path_of(&f, "/pause"), NULL, 200, "\"status\":\"paused\"");
    look(&f.r, "PUT", path_of(&f, ""), "{\"name\":\"Summer\"}", 200, "\"name\":\"Summer\"");
    look(&f.r, "POST", path_of(&f, "/pause"), NULL, 409, "does not run");
    look(&f.r, "POST", path_of(&f, "/stop"), NULL, 200, "\"status\":\"stopped\"");
    look(&f.r, "POST", path_of(&f, "/archive"), NULL, 200, "\"status\":\"archived\"");
    look(&f.r, "POST", path_of(&f, "/start"), NULL, 409, "archived");
    look(&f.r, "DELETE", path_of(&f, ""), NULL, 200, "{\"deleted\":true}");
    look(&f.r, "GET", path_of(&f, ""), NULL, 404, "Campaign not found");
    rig_close(&f.r, false);
}

TEST(contacts_are_put_back_and_taken_out_by_hand)
{
    struct fixture f;
    char body[64];
    set_up(&f, NULL);
    look(&f.r, "POST", path_of(&f, "/contacts"), "phone\n+14155550100\n", 200, "\"added\":1");
    struct rig_reply reply = ask(&f.r, "GET", path_of(&f, "/contacts"), NULL, 200, "+14155550100");
    const char *at = strstr(buf_cstr(&reply.body), "\"contact_id\":");
    assert_non_null(at);
    ignore_result(snprintf(body, sizeof(body), "{%.*s}", (int)strcspn(at, ","), at) < 0);
    buf_done(&reply.body);
    look(&f.r, "POST", path_of(&f, "/cancel"), body, 200, "\"state\":\"canceled\"");
    look(&f.r, "GET", path_of(&f, "/contacts?state=canceled"), NULL, 200, "\"total\":1");
    look(&f.r, "POST", path_of(&f, "/redial"), body, 200, "\"state\":\"pending\"");
    look(&f.r, "POST", path_of(&f, "/redial"), "{\"contact_id\":999999}", 404, "Contact not found");
    look(&f.r, "POST", path_of(&f, "/redial"), "{}", 400, "contact_id");
    look(&f.r, "GET", path_of(&f, "/attempts"), NULL, 200, "{\"total\":0,\"attempts\":[]}");
    rig_close(&f.r, false);
}

TEST(what_cannot_be_is_refused_in_words)
{
    static const struct {
        const char *method, *path, *body;
        int status;
        const char *words;
    } cases[] = {
        {"POST", "/v1/campaigns", "", 400, "one JSON object"},
        {"POST", "/v1/campaigns", "{\"name\":\"x\",\"max_concurent\":3}", 400,
         "there is no setting \\\"max_concurent\\\""},
        {"POST", "/v1/campaigns", "{\"name\":\"x\",\"timezone\":\"Mars/Crater\"}", 400, "is not known"},
        {"POST", "/v1/campaigns", "{\"name\":\"x\",\"retry\":{\"unknown\":5}}", 400, "retry must be"},
        {"POST", "/v1/campaigns", "\xff\xfe", 400, "one JSON object"},
        {"GET", "/v1/campaigns?status=asleep", NULL, 400, "status must be draft"},
        {"GET", "/v1/campaigns?limit=0", NULL, 400, "limit"},
        {"GET", "/v1/campaigns/nobody", NULL, 404, "Campaign not found"},
        {"GET", "/v1/campaigns/nobody/contacts", NULL, 404, "Campaign not found"},
        {"GET", "/v1/campaigns/nobody/progress", NULL, 404, "Campaign not found"},
        {"POST", "/v1/campaigns/nobody/start", NULL, 404, "Campaign not found"},
        {"POST", "/v1/campaigns/nobody/contacts", "phone\n+14155550100\n", 404, "Campaign not found"},
        {"DELETE", "/v1/campaigns/nobody", NULL, 404, "Campaign not found"},
        {"PATCH", "/v1/campaigns/nobody", NULL, 405, "takes GET, PUT, DELETE"},
        {"POST", "/v1/do-not-call", "{\"phone_number\":\"nobody\"}", 400, "\\\"nobody\\\" is no telephone number"},
        {"POST", "/v1/do-not-call", "{\"reason\":\"asked\"}", 400, "The body must be"},
        {"DELETE", "/v1/do-not-call?phone=12", NULL, 400, "\\\"12\\\" is no telephone number"},
        {"POST", "/v1/do-not-call", "[]", 400, "phone_number"},
        {"DELETE", "/v1/do-not-call", NULL, 400, "phone must be"},
        {"DELETE", "/v1/do-not-call?phone=%2B14155550100", NULL, 404, "not on the list"},
    };
    struct fixture f;
    set_up(&f, NULL);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        look(&f.r, cases[i].method, cases[i].path, cases[i].body, cases[i].status, cases[i].words);
    }
    look(&f.r, "GET", path_of(&f, "/contacts?state=asleep"), NULL, 400, "state must be pending");
    look(&f.r, "POST", path_of(&f, "/contacts"), "name\nAda\n", 400, "among them phone_number");
    look(&f.r, "POST", path_of(&f, "/contacts"), "", 400, "empty");
    rig_close(&f.r, false);
}

TEST(numbers_are_kept_from_being_called)
{
    struct fixture f;
    set_up(&f, NULL);
    look(&f.r, "POST", "/v1/do-not-call", "{\"phone_number\":\"+1 (415) 555-0100\",\"reason\":\"asked\"}", 201,
         "{\"phone_number\":\"+14155550100\"}");
    look(&f.r, "GET", "/v1/do-not-call", NULL, 200,
         "{\"total\":1,\"numbers\":[{\"phone_number\":\"+14155550100\",\"reason\":\"asked\"");
    look(&f.r, "DELETE", "/v1/do-not-call?phone=%2B14155550100", NULL, 200, "deleted");
    look(&f.r, "GET", "/v1/do-not-call", NULL, 200, "{\"total\":0,\"numbers\":[]}");
    rig_close(&f.r, false);
}

TEST(only_who_has_a_token_may_ask)
{
    static const char *const paths[] = {"/v1/campaigns", "/v1/campaigns/x", "/v1/campaigns/x/contacts",
                                        "/v1/do-not-call"};
    struct rig r;
    rig_open(&r, &(struct rig_opts){.tokens = "right"});
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        struct rig_reply reply = rig_http(&r, "GET", paths[i], "Authorization: Bearer wrong\r\n", NULL);
        assert_int_equal(reply.status, 401);
        buf_done(&reply.body);
        reply = rig_http(&r, "GET", paths[i], "X-Forwarded-For: 192.0.2.1\r\n", NULL);
        assert_int_equal(reply.status, 401);
        buf_done(&reply.body);
    }
    struct rig_reply reply = rig_http(&r, "GET", "/v1/campaigns", "Authorization: Bearer right\r\n", NULL);
    assert_int_equal(reply.status, 200);
    buf_done(&reply.body);
    rig_close(&r, false);
}

/* The carrier is not configured: nobody is called, the campaign rests and says why. */
TEST(a_campaign_that_cannot_dial_is_paused_with_the_reason)
{
    struct rig r;
    char path[160];
    rig_open(&r, &(struct rig_opts){0});
    struct rig_reply reply =
        ask(&r, "POST", "/v1/campaigns", "{\"name\":\"x\",\"window\":{\"start\":\"00:00\",\"end\":\"24:00\"}}", 201,
            "campaign_id");
    struct str id = rig_json(&reply, "campaign_id");
    ignore_result(snprintf(path, sizeof(path), "/v1/campaigns/" STR_FMT, STR_ARG(id)) < 0);
    char verb[200];
    ignore_result(snprintf(verb, sizeof(verb), "%s/contacts", path) < 0);
    look(&r, "POST", verb, "phone\n+14155550100\n", 200, "\"added\":1");
    ignore_result(snprintf(verb, sizeof(verb), "%s/start", path) < 0);
    look(&r, "POST", verb, NULL, 200, "running");
    buf_done(&reply.body);
    bool paused = false;
    for (int i = 0; i < 500 && !paused; i++) {
        settle(r.loop);
        reply = rig_http(&r, "GET", path, "", NULL);
        paused = str_is(rig_json(&reply, "status"), "paused");
        if (paused) {
            assert_true(rig_json(&reply, "note").n > 10);
            assert_str_is(rig_json(&reply, "progress.states.pending"), "1");
        }
        buf_done(&reply.body);
    }
    assert_true(paused);
    rig_close(&r, false);
}

TEST_MAIN(T(a_campaign_is_made_filled_started_and_watched), T(contacts_are_put_back_and_taken_out_by_hand),
          T(what_cannot_be_is_refused_in_words), T(numbers_are_kept_from_being_called), T(only_who_has_a_token_may_ask),
          T(a_campaign_that_cannot_dial_is_paused_with_the_reason))
