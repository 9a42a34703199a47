/* Sessions as another program uses them, against a sandbox of its own. */
#include <pthread.h>

#include "rig.h"

/* A runner with one agent and one tool; all else is freed. */
static struct rt_runner *runner_with(struct rt_tool *tool)
{
    struct rt_agent *a = make_agent("helper");
    if (tool) {
        assert_int_equal(rt_agent_add_tool(a, tool), 0);
        rt_tool_free(tool);
    }
    struct rt_runner *r = make_runner(a, NULL);
    rt_agent_free(a);
    return r;
}

/* ---- connecting ---- */

static void nothing_is_connected_before_connect(void **state)
{
    struct rt_runner *r = runner_with(NULL);
    struct rt_session *s = make_session(r, &sandbox, NULL);
    struct rt_event *e = NULL;
    (void)state;
    assert_int_equal(rt_session_send_message(s, "Hello"), -RT_ERR_CLOSED);
    assert_int_equal(rt_session_send_audio(s, "\0\0", 2, 0), -RT_ERR_CLOSED);
    assert_int_equal(rt_session_interrupt(s), -RT_ERR_CLOSED);
    assert_int_equal(rt_session_generate_response(s), -RT_ERR_CLOSED);
    assert_int_equal(rt_session_approve(s, "x", 0), -RT_ERR_CLOSED);
    assert_int_equal(rt_session_next_event(s, 0, &e), 0);
    assert_int_equal(rt_runner_free(r), -RT_ERR_STATE); /* a session is left */
    done(s, r);
}

static void a_second_connect_is_refused(void **state)
{
    struct rt_runner *r = runner_with(NULL);
    struct rt_session *s = make_session(r, &sandbox, NULL);
    (void)state;
    assert_int_equal(rt_session_connect(s), 0);
    assert_true(strlen(rt_session_id(s)) > 8);
    struct rt_event *e = await_event(s, RT_EVENT_HISTORY_UPDATED); /* the first one comes by itself */
    assert_int_equal(rt_history_count(e->history), 0);
    rt_event_free(e);
    assert_int_equal(rt_session_connect(s), -RT_ERR_STATE);
    assert_non_null(strstr(rt_session_error(s), "connected already"));
    assert_int_equal(rt_session_close(s), 0);
    assert_int_equal(rt_session_connect(s), -RT_ERR_STATE);
    done(s, r);
}

static void *connect_it(void *arg)
{
    return (void *)(intptr_t)rt_session_connect(arg);
}

static void of_concurrent_connects_one_wins(void **state)
{
    struct rt_runner *r = runner_with(NULL);
    struct rt_session *s = make_session(r, &sandbox, NULL);
    pthread_t threads[4];
    int good = 0, refused = 0;
    (void)state;
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, connect_it, s), 0);
    }
    for (int i = 0; i < 4; i++) {
        void *result = NULL;
        pthread_join(threads[i], &result);
        good += (intptr_t)result == 0;
        refused += (intptr_t)result == -RT_ERR_STATE;
    }
    assert_int_equal(good, 1);
    assert_int_equal(refused, 3);
    char *sessions = sandbox_get(&sandbox, "/sandbox/sessions");
    assert_non_null(strstr(sessions, "session_id"));
    free(sessions);
    done(s, r);
}

static int no_key(struct rt_text *out, void *arg)
{
    (void)out;
    (void)arg;
    return -EACCES;
}

static int good_key(struct rt_text *out, void *arg)
{
    ++*(int *)arg;
    return rt_text_put(out, "the-right-key");
}

