/* Behaviour of the whole core on a virtual clock, against a carrier that knows the truth. */
#include "stage.h"

static void up(bool interrupts, bool creates, uint64_t delay_us)
{
    sim_init(&s);
    s.delay_us = delay_us;
    s.opts.greeting.kind = GREETING_NONE;
    raise_curtain(interrupts, creates);
}

TEST(caller_audio_before_the_model_is_ready_is_not_lost)
{
    up(true, true, 40000);
    later(2000);
    assert_int_equal(s.append_count, s.caller_count);
    assert_true(s.caller_count > 16000);
    down();
}

TEST(playout_is_paced_and_marked_and_recorded)
{
    up(true, true, 40000);
    caller_turn(800, "r1");
    for (int i = 0; i < 30; i++) {
        sim_audio(&s, "r1", 1, 100);
    }
    sim_audio_done(&s, "r1", 1, "Three seconds of speech.");
    sim_response_done(&s, "r1", RESPONSE_COMPLETED);
    assert_int_equal(view().playout, PLAYOUT_PLAYING);
    assert_true(view().queued_ms > 2500);
    later(1000);
    assert_true(view().outstanding_ms <= 200);
    later(2500);
    assert_int_equal(view().playout, PLAYOUT_EMPTY);
    assert_int_equal(view().response, RESPONSE_NONE);
    assert_int_equal(sim_heard(&s, 1), 24000);
    assert_true(s.max_outstanding_us <= 240000);
    assert_logged("line who=agent");
    assert_logged("heard_ms=3000");
    down();
    assert_int_equal(s.truncates + s.clears, 0);
}

TEST(barge_in_stops_clears_and_truncates_at_what_was_heard)
{
    static const uint64_t delays[] = {0, 40000, 120000};
    for (size_t d = 0; d < ARRAY_LEN(delays); d++) {
        up(true, true, delays[d]);
        caller_turn(800, "r1");
        for (int i = 0; i < 40; i++) {
            sim_audio(&s, "r1", 1, 100);
        }
        later(1730);
        uint32_t truth_ms = sim_heard(&s, 1) / 8;
        struct call_event ev = {.type = EV_MODEL_SPEECH_STARTED};
        ev.model_speech.item_id = STR("u2");
        sim_event(&s, &ev);
        assert_int_equal(s.clears, 1);
        assert_int_equal(s.truncates, 1);
        assert_int_equal(s.cancels, 0); /* the service does that by itself */
        assert_int_equal(view().playout, PLAYOUT_EMPTY);
        assert_int_equal(view().queued_ms, 0);
        /* never above the truth, and not further below than the way there and back plus 40 ms */
        uint32_t heard_ms = 0;
        for (uint32_t i = 0; i < s.actions.n; i++) {
            if (s.actions.list[i].type == ACT_MODEL_TRUNCATE) {
                heard_ms = s.actions.list[i].model_truncate.heard_ms;
            }
        }
        assert_true(heard_ms <= truth_ms);
        assert_true(truth_ms - heard_ms <= 40 + 2 * delays[d] / 1000);
        /* what still comes of the dead response is dropped */
        sim_audio(&s, "r1", 1, 100);
        sim_response_done(&s, "r1", RESPONSE_CANCELLED);
        sim_audio(&s, "r1", 1, 100);
        later(500);
        assert_logged("note=late-audio");
        assert_logged("interrupted=1");
        down();
    }
}

TEST(we_cancel_when_the_service_does_not)
{
    up(false, true, 0);
    caller_turn(800, "r1");
    sim_audio(&s, "r1", 1, 500);
    later(200);
    sim_speech(&s, EV_MODEL_SPEECH_STARTED);
    assert_int_equal(s.cancels, 1);
    assert_int_equal(s.truncates, 1);
    sim_response_done(&s, "r1", RESPONSE_CANCELLED);
    assert_int_equal(view().response, RESPONSE_NONE);
    down();
}

TEST(barge_in_after_generation_truncates_without_cancel)
{
    up(false, true, 40000);
    caller_turn(800, "r1");
    sim_audio(&s, "r1", 1, 3000);
    sim_audio_done(&s, "r1", 1, "A long answer that is cut somewhere in its middle.");
    sim_response_done(&s, "r1", RESPONSE_COMPLETED);
    later(1000);
    sim_speech(&s, EV_MODEL_SPEECH_STARTED);
    assert_int_equal(s.cancels, 0);
    assert_int_equal(s.truncates, 1);
    assert_int_equal(s.clears, 1);
    assert_logged("estimated=1");
    assert_int_equal(view().response, RESPONSE_NONE);
    down();
}

