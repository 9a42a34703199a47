/* Metrics: what is counted, how it is printed, and that threads may count at once. */
#include <pthread.h>

#include "audio/line.h"
#include "base/json.h"
#include "call/action.h"
#include "call/reason.h"
#include "obs/metrics.h"
#include "test.h"

static bool has_line(const struct buf *out, const char *line)
{
    struct str rest = buf_str(out);
    struct str one;

    while (str_split(&rest, '\n', &one)) {
        if (str_is(one, line)) {
            return true;
        }
    }
    return false;
}

TEST(counters_gauges_and_labels_are_printed)
{
    struct metrics *m = metrics_new();
    struct buf out;

    assert_non_null(m);
    buf_init(&out, 1 << 20);
    metrics_move(m, METRIC_CALLS_ACTIVE, 3);
    metrics_move(m, METRIC_CALLS_ACTIVE, -5);
    metrics_set(m, METRIC_DRAINING, 1);
    metrics_add(m, METRIC_LATE_AUDIO, 7);
    metrics_add_word(m, METRIC_CALLS, STR("failed"), 2);
    metrics_add_at(m, METRIC_CALLS, metrics_word(METRIC_CALLS, STR("completed")), 1);
    metrics_add_word(m, METRIC_MODEL_ERRORS, STR("rate_limit_exceeded"), 1);
    metrics_add_word(m, METRIC_MODEL_ERRORS, STR("never \"seen\" {before}\n"), 4);
    metrics_add(m, METRIC_COST, 1500000);
    metrics_print(m, &out);
    assert_int_equal(out.err, 0);
    assert_true(has_line(&out, "# HELP ringtrip_calls_active Calls that are live now."));
    assert_true(has_line(&out, "# TYPE ringtrip_calls_active gauge"));
    assert_true(has_line(&out, "ringtrip_calls_active -2"));
    assert_true(has_line(&out, "ringtrip_draining 1"));
    assert_true(has_line(&out, "ringtrip_late_audio_dropped_total 7"));
    assert_true(has_line(&out, "ringtrip_calls_total{result=\"completed\"} 1"));
    assert_true(has_line(&out, "ringtrip_calls_total{result=\"failed\"} 2"));
    assert_true(has_line(&out, "ringtrip_model_errors_total{code=\"rate_limit_exceeded\"} 1"));
    assert_true(has_line(&out, "ringtrip_model_errors_total{code=\"other\"} 4"));
    assert_true(has_line(&out, "ringtrip_cost_total 1.5"));
    assert_true(has_line(&out, "ringtrip_build_info{version=\"" RINGTRIP_VERSION "\"} 1"));
    assert_true(has_line(&out, "# TYPE process_resident_memory_bytes gauge"));
    assert_int_equal(metrics_value(m, METRIC_CALLS), 3);
    assert_int_equal(metrics_value_at(m, METRIC_CALLS, 1), 2);
    buf_done(&out);
    assert_null(metrics_free(m));
}

TEST(every_word_of_every_label_has_a_count_of_its_own)
{
    static const struct {
        enum metric id;
        const char *words;
    } labels[] = {
#define X(id, kind, name, label, words, help) {id, words},
        METRIC_LIST(X)
#undef X
    };
    struct metrics *m = metrics_new();
    uint32_t counted = 0;

    assert_non_null(m);
    for (size_t i = 0; i < ARRAY_LEN(labels); i++) {
        struct str rest = str_from(labels[i].words), word;
        for (int64_t n = 1; labels[i].words && str_split(&rest, ' ', &word); n++) {
            metrics_add_word(m, labels[i].id, word, (uint64_t)n);
            assert_int_equal(metrics_value_at(m, labels[i].id, metrics_word(labels[i].id, word)), n);
            counted++;
        }
    }
    assert_true(counted > 100);
    metrics_free(m);
}