static void a_refused_key_is_told_once_and_another_try_may_follow(void **state)
{
    static const char *const locked[] = {"--canned", "--key", "the-right-key", NULL};
    struct rt_runner *r = runner_with(NULL);
    struct sandbox own;
    struct rt_session_opts o;
    struct rt_session *s;
    int asked = 0;
    (void)state;
    sandbox_start(&own, locked);
    rt_session_opts_init(&o);
    o.api_key = "a-wrong-key";
    s = make_session(r, &own, &o);
    assert_int_equal(rt_session_connect(s), -RT_ERR_AUTH);
    assert_true(strlen(rt_session_error(s)) > 0);
    assert_int_equal(rt_session_connect(s), -RT_ERR_AUTH);
    assert_int_equal(rt_session_free(s), 0);
    o.api_key = NULL;
    o.api_key_fn = no_key;
    s = make_session(r, &own, &o);
    assert_int_equal(rt_session_connect(s), -EACCES);
    assert_int_equal(rt_session_free(s), 0);
    o.api_key_fn = good_key;
    o.api_key_arg = &asked;
    s = make_session(r, &own, &o);
    assert_int_equal(rt_session_connect(s), 0);
    assert_int_equal(asked, 1);
    done(s, r);
    sandbox_stop(&own);
}

static void headers_stand_in_place_of_the_authorization(void **state)
{
    static const char *const locked[] = {"--canned", "--key", "the-right-key", NULL};
    const struct rt_header good = {"api-key", "the-right-key"}, other = {"X-Else", "1"};
    struct rt_runner *r = runner_with(NULL);
    struct sandbox own;
    struct rt_session_opts o;
    (void)state;
    sandbox_start(&own, locked);
    rt_session_opts_init(&o);
    o.api_key = "the-right-key";
    o.headers = &other;
    o.header_count = 1;
    struct rt_session *s = make_session(r, &own, &o);
    assert_int_equal(rt_session_connect(s), -RT_ERR_AUTH); /* the key is not sent */
    assert_int_equal(rt_session_free(s), 0);
    o.headers = &good;
    s = make_session(r, &own, &o);
    assert_int_equal(rt_session_connect(s), 0);
    done(s, r);
    sandbox_stop(&own);
}

static void a_service_that_is_not_there_is_an_error(void **state)
{
    struct rt_runner *r = runner_with(NULL);
    struct rt_session_opts o;
    (void)state;
    rt_session_opts_init(&o);
    o.url = "ws://127.0.0.1:1/v1/realtime";
    o.connect_ms = 3000;
    struct rt_session *s = make_session(r, &sandbox, &o);
    int err = rt_session_connect(s);
    assert_true(err == -ECONNREFUSED || err == -ETIMEDOUT);
    assert_true(strlen(rt_session_error(s)) > 0);
    done(s, r);
}

/* ---- talking ---- */

static void a_text_is_answered_in_order(void **state)
{
    int count = 0;
    struct rt_runner *r = runner_with(make_lookup(answer_sunny, &count));
    struct rt_session *s = make_session(r, &sandbox, NULL);
    struct rt_usage usage = {.struct_size = sizeof(usage)};
    struct rt_history *h = NULL;
    (void)state;
    assert_int_equal(rt_session_connect(s), 0);
    assert_int_equal(rt_session_send_message(s, "Please look it up"), 0);
    char *names = names_until(s, RT_EVENT_TOOL_END);
    const char *start = strstr(names, "agent_start"), *tool = strstr(names, "tool_start"),
               *end = strstr(names, "tool_end");
    assert_true(start && tool && end && start < tool && tool < end);
    free(names);
    struct rt_event *e = NULL;
    do { /* the answer to the tool's result */
        e = await_event(s, RT_EVENT_TRANSCRIPT_DONE);
        int last = strstr(e->text, "It is sunny") != NULL;
        rt_event_free(e);
        if (last) {
            break;
        }
    } while (1);
    pass_event(s, RT_EVENT_AGENT_END);
    assert_int_equal(count, 1);
    assert_int_equal(rt_session_usage(s, &usage), 0);
    assert_true(usage.responses >= 2 && usage.output_tokens > 0);
    assert_int_equal(usage.total_tokens, usage.input_tokens + usage.output_tokens);
    assert_int_equal(rt_session_history(s, &h), 0);
    assert_true(rt_history_count(h) >= 3);
    const struct rt_history_item *first = rt_history_item(h, 0);
    assert_int_equal(first->role, RT_ROLE_USER);
    assert_string_equal(first->text, "Please look it up");
    int calls = 0;
    for (size_t i = 0; i < rt_history_count(h); i++) {
        const struct rt_history_item *item = rt_history_item(h, i);
        if (item->kind == RT_ITEM_FUNCTION_CALL) {
            calls++;
            assert_string_equal(item->tool_name, "lookup");
            assert_non_null(item->output);
            assert_non_null(strstr(item->output, "sunny"));
        }
    }
    assert_int_equal(calls, 1);
    assert_null(rt_history_item(h, rt_history_count(h)));
    assert_int_equal(rt_history_json(h)[0], '[');
    rt_history_free(h);
    done(s, r);
}