TEST(what_a_service_sends_of_a_response_that_was_stopped_is_not_heard)
{
    up(true, true, 40000);
    caller_turn(800, "r1");
    sim_audio(&s, "r1", 1, 3000);
    sim_audio_done(&s, "r1", 1, "A long sentence that was generated at once.");
    sim_response_done(&s, "r1", RESPONSE_COMPLETED); /* there is nothing left to cancel */
    later(1000);
    sim_speech(&s, EV_MODEL_SPEECH_STARTED);
    assert_int_equal(s.clears, 1);
    sim_audio(&s, "r1", 1, 500);
    assert_logged("note=late-audio");
    assert_int_equal(view().queued_ms + view().outstanding_ms, 0);
    down();
}

TEST(items_not_begun_are_truncated_at_zero)
{
    up(true, true, 0);
    caller_turn(800, "r1");
    sim_audio(&s, "r1", 1, 1000);
    sim_audio_done(&s, "r1", 1, "one");
    sim_audio(&s, "r1", 2, 1000);
    later(300);
    sim_speech(&s, EV_MODEL_SPEECH_STARTED);
    assert_int_equal(s.truncates, 2);
    assert_logged("heard_ms=0 item=\"i2\"");
    down();
}

TEST(nothing_is_cut_when_everything_was_heard)
{
    up(true, true, 40000);
    caller_turn(800, "r1");
    sim_audio(&s, "r1", 1, 300);
    sim_audio_done(&s, "r1", 1, "short");
    sim_response_done(&s, "r1", RESPONSE_COMPLETED);
    later(1000);
    sim_speech(&s, EV_MODEL_SPEECH_STARTED);
    assert_int_equal(s.truncates + s.clears + s.cancels, 0);
    down();
}

TEST(greeting_is_asked_for_once_and_ends_when_heard)
{
    sim_init(&s);
    s.opts.greeting.kind = GREETING_TEXT;
    s.opts.greeting.text = STR("Hello, this is Robin.");
    sim_start(&s);
    sim_begin(&s);
    sim_model_ready(&s, true, true); /* while it still rings */
    later(500);
    sim_leg_start(&s);
    assert_int_equal(s.responds, 1);
    assert_logged("Say exactly: \\\"Hello, this is Robin.\\\"");
    assert_int_equal(view().phase, PHASE_GREETING);
    sim_created(&s, "r1");
    sim_audio(&s, "r1", 1, 1500);
    sim_audio_done(&s, "r1", 1, "Hello, this is Robin!");
    sim_response_done(&s, "r1", RESPONSE_COMPLETED);
    later(1000);
    assert_int_equal(view().phase, PHASE_GREETING);
    later(1000);
    assert_int_equal(view().phase, PHASE_CONVERSATION);
    assert_int_equal(s.responds, 1);
    assert_not_logged("greeting-deviation");
    assert_logged("greeting-done value=1500");
    down();
}

TEST(prompted_greeting_keeps_the_agent_in_character)
{
    sim_init(&s);
    s.opts.instructions = STR("You are Robin.");
    s.opts.greeting.kind = GREETING_PROMPT;
    s.opts.greeting.text = STR("Greet the caller and name the weather.");
    sim_start(&s);
    sim_begin(&s);
    sim_leg_start(&s);
    sim_model_ready(&s, true, true);
    assert_logged("You are Robin.\\x0a\\x0aGreet the caller and name the weather.");
    down();
}

TEST(quotes_in_an_exact_greeting_do_not_end_it)
{
    sim_init(&s);
    s.opts.greeting.kind = GREETING_TEXT;
    s.opts.greeting.text = STR("Welcome to \"The Bike\".");
    sim_start(&s);
    sim_begin(&s);
    sim_leg_start(&s);
    sim_model_ready(&s, true, true);
    assert_logged("Say exactly: \\\"Welcome to 'The Bike'.\\\" Say nothing else.");
    down();
}