TEST(histograms_are_cumulative_and_in_seconds)
{
    struct metrics *m = metrics_new();
    struct buf out;

    assert_non_null(m);
    buf_init(&out, 1 << 20);
    metrics_observe_us(m, METRIC_TURN_RESPONSE, 0);
    metrics_observe_us(m, METRIC_TURN_RESPONSE, 50000); /* on the bound: in it */
    metrics_observe_us(m, METRIC_TURN_RESPONSE, 50001);
    metrics_observe_us(m, METRIC_TURN_RESPONSE, 999000000);
    metrics_observe_many(m, METRIC_LOOP_PASS, 40, 1000);
    metrics_print(m, &out);
    assert_true(has_line(&out, "# TYPE ringtrip_turn_response_seconds histogram"));
    assert_true(has_line(&out, "ringtrip_turn_response_seconds_bucket{le=\"0.01\"} 1"));
    assert_true(has_line(&out, "ringtrip_turn_response_seconds_bucket{le=\"0.05\"} 2"));
    assert_true(has_line(&out, "ringtrip_turn_response_seconds_bucket{le=\"0.1\"} 3"));
    assert_true(has_line(&out, "ringtrip_turn_response_seconds_bucket{le=\"5\"} 3"));
    assert_true(has_line(&out, "ringtrip_turn_response_seconds_bucket{le=\"+Inf\"} 4"));
    assert_true(has_line(&out, "ringtrip_turn_response_seconds_sum 999.100001"));
    assert_true(has_line(&out, "ringtrip_turn_response_seconds_count 4"));
    assert_true(has_line(&out, "ringtrip_loop_pass_seconds_bucket{le=\"0.00005\"} 1000"));
    assert_true(has_line(&out, "ringtrip_loop_pass_seconds_sum 0.04"));
    buf_done(&out);
    metrics_free(m);
}

/* The rules of the text format, over all of it. */
TEST(the_exposition_is_well_formed)
{
    struct metrics *m = metrics_new();
    struct str rest, line, name, type_name = STR("");
    struct buf out;
    uint32_t n = 0;

    assert_non_null(m);
    buf_init(&out, 1 << 20);
    metrics_print(m, &out);
    assert_true(str_ends(buf_str(&out), STR("\n")));
    rest = (struct str){(const char *)buf_ptr(&out), out.len - 1};
    while (str_split(&rest, '\n', &line)) {
        struct str words = line;

        if (str_starts(line, STR("# TYPE "))) {
            words = (struct str){line.p + 7, line.n - 7};
            assert_true(str_split(&words, ' ', &type_name));
            n++;
            continue;
        }
        if (str_starts(line, STR("# HELP "))) {
            assert_null(memchr(line.p, '\\', line.n));
            continue;
        }
        /* Every sample belongs to the type above it. */
        name = (struct str){line.p, MIN(str_find(line, '{'), str_find(line, ' '))};
        assert_true(str_starts(name, type_name));
    }
    assert_int_equal(n, METRIC_N + 5);
    buf_done(&out);
    metrics_free(m);
}

TEST(close_reasons_are_those_of_the_calls)
{
    struct str rest = STR(METRIC_REASON_WORDS);
    struct str word;
    int reason = REASON_NONE + 1;

    while (str_split(&rest, ' ', &word)) {
        assert_true(reason < CALL_REASON_N);
        assert_str_is(word, call_reason_name((enum call_reason)reason));
        reason++;
    }
    assert_int_equal(reason, CALL_REASON_N);
}

TEST(verdicts_are_those_of_the_calls)
{
    struct str rest = STR(METRIC_VERDICT_WORDS);
    struct str word;
    int verdict = VERDICT_NONE + 1;

    while (str_split(&rest, ' ', &word)) {
        assert_true(verdict < VERDICT_N);
        assert_str_is(word, call_verdict_name((enum call_verdict)verdict));
        verdict++;
    }
    assert_int_equal(verdict, VERDICT_N);
}

TEST(oddities_of_a_line_are_those_that_calls_tell)
{
    static const char *const findings[] = {
#define X(name, word) word,
        LINE_FINDING_LIST(X)
#undef X
    };

    for (uint32_t i = 0; i < ARRAY_LEN(findings); i++) {
        assert_int_equal(metrics_word(METRIC_LINE, str_from(findings[i])), i);
    }
}