static void usage_comes_before_the_end_of_its_answer(void **state)
{
    struct rt_runner *r = runner_with(NULL);
    struct rt_session *s = make_session(r, &sandbox, NULL);
    (void)state;
    assert_int_equal(rt_session_connect(s), 0);
    assert_int_equal(rt_session_send_message(s, "What is your name"), 0);
    char *names = names_until(s, RT_EVENT_AGENT_END);
    assert_non_null(strstr(names, "usage"));
    free(names);
    done(s, r);
}

static void audio_comes_in_the_format_that_was_asked_for(void **state)
{
    static const enum rt_audio_format formats[] = {RT_AUDIO_PCM16_24K, RT_AUDIO_PCM16_16K, RT_AUDIO_PCMU,
                                                   RT_AUDIO_PCMA};
    struct rt_runner *r = runner_with(NULL);
    (void)state;
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        struct rt_session_opts o;
        struct rt_event *e = NULL;
        size_t bytes = 0;
        rt_session_opts_init(&o);
        o.format = formats[i];
        struct rt_session *s = make_session(r, &sandbox, &o);
        assert_int_equal(rt_session_connect(s), 0);
        assert_int_equal(rt_session_send_message(s, "What is your name"), 0);
        do {
            assert_int_equal(rt_session_next_event(s, SOON_MS, &e), 1);
            bytes += e->audio_bytes;
            int end = e->type == RT_EVENT_AUDIO_END;
            rt_event_free(e);
            if (end) {
                break;
            }
        } while (1);
        size_t ms = bytes / rt_audio_bytes_per_ms(formats[i]);
        assert_in_range(ms, 500, 6000); /* "My name is Robin." */
        assert_int_equal(rt_session_free(s), 0);
    }
    assert_int_equal(rt_runner_free(r), 0);
}

static void audio_at_once_comes_faster_than_it_plays(void **state)
{
    struct rt_runner *r = runner_with(NULL);
    struct rt_session_opts o;
    struct rt_event *e = NULL;
    size_t bytes = 0;
    (void)state;
    rt_session_opts_init(&o);
    o.delivery = RT_DELIVERY_IMMEDIATE;
    o.format = RT_AUDIO_PCMU;
    struct rt_session *s = make_session(r, &sandbox, &o);
    assert_int_equal(rt_session_connect(s), 0);
    assert_int_equal(rt_session_send_message(s, "Tell me a story"), 0);
    uint64_t first_us = 0, last_us = 0;
    do {
        assert_int_equal(rt_session_next_event(s, SOON_MS, &e), 1);
        if (e->type == RT_EVENT_AUDIO) {
            first_us = first_us ? first_us : e->at_us;
            last_us = e->at_us;
            bytes += e->audio_bytes;
        }
        int end = e->type == RT_EVENT_AUDIO_END;
        rt_event_free(e);
        if (end) {
            break;
        }
    } while (1);
    assert_true(bytes / 8 > 3000);
    assert_true((last_us - first_us) / 1000 < bytes / 8);
    o.format = RT_AUDIO_PCM16_16K; /* no service speaks it */
    struct rt_session *none = NULL;
    assert_int_equal(rt_session_new(r, &o, &none), -EINVAL);
    done(s, r);
}