static void greet_in_words(void)
{
    sim_init(&s);
    s.opts.greeting.kind = GREETING_TEXT;
    s.opts.greeting.text = STR("Hello there.");
    sim_start(&s);
    sim_begin(&s);
    sim_leg_start(&s);
    sim_model_ready(&s, true, true);
}

TEST(what_is_asked_during_the_greeting_does_not_repeat_it)
{
    greet_in_words();
    sim_created(&s, "r1");
    sim_audio(&s, "r1", 1, 1500);
    later(300);
    sim_event(&s, &(struct call_event){.type = EV_CONTROL_USER_TEXT, .control_text = {STR("opening hours?")}});
    sim_response_done(&s, "r1", RESPONSE_CANCELLED);
    assert_int_equal(s.responds, 2);
    assert_int_equal(count("Say exactly"), 1);
    assert_logged("model.respond request=4 no_tools=0 instructions=\"\"");
    down();
}

TEST(greeting_that_failed_is_asked_for_in_the_same_words)
{
    greet_in_words();
    sim_created(&s, "r1");
    sim_response_done(&s, "r1", RESPONSE_FAILED);
    assert_int_equal(s.responds, 2);
    assert_int_equal(count("no_tools=1 instructions=\"Say exactly: \\\"Hello there."), 2);
    down();
}

TEST(greeting_without_audio_falls_back)
{
    sim_init(&s);
    s.opts.greeting.kind = GREETING_PROMPT;
    sim_start(&s);
    sim_begin(&s);
    sim_leg_start(&s);
    sim_model_ready(&s, true, true);
    sim_created(&s, "r1");
    later(5100);
    assert_int_equal(view().phase, PHASE_CONVERSATION);
    assert_logged("greeting-timeout");
    down();
}

TEST(protected_greeting_hears_silence_and_is_not_cut)
{
    sim_init(&s);
    s.opts.greeting.kind = GREETING_TEXT;
    s.opts.greeting.text = STR("Wrong words.");
    s.opts.greeting.protect = true;
    s.lossy = true;
    sim_start(&s);
    sim_begin(&s);
    sim_leg_start(&s);
    sim_model_ready(&s, true, true);
    sim_created(&s, "r1");
    sim_audio(&s, "r1", 1, 1000);
    later(200);
    sim_speech(&s, EV_MODEL_SPEECH_STARTED);
    assert_int_equal(s.clears + s.truncates, 0);
    assert_logged("protected-greeting");
    uint32_t sent = s.sent_bytes, silent = s.sent_silent;
    later(200);
    assert_in_range(s.sent_bytes - sent, 1000, 2000);
    assert_int_equal(s.sent_silent - silent, s.sent_bytes - sent);
    sim_audio_done(&s, "r1", 1, "Other words entirely.");
    assert_logged("greeting-deviation");
    sim_response_done(&s, "r1", RESPONSE_COMPLETED);
    assert_not_logged("model.clear-input");
    later(1500);
    assert_int_equal(view().phase, PHASE_CONVERSATION);
    assert_logged("verdict=protected");
    assert_logged("model.clear-input"); /* what the service made of the silence is no turn */
    sent = s.sent_bytes, silent = s.sent_silent;
    later(200);
    assert_in_range(s.sent_bytes - sent, 1000, 2000);
    assert_true(s.sent_silent - silent < 200);
    down();
}

TEST(tool_output_waits_for_its_response_and_is_answered_once)
{
    up(true, true, 0);
    caller_turn(800, "r1");
    sim_tool(&s, "r1", "call_1", "check_order_status");
    sim_tool(&s, "r1", "call_1", "check_order_status"); /* delivered twice */
    assert_int_equal(s.runs, 1);
    assert_logged("tool-duplicate");
    struct call_event ev = {.type = EV_TOOL_RESULT};
    ev.tool_result.tool_call_id = STR("call_1");
    ev.tool_result.output = STR("{\"status\":\"shipped\"}");
    sim_event(&s, &ev);
    assert_int_equal(s.outputs, 0);
    sim_response_done(&s, "r1", RESPONSE_COMPLETED);
    assert_int_equal(s.outputs, 1);
    assert_int_equal(s.responds, 1);
    sim_event(&s, &ev);
    assert_int_equal(s.outputs, 1);
    assert_logged("tool-late");
    sim_created(&s, "r2");
    sim_audio(&s, "r2", 1, 400);
    sim_audio_done(&s, "r2", 1, "It was shipped.");
    sim_response_done(&s, "r2", RESPONSE_COMPLETED);
    later(800);
    assert_logged("tools=1");
    down();
}