TEST(units_other_than_seconds_are_printed_as_they_are)
{
    struct metrics *m = metrics_new();
    struct buf out;

    assert_non_null(m);
    buf_init(&out, 1 << 20);
    metrics_observe(m, METRIC_VAD_BATCH, 1);
    metrics_observe(m, METRIC_VAD_BATCH, 3);
    metrics_observe(m, METRIC_VAD_BATCH, 10000);
    metrics_observe_micro(m, METRIC_ECHO_LOSS, 18300000); /* 18.3 dB */
    metrics_print(m, &out);
    assert_true(has_line(&out, "ringtrip_vad_batch_chunks_bucket{le=\"1\"} 1"));
    assert_true(has_line(&out, "ringtrip_vad_batch_chunks_bucket{le=\"4\"} 2"));
    assert_true(has_line(&out, "ringtrip_vad_batch_chunks_bucket{le=\"512\"} 2"));
    assert_true(has_line(&out, "ringtrip_vad_batch_chunks_bucket{le=\"+Inf\"} 3"));
    assert_true(has_line(&out, "ringtrip_vad_batch_chunks_sum 10004"));
    assert_true(has_line(&out, "ringtrip_echo_return_loss_db_bucket{le=\"18\"} 0"));
    assert_true(has_line(&out, "ringtrip_echo_return_loss_db_bucket{le=\"21\"} 1"));
    assert_true(has_line(&out, "ringtrip_echo_return_loss_db_sum 18.3"));
    buf_done(&out);
    metrics_free(m);
}

TEST(the_json_form_has_the_shape_of_the_reference)
{
    const struct metrics_status statuses[] = {{"in_progress", 2}, {"completed", 40}};
    const struct metrics_json in = {
        .total_calls = 42, .statuses = statuses, .n_statuses = 2, .uptime_s = 5, .public_url = "https://v.example.com"};
    struct metrics *m = metrics_new();
    struct json_val doc;
    struct buf out;

    assert_non_null(m);
    buf_init(&out, 1 << 16);
    metrics_move(m, METRIC_CALLS_ACTIVE, 2);
    metrics_print_json(m, &in, &out);
    assert_int_equal(json_parse(buf_str(&out), &doc), 0);
    assert_str_is(buf_str(&out),
                  "{\"total_calls\":42,\"status_counts\":{\"in_progress\":2,\"completed\":40},\"server\":"
                  "{\"version\":\"" RINGTRIP_VERSION "\",\"uptime_s\":5,\"public_url\":"
                  "\"https://v.example.com\",\"calls_active\":2,\"draining\":false}}");
    buf_done(&out);
    metrics_free(m);
}

#define THREADS 4
#define ROUNDS  50000

static void *count(void *arg)
{
    struct metrics *m = arg;

    for (uint32_t i = 0; i < ROUNDS; i++) {
        metrics_add(m, METRIC_LATE_AUDIO, 1);
        metrics_add_at(m, METRIC_TOKENS, i % 6, 2);
        metrics_move(m, METRIC_AUDIO_QUEUE, i % 2 ? -160 : 160);
        metrics_observe_us(m, METRIC_WS_CONNECT, i);
    }
    return NULL;
}

TEST(nothing_is_lost_when_threads_count_at_once)
{
    struct metrics *m = metrics_new();
    pthread_t threads[THREADS];
    struct buf out;

    assert_non_null(m);
    buf_init(&out, 1 << 20);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, count, m), 0);
    }
    metrics_print(m, &out); /* reading beside it is fine */
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(metrics_value(m, METRIC_LATE_AUDIO), THREADS * ROUNDS);
    assert_int_equal(metrics_value(m, METRIC_TOKENS), THREADS * ROUNDS * 2);
    assert_int_equal(metrics_value(m, METRIC_AUDIO_QUEUE), 0);
    assert_int_equal(metrics_value(m, METRIC_WS_CONNECT), THREADS * ROUNDS);
    buf_done(&out);
    metrics_free(m);
}

TEST_MAIN(T(counters_gauges_and_labels_are_printed), T(every_word_of_every_label_has_a_count_of_its_own),
          T(histograms_are_cumulative_and_in_seconds), T(the_exposition_is_well_formed),
          T(close_reasons_are_those_of_the_calls), T(verdicts_are_those_of_the_calls),
          T(oddities_of_a_line_are_those_that_calls_tell), T(units_other_than_seconds_are_printed_as_they_are),
          T(the_json_form_has_the_shape_of_the_reference), T(nothing_is_lost_when_threads_count_at_once))