static void spoken_turns_by_hand_are_committed_and_answered(void **state)
{
    struct rt_settings *settings = NULL;
    static int16_t second[24000];
    (void)state;
    for (size_t i = 0; i < 24000; i++) {
        second[i] = (int16_t)(i / 60 % 2 ? 6000 : -6000);
    }
    assert_int_equal(rt_settings_new(&settings), 0);
    assert_int_equal(rt_settings_set_json(settings, "turn_detection", "null"), 0);
    struct rt_agent *a = make_agent("helper");
    struct rt_runner *r = make_runner(a, settings);
    struct rt_session *s = make_session(r, &sandbox, NULL);
    assert_int_equal(rt_session_connect(s), 0);
    assert_int_equal(rt_session_send_audio(s, second, 3, 0), -EINVAL); /* half a sample */
    assert_int_equal(rt_session_send_audio(s, second, sizeof(second), 1), 0);
    struct rt_event *e = await_event(s, RT_EVENT_INPUT_TRANSCRIPT);
    assert_true(strlen(e->text) > 0);
    rt_event_free(e);
    pass_event(s, RT_EVENT_AUDIO);
    e = await_event(s, RT_EVENT_TURN);
    assert_true(e->latency_ms >= 0 && e->heard_ms > 0);
    rt_event_free(e);
    rt_agent_free(a);
    rt_settings_free(settings);
    done(s, r);
}

static void no_more_audio_is_taken_than_ten_seconds(void **state)
{
    struct rt_runner *r = runner_with(NULL);
    struct rt_session *s = make_session(r, &sandbox, NULL);
    static int16_t second[24000];
    int err = 0, taken = 0;
    (void)state;
    assert_int_equal(rt_session_connect(s), 0);
    for (int i = 0; i < 30 && err == 0; i++) {
        err = rt_session_send_audio(s, second, sizeof(second), 0);
        taken += err == 0;
    }
    assert_int_equal(err, -EAGAIN);
    assert_in_range(taken, 9, 15);
    done(s, r);
}

static void an_interruption_tells_what_was_heard(void **state)
{
    struct rt_runner *r = runner_with(NULL);
    struct rt_session *s = make_session(r, &sandbox, NULL);
    (void)state;
    assert_int_equal(rt_session_connect(s), 0);
    assert_int_equal(rt_session_send_message(s, "Tell me a story"), 0);
    for (int i = 0; i < 8; i++) {
        pass_event(s, RT_EVENT_AUDIO);
    }
    assert_int_equal(rt_session_interrupt(s), 0);
    struct rt_event *e = await_event(s, RT_EVENT_AUDIO_INTERRUPTED);
    assert_true(strlen(e->item_id) > 0);
    assert_in_range(e->heard_ms, 0, 5000);
    rt_event_free(e);
    assert_int_equal(rt_session_send_message(s, "What is your name"), 0); /* it goes on */
    do {
        e = await_event(s, RT_EVENT_TRANSCRIPT_DONE);
        int robin = strstr(e->text, "Robin") != NULL;
        rt_event_free(e);
        if (robin) {
            break;
        }
    } while (1);
    done(s, r);
}

static void await_robin(struct rt_session *s)
{
    for (;;) {
        struct rt_event *e = await_event(s, RT_EVENT_TRANSCRIPT_DONE);
        int robin = strstr(e->text, "Robin") != NULL;
        rt_event_free(e);
        if (robin) {
            return;
        }
    }
}

static void a_reconnect_goes_on_with_the_history(void **state)
{
    struct rt_runner *r = runner_with(NULL);
    struct rt_session *s = make_session(r, &sandbox, NULL);
    struct rt_history *h = NULL;
    (void)state;
    assert_int_equal(rt_session_connect(s), 0);
    pass_event(s, RT_EVENT_CONNECTION);
    assert_int_equal(rt_session_send_message(s, "What is your name"), 0);
    await_robin(s);
    pass_event(s, RT_EVENT_AUDIO_END);
    assert_int_equal(rt_session_reconnect(s), 0);
    struct rt_event *e = await_event(s, RT_EVENT_CONNECTION);
    assert_string_equal(e->text, "connected");
    rt_event_free(e);
    assert_int_equal(rt_session_send_message(s, "What is your name"), 0);
    await_robin(s);
    assert_int_equal(rt_session_history(s, &h), 0);
    assert_true(rt_history_count(h) >= 4); /* both questions and both answers */
    rt_history_free(h);
    done(s, r);
}