TEST(unknown_and_slow_tools_get_an_error_output)
{
    up(true, true, 0);
    caller_turn(800, "r1");
    sim_tool(&s, "r1", "call_1", "launch_rocket");
    sim_tool(&s, "r1", "call_2", "check_order_status");
    sim_response_done(&s, "r1", RESPONSE_COMPLETED);
    assert_logged("Unknown function: launch_rocket");
    assert_int_equal(s.outputs, 1);
    assert_int_equal(s.responds, 0); /* one reply for both */
    later(10100);
    assert_int_equal(s.outputs, 2);
    assert_int_equal(s.responds, 1);
    assert_logged("tool.cancel call=\"call_2\"");
    down();
}

TEST(no_second_create_while_one_is_in_flight_or_the_caller_speaks)
{
    up(true, true, 0);
    caller_turn(800, "r1");
    sim_tool(&s, "r1", "call_1", "check_order_status");
    sim_response_done(&s, "r1", RESPONSE_COMPLETED);
    sim_speech(&s, EV_MODEL_SPEECH_STARTED);
    struct call_event ev = {.type = EV_TOOL_RESULT};
    ev.tool_result.tool_call_id = STR("call_1");
    ev.tool_result.output = STR("1");
    sim_event(&s, &ev);
    assert_int_equal(s.outputs, 1);
    assert_int_equal(s.responds, 0);
    sim_speech(&s, EV_MODEL_SPEECH_STOPPED);
    sim_speech(&s, EV_MODEL_COMMITTED);
    assert_int_equal(s.responds, 0);
    sim_created(&s, "r2"); /* the service's own: it answers the tool too */
    sim_response_done(&s, "r2", RESPONSE_COMPLETED);
    later(1000);
    assert_int_equal(s.responds, 0);
    down();
}

TEST(collision_waits_and_asks_again)
{
    up(true, true, 0);
    struct call_event ev = {.type = EV_CONTROL_USER_TEXT};
    ev.control_text.text = STR("hello");
    sim_event(&s, &ev);
    assert_int_equal(s.responds, 1);
    ev = (struct call_event){.type = EV_MODEL_ERROR};
    ev.model_error.code = STR("conversation_already_has_active_response");
    ev.model_error.request = s.in_flight;
    sim_event(&s, &ev);
    assert_logged("response-collision");
    sim_created(&s, "r9");
    later(500);
    assert_int_equal(s.responds, 1);
    sim_response_done(&s, "r9", RESPONSE_COMPLETED);
    later(2000);
    assert_int_equal(s.responds, 2); /* r9 had begun before our text: it did not answer it */
    down();
}

TEST(unrelated_error_does_not_release_the_slot)
{
    up(true, true, 0);
    struct call_event ev = {.type = EV_CONTROL_USER_TEXT};
    ev.control_text.text = STR("hello");
    sim_event(&s, &ev);
    ev = (struct call_event){.type = EV_MODEL_ERROR};
    ev.model_error.code = STR("invalid_value");
    sim_event(&s, &ev);
    assert_int_equal(view().response, RESPONSE_REQUESTED);
    sim_event(&s, &(struct call_event){.type = EV_CONTROL_USER_TEXT, .control_text = {STR("again")}});
    assert_int_equal(s.responds, 1);
    down();
}

TEST(end_call_plays_its_goodbye_out_then_hangs_up)
{
    up(true, true, 40000);
    caller_turn(800, "r1");
    sim_audio(&s, "r1", 1, 1200);
    sim_audio_done(&s, "r1", 1, "Goodbye!");
    sim_tool(&s, "r1", "call_1", "end_call");
    sim_response_done(&s, "r1", RESPONSE_COMPLETED);
    assert_int_equal(view().phase, PHASE_FAREWELL);
    sim_speech(&s, EV_MODEL_SPEECH_STARTED); /* "bye" over the goodbye does not cut it */
    later(1000);
    assert_int_equal(s.hangups, 0);
    later(600);
    assert_int_equal(sim_heard(&s, 1), 9600);
    assert_int_equal(s.hangups, 1);
    assert_int_equal(s.clears, 0);
    sim_simple(&s, EV_LEG_STOP);
    assert_int_equal(s.reason, REASON_AGENT_HANGUP);
    down();
}

TEST(end_call_without_words_asks_for_a_goodbye)
{
    up(true, true, 0);
    caller_turn(800, "r1");
    sim_tool(&s, "r1", "call_1", "end_call");
    sim_response_done(&s, "r1", RESPONSE_COMPLETED);
    assert_int_equal(s.outputs, 1);
    assert_int_equal(s.responds, 1);
    sim_created(&s, "r2");
    sim_audio(&s, "r2", 1, 500);
    sim_audio_done(&s, "r2", 1, "Bye.");
    sim_response_done(&s, "r2", RESPONSE_COMPLETED);
    later(1000);
    assert_int_equal(s.hangups, 1);
    down();
}

TEST(goodbye_that_never_comes_still_ends_in_a_hangup)
{
    up(true, true, 0);
    caller_turn(800, "r1");
    sim_tool(&s, "r1", "call_1", "end_call");
    sim_response_done(&s, "r1", RESPONSE_COMPLETED);
    sim_created(&s, "r2");
    later(5200);
    assert_int_equal(s.hangups, 1);
    later(5200); /* and a carrier that does not react does not keep the call alive */
    assert_true(call_ended(s.call));
    down();
}

TEST(every_wait_has_an_end)
{
    /* no leg */
    sim_init(&s);
    sim_start(&s);
    sim_begin(&s);
    later(15100);
    assert_int_equal(s.reason, REASON_NO_MEDIA);
    down();
    /* no model */
    sim_init(&s);
    s.lossy = true;
    sim_start(&s);
    sim_begin(&s);
    sim_leg_start(&s);
    later(8100);
    assert_int_equal(s.hangups, 1);
    assert_logged("leg.hangup reason=model-unreachable apologise=1");
    later(5100);
    assert_int_equal(s.reason, REASON_MODEL_UNREACHABLE);
    down();
    /* no media */
    up(true, true, 0);
    s.media = false;
    later(20100);
    assert_int_equal(s.hangups, 1);
    down();
    /* a model that never answers: asked three times, then the caller is told */
    up(true, true, 0);
    sim_event(&s, &(struct call_event){.type = EV_CONTROL_USER_TEXT, .control_text = {STR("x")}});
    later(16000);
    assert_int_equal(s.responds, 3);
    assert_int_equal(s.hangups, 1);
    down();
    /* too long */
    up(true, true, 0);
    s.call = call_free(s.call);
    sim_done(&s);
    sim_init(&s);
    s.opts.limits.max_call_s = 2;
    s.opts.greeting.kind = GREETING_NONE;
    s.opts.farewell.text = STR("Time is up. Goodbye.");
    sim_start(&s);
    sim_begin(&s);
    sim_leg_start(&s);
    sim_model_ready(&s, true, true);
    later(2050);
    assert_int_equal(s.responds, 1);
    assert_logged("Time is up");
    later(11000);
    assert_int_equal(s.reason, REASON_LIMIT_DURATION);
    down();
}

TEST(model_that_fails_before_the_leg_is_told_to_the_caller)
{
    sim_init(&s);
    sim_start(&s);
    sim_begin(&s);
    struct call_event ev = {.type = EV_MODEL_FAILED};
    ev.model_failed.err = -ECONNREFUSED;
    sim_event(&s, &ev);
    later(300);
    sim_leg_start(&s);
    assert_logged("leg.hangup reason=model-unreachable apologise=1");
    down();
}

TEST(model_that_closes_in_mid_answer_is_played_out_first)
{
    up(true, true, 0);
    caller_turn(800, "r1");
    sim_audio(&s, "r1", 1, 1000);
    struct call_event ev = {.type = EV_MODEL_FAILED};
    ev.model_failed.code = STR("session_expired");
    ev.model_failed.was_ready = true;
    sim_event(&s, &ev);
    later(500);
    assert_int_equal(s.hangups, 0);
    later(800);
    assert_int_equal(s.hangups, 1);
    assert_int_equal(sim_heard(&s, 1), 8000);
    sim_simple(&s, EV_LEG_STOP);
    assert_int_equal(s.reason, REASON_MODEL_CLOSED);
    assert_logged("detail=\"session_expired\"");
    down();
}