/* ---- closing ---- */

static void *await_end(void *arg)
{
    struct rt_event *e = NULL;
    int got;
    while ((got = rt_session_next_event(arg, -1, &e)) == 1) {
        rt_event_free(e);
    }
    return (void *)(intptr_t)got;
}

static void *close_it(void *arg)
{
    return (void *)(intptr_t)rt_session_close(arg);
}

static void close_is_idempotent_and_wakes_all_who_wait(void **state)
{
    struct rt_runner *r = runner_with(NULL);
    struct rt_session *s = make_session(r, &sandbox, NULL);
    pthread_t waiting[3], closing[3];
    (void)state;
    assert_int_equal(rt_session_connect(s), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pthread_create(&waiting[i], NULL, await_end, s), 0);
    }
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pthread_create(&closing[i], NULL, close_it, s), 0);
    }
    for (int i = 0; i < 3; i++) {
        void *result = NULL;
        pthread_join(closing[i], &result);
        assert_int_equal((intptr_t)result, 0);
        pthread_join(waiting[i], &result);
        assert_int_equal((intptr_t)result, -RT_ERR_CLOSED);
    }
    assert_int_equal(rt_session_close(s), 0);
    assert_int_equal(rt_session_send_message(s, "Anybody?"), -RT_ERR_CLOSED);
    done(s, r);
}

static void the_last_event_is_the_end_of_the_stream(void **state)
{
    struct rt_runner *r = runner_with(NULL);
    struct rt_session *s = make_session(r, &sandbox, NULL);
    struct rt_event *e = NULL;
    (void)state;
    assert_int_equal(rt_session_connect(s), 0);
    assert_int_equal(rt_session_send_message(s, "What is your name"), 0);
    pass_event(s, RT_EVENT_AGENT_START);
    assert_int_equal(rt_session_close(s), 0);
    enum rt_event_type last = RT_EVENT_N;
    while (rt_session_next_event(s, 0, &e) == 1) {
        assert_int_not_equal(last, RT_EVENT_END);
        last = e->type;
        rt_event_free(e);
    }
    assert_int_equal(last, RT_EVENT_END);
    done(s, r);
}

static struct rt_tool_call *kept;
static pthread_mutex_t kept_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t kept_news = PTHREAD_COND_INITIALIZER;

static void keep_call(struct rt_tool_call *call, void *arg)
{
    (void)arg;
    pthread_mutex_lock(&kept_lock);
    kept = call;
    pthread_cond_signal(&kept_news);
    pthread_mutex_unlock(&kept_lock);
}

static struct rt_tool_call *await_kept(void)
{
    pthread_mutex_lock(&kept_lock);
    while (!kept) {
        pthread_cond_wait(&kept_news, &kept_lock);
    }
    struct rt_tool_call *call = kept;
    kept = NULL;
    pthread_mutex_unlock(&kept_lock);
    return call;
}

static void late_tool_results_are_dropped(void **state)
{
    struct rt_runner *r = runner_with(make_lookup(keep_call, NULL));
    struct rt_session *s = make_session(r, &sandbox, NULL);
    (void)state;
    assert_int_equal(rt_session_connect(s), 0);
    assert_int_equal(rt_session_send_message(s, "Please look it up"), 0);
    struct rt_tool_call *call = await_kept();
    assert_int_equal(rt_tool_call_cancelled(call), 0);
    assert_string_equal(rt_tool_call_session_id(call), rt_session_id(s));
    assert_int_equal(rt_session_close(s), 0);
    assert_int_equal(rt_tool_call_cancelled(call), 1);
    assert_int_equal(rt_session_free(s), 0);
    assert_int_equal(rt_tool_call_done(call, "too late"), -RT_ERR_CLOSED);
    assert_int_equal(rt_runner_free(r), 0);
}

static void an_answer_may_come_from_any_thread(void **state)
{
    struct rt_runner *r = runner_with(make_lookup(keep_call, NULL));
    struct rt_session *s = make_session(r, &sandbox, NULL);
    (void)state;
    assert_int_equal(rt_session_connect(s), 0);
    assert_int_equal(rt_session_send_message(s, "Please look it up"), 0);
    struct rt_tool_call *call = await_kept();
    assert_int_equal(rt_tool_call_done(call, "{\"answer\":\"late but here\"}"), 0);
    struct rt_event *e = await_event(s, RT_EVENT_TOOL_END);
    assert_non_null(strstr(e->output, "late but here"));
    rt_event_free(e);
    done(s, r);
}

static void fail_it(struct rt_tool_call *call, void *arg)
{
    (void)arg;
    assert_int_equal(rt_tool_call_fail(call, "The drawer is \"stuck\"."), 0);
}

static void a_failure_is_told_to_the_model(void **state)
{
    struct rt_tool *tool = make_lookup(fail_it, NULL);
    assert_int_equal(rt_tool_set_failure(tool, RT_TOOL_FAILURE_RAISE), 0);
    struct rt_runner *r = runner_with(tool);
    struct rt_session *s = make_session(r, &sandbox, NULL);
    (void)state;
    assert_int_equal(rt_session_connect(s), 0);
    assert_int_equal(rt_session_send_message(s, "Please look it up"), 0);
    struct rt_event *e = await_event(s, RT_EVENT_TOOL_END);
    assert_non_null(strstr(e->output, "The drawer is \\\"stuck\\\"."));
    assert_true(e->failed);
    rt_event_free(e);
    e = await_event(s, RT_EVENT_ERROR); /* and raised, as it was wished */
    assert_string_equal(e->code, "tool-failed");
    assert_string_equal(e->tool_name, "lookup");
    rt_event_free(e);
    done(s, r);
}

static void the_services_own_events_come_when_they_are_wanted(void **state)
{
    struct rt_runner *r = runner_with(NULL);
    struct rt_session_opts o;
    int created = 0, deltas = 0, ends = 0;
    (void)state;
    rt_session_opts_init(&o);
    o.raw_events = 1;
    struct rt_session *s = make_session(r, &sandbox, &o);
    assert_int_equal(rt_session_connect(s), 0);
    assert_int_equal(rt_session_send_message(s, "What is your name"), 0);
    while (!ends) {
        struct rt_event *e = NULL;
        assert_int_equal(rt_session_next_event(s, SOON_MS, &e), 1);
        if (e->type == RT_EVENT_RAW_MODEL) {
            assert_int_equal(e->text[0], '{');
            created += strstr(e->text, "\"session.created\"") != NULL;
            deltas += strstr(e->text, "\"response.output_audio.delta\"") != NULL;
        }
        ends = e->type == RT_EVENT_AGENT_END;
        rt_event_free(e);
    }
    assert_int_equal(created, 1);
    assert_true(deltas > 0);
    done(s, r);
}

/* ---- callbacks ---- */

struct heard {
    pthread_mutex_t lock;
    pthread_cond_t news;
    int audio, end, connect_result, free_result, close_result;
};

static void on_event(struct rt_session *s, const struct rt_event *e, void *arg)
{
    struct heard *h = arg;
    if (e->type == RT_EVENT_CONNECTION && strcmp(e->text, "connected") == 0) {
        h->connect_result = rt_session_connect(s);
        h->free_result = rt_session_free(s);
        assert_int_equal(rt_session_send_message(s, "What is your name"), -RT_ERR_CLOSED); /* not quite yet */
    }
    pthread_mutex_lock(&h->lock);
    h->audio += e->type == RT_EVENT_AUDIO;
    h->end += e->type == RT_EVENT_END;
    pthread_cond_signal(&h->news);
    pthread_mutex_unlock(&h->lock);
    if (e->type == RT_EVENT_AUDIO_END) {
        h->close_result = rt_session_close(s); /* begins, does not wait */
    }
}