TEST(recording_is_as_long_as_the_call_and_holds_what_was_heard)
{
    up(true, true, 40000);
    caller_turn(800, "r1");
    sim_audio(&s, "r1", 7, 2000);
    later(1000);
    sim_speech(&s, EV_MODEL_SPEECH_STARTED);
    sim_response_done(&s, "r1", RESPONSE_CANCELLED);
    later(1234);
    uint64_t length_us = s.now_us - s.leg_start_us;
    sim_simple(&s, EV_LEG_STOP);
    int64_t diff = (int64_t)s.record_samples - (int64_t)(length_us * 8 / 1000);
    assert_true(diff >= -160 && diff <= 160);
    assert_int_equal(s.duration_ms, length_us / 1000);
    down();
}

TEST(stall_at_the_start_does_not_lengthen_the_recording)
{
    sim_init(&s);
    s.opts.greeting.kind = GREETING_NONE;
    sim_start(&s);
    sim_begin(&s);
    sim_leg_start(&s);
    sim_model_ready(&s, true, true);
    uint64_t due_us = s.next_media_us;
    s.media = false;
    later(3000);
    s.media = true; /* 150 frames at once */
    s.next_media_us = due_us;
    later(2000);
    uint64_t length_us = s.now_us - s.leg_start_us;
    sim_simple(&s, EV_LEG_STOP);
    int64_t diff = (int64_t)s.record_samples - (int64_t)(length_us * 8 / 1000);
    assert_true(diff >= -160 && diff <= 160);
    down();
}

TEST(gaps_of_the_media_clock_are_filled_with_silence)
{
    up(true, true, 0);
    later(200);
    uint64_t before = view().appended_bytes;
    s.media = false;
    s.media_ts += 100;
    s.next_media_us += 100000;
    later(100);
    s.media = true;
    later(40);
    assert_true(view().appended_bytes - before >= 100 * 8);
    assert_logged("uplink-fill value=100");
    down();
}

TEST(carrier_that_falls_silent_in_mid_speech_is_filled)
{
    up(true, true, 0);
    sim_speech(&s, EV_MODEL_SPEECH_STARTED);
    uint64_t before = view().appended_bytes;
    s.media = false;
    later(2000);
    assert_true(view().appended_bytes - before > 1500 * 8);
    down();
}

TEST(downlink_is_bounded)
{
    up(true, true, 0);
    s.call = call_free(s.call);
    sim_done(&s);
    sim_init(&s);
    s.opts.greeting.kind = GREETING_NONE;
    s.opts.limits.queue_ms = 5000;
    sim_start(&s);
    sim_begin(&s);
    sim_leg_start(&s);
    sim_model_ready(&s, true, true);
    caller_turn(800, "r1");
    for (int i = 0; i < 100; i++) {
        sim_audio(&s, "r1", 1, 200);
    }
    assert_logged("queue-full");
    assert_int_equal(s.cancels, 1);
    assert_true(view().queued_ms <= 5200);
    down();
}

TEST(shed_load_cancels_the_response_and_plays_what_came)
{
    up(true, true, 0);
    caller_turn(800, "r1");
    sim_audio(&s, "r1", 1, 1000);
    assert_int_equal(call_queued_bytes(s.call), 6400); /* 200 ms are at the carrier */
    sim_simple(&s, EV_CONTROL_SHED);
    assert_logged("queue-full");
    assert_int_equal(s.cancels, 1);
    sim_audio(&s, "r1", 1, 1000);
    sim_response_done(&s, "r1", RESPONSE_CANCELLED);
    later(1500);
    assert_int_equal(sim_heard(&s, 1), 8000);
    assert_int_equal(call_queued_bytes(s.call), 0);
    assert_int_equal(view().response, RESPONSE_NONE);
    down();
}

TEST(lost_marks_do_not_stop_the_call)
{
    up(true, true, 0);
    caller_turn(800, "r1");
    sim_audio(&s, "r1", 1, 1000);
    sim_audio_done(&s, "r1", 1, "x");
    sim_response_done(&s, "r1", RESPONSE_COMPLETED);
    later(20);
    for (uint32_t i = 0; i < s.n_segments; i++) {
        s.segments[i].returned = true;
    }
    for (int i = 0; i < 100 && view().playout != PLAYOUT_EMPTY; i++) {
        later(100);
        for (uint32_t k = 0; k < s.n_segments; k++) {
            s.segments[k].returned = true;
        }
    }
    assert_int_equal(view().playout, PLAYOUT_EMPTY);
    assert_logged("mark-lost");
    down();
}