static void events_may_come_by_callback(void **state)
{
    struct heard h = {.lock = PTHREAD_MUTEX_INITIALIZER, .news = PTHREAD_COND_INITIALIZER, .close_result = 1};
    struct rt_runner *r = runner_with(NULL);
    struct rt_session_opts o;
    struct rt_event *e = NULL;
    (void)state;
    rt_session_opts_init(&o);
    o.on_event = on_event;
    o.event_arg = &h;
    o.context = &o;
    struct rt_session *s = make_session(r, &sandbox, &o);
    assert_ptr_equal(rt_session_context(s), &o);
    assert_int_equal(rt_session_connect(s), 0);
    assert_int_equal(rt_session_next_event(s, 0, &e), -RT_ERR_STATE);
    assert_int_equal(rt_session_send_message(s, "What is your name"), 0);
    pthread_mutex_lock(&h.lock);
    while (h.end == 0) {
        pthread_cond_wait(&h.news, &h.lock);
    }
    pthread_mutex_unlock(&h.lock);
    assert_true(h.audio > 0);
    assert_int_equal(h.connect_result, -RT_ERR_STATE);
    assert_int_equal(h.free_result, -RT_ERR_STATE);
    assert_int_equal(h.close_result, 0);
    done(s, r);
    assert_int_equal(h.end, 1);
}

/* ---- many ---- */

static void sessions_of_one_runner_do_not_know_each_other(void **state)
{
    int count = 0;
    struct rt_runner *r = runner_with(make_lookup(answer_sunny, &count));
    struct rt_session *s[4];
    (void)state;
    for (int i = 0; i < 4; i++) {
        s[i] = make_session(r, &sandbox, NULL);
        assert_int_equal(rt_session_connect(s[i]), 0);
    }
    assert_string_not_equal(rt_session_id(s[0]), rt_session_id(s[1]));
    assert_int_equal(rt_session_send_message(s[2], "What is your name"), 0);
    struct rt_event *e = await_event(s[2], RT_EVENT_TRANSCRIPT_DONE);
    assert_string_equal(e->text, "My name is Robin.");
    rt_event_free(e);
    for (int i = 0; i < 4; i++) {
        struct rt_history *h = NULL;
        assert_int_equal(rt_session_history(s[i], &h), 0);
        assert_true(i == 2 ? rt_history_count(h) >= 2 : rt_history_count(h) == 0);
        rt_history_free(h);
        assert_int_equal(rt_session_free(s[i]), 0);
    }
    assert_int_equal(rt_runner_free(r), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_connected_before_connect),
        cmocka_unit_test(a_second_connect_is_refused),
        cmocka_unit_test(of_concurrent_connects_one_wins),
        cmocka_unit_test(a_refused_key_is_told_once_and_another_try_may_follow),
        cmocka_unit_test(headers_stand_in_place_of_the_authorization),
        cmocka_unit_test(a_service_that_is_not_there_is_an_error),
        cmocka_unit_test(a_text_is_answered_in_order),
        cmocka_unit_test(usage_comes_before_the_end_of_its_answer),
        cmocka_unit_test(audio_comes_in_the_format_that_was_asked_for),
        cmocka_unit_test(audio_at_once_comes_faster_than_it_plays),
        cmocka_unit_test(spoken_turns_by_hand_are_committed_and_answered),
        cmocka_unit_test(no_more_audio_is_taken_than_ten_seconds),
        cmocka_unit_test(an_interruption_tells_what_was_heard),
        cmocka_unit_test(a_reconnect_goes_on_with_the_history),
        cmocka_unit_test(close_is_idempotent_and_wakes_all_who_wait),
        cmocka_unit_test(the_last_event_is_the_end_of_the_stream),
        cmocka_unit_test(late_tool_results_are_dropped),
        cmocka_unit_test(an_answer_may_come_from_any_thread),
        cmocka_unit_test(a_failure_is_told_to_the_model),
        cmocka_unit_test(the_services_own_events_come_when_they_are_wanted),
        cmocka_unit_test(events_may_come_by_callback),
        cmocka_unit_test(sessions_of_one_runner_do_not_know_each_other),
    };
    rig_init(argc, argv);
    return cmocka_run_group_tests(tests, open_sandbox, close_sandbox);
}