static void press(char digit)
{
    struct call_event ev = {.type = EV_LEG_DTMF};
    ev.leg_dtmf.digit = digit;
    sim_event(&s, &ev);
}

TEST(keys_reach_the_model_as_one_text_and_stay_out_of_the_journal)
{
    up(true, true, 0);
    caller_turn(800, "r1");
    sim_audio(&s, "r1", 1, 6000);
    later(500);
    press('4');
    press('7');
    later(1000);
    press('1');
    later(1400);
    assert_int_equal(s.clears, 0);
    later(200);
    assert_logged("model.user-text text=\"The caller pressed the keys 4 7 1\"");
    assert_int_equal(s.clears, 1); /* the agent stops for it */
    sim_response_done(&s, "r1", RESPONSE_CANCELLED);
    assert_int_equal(s.responds, 1);
    sim_created(&s, "r2");
    sim_response_done(&s, "r2", RESPONSE_COMPLETED);
    press('0');
    press('#');
    assert_logged("The caller pressed the keys 0 #");
    assert_has_not(buf_str(&s.journal), "4 7 1");
    down();
}

TEST(journal_replays_to_the_same_actions)
{
    up(true, true, 40000);
    caller_turn(800, "r1");
    sim_audio(&s, "r1", 1, 2000);
    later(700);
    sim_speech(&s, EV_MODEL_SPEECH_STARTED);
    sim_response_done(&s, "r1", RESPONSE_CANCELLED);
    later(300);
    press('*');
    later(2000);
    sim_simple(&s, EV_LEG_STOP);
    struct buf text;
    buf_init(&text, 1 << 24);
    sim_replay(&s, &text);
    assert_true(text.len > 5000);
    assert_true(str_eq(buf_str(&text), buf_str(&s.log)));
    buf_done(&text);
    down();
}

TEST_MAIN(T(caller_audio_before_the_model_is_ready_is_not_lost), T(playout_is_paced_and_marked_and_recorded),
          T(barge_in_stops_clears_and_truncates_at_what_was_heard), T(we_cancel_when_the_service_does_not),
          T(barge_in_after_generation_truncates_without_cancel),
          T(what_a_service_sends_of_a_response_that_was_stopped_is_not_heard), T(items_not_begun_are_truncated_at_zero),
          T(nothing_is_cut_when_everything_was_heard), T(greeting_is_asked_for_once_and_ends_when_heard),
          T(prompted_greeting_keeps_the_agent_in_character), T(quotes_in_an_exact_greeting_do_not_end_it),
          T(what_is_asked_during_the_greeting_does_not_repeat_it),
          T(greeting_that_failed_is_asked_for_in_the_same_words), T(greeting_without_audio_falls_back),
          T(protected_greeting_hears_silence_and_is_not_cut),
          T(tool_output_waits_for_its_response_and_is_answered_once), T(unknown_and_slow_tools_get_an_error_output),
          T(no_second_create_while_one_is_in_flight_or_the_caller_speaks), T(collision_waits_and_asks_again),
          T(unrelated_error_does_not_release_the_slot), T(end_call_plays_its_goodbye_out_then_hangs_up),
          T(end_call_without_words_asks_for_a_goodbye), T(goodbye_that_never_comes_still_ends_in_a_hangup),
          T(every_wait_has_an_end), T(model_that_fails_before_the_leg_is_told_to_the_caller),
          T(model_that_closes_in_mid_answer_is_played_out_first),
          T(recording_is_as_long_as_the_call_and_holds_what_was_heard),
          T(stall_at_the_start_does_not_lengthen_the_recording), T(gaps_of_the_media_clock_are_filled_with_silence),
          T(carrier_that_falls_silent_in_mid_speech_is_filled),
          T(keys_reach_the_model_as_one_text_and_stay_out_of_the_journal), T(downlink_is_bounded),
          T(shed_load_cancels_the_response_and_plays_what_came), T(lost_marks_do_not_stop_the_call),
          T(journal_replays_to_the_same_actions))
