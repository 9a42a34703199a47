/* Settings of traces: the standard names of OpenTelemetry, and what the service is told. */
#include "fixture.h"

#define ENV(...) ((const char *const[]){__VA_ARGS__, NULL})

TEST(without_settings_traces_are_kept_and_nothing_is_sent)
{
    struct fixture f;
    fixture_ok(&f, NULL, NULL);
    const struct config_tracing *t = &f.cfg->tracing;
    assert_true(t->enabled);
    assert_true(t->local);
    assert_false(t->content);
    assert_false(t->exports);
    assert_str_is(t->service_name, "ringtrip");
    assert_int_equal(t->sampler, TRACE_PARENT_ALWAYS_ON);
    assert_str_is(f.cfg->agent.tracing, "auto");
    fixture_done(&f);
}

TEST(an_endpoint_gets_the_path_and_a_whole_address_does_not)
{
    struct fixture f;
    fixture_ok(&f, NULL, ENV("OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318/base/"));
    assert_str_is(f.cfg->tracing.traces_endpoint, "http://127.0.0.1:4318/base/v1/traces");
    assert_true(f.cfg->tracing.exports);
    fixture_done(&f);
    fixture_ok(&f, NULL,
               ENV("OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318",
                   "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=https://traces.example.com/in"));
    assert_str_is(f.cfg->tracing.traces_endpoint, "https://traces.example.com/in");
    assert_true(f.cfg->tracing.exports);
    fixture_done(&f);
}

TEST(every_standard_variable_is_read)
{
    struct fixture f;
    fixture_ok(&f, NULL,
               ENV("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://c:4318/v1/traces", "OTEL_EXPORTER_OTLP_HEADERS=all=1",
                   "OTEL_EXPORTER_OTLP_TRACES_HEADERS=x-api-key=abc%20d", "OTEL_EXPORTER_OTLP_TIMEOUT=2500",
                   "OTEL_EXPORTER_OTLP_COMPRESSION=gzip", "OTEL_EXPORTER_OTLP_CERTIFICATE=/etc/ca.pem",
                   "OTEL_BSP_SCHEDULE_DELAY=200", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE=10", "OTEL_BSP_MAX_QUEUE_SIZE=20",
                   "OTEL_TRACES_SAMPLER=traceidratio", "OTEL_TRACES_SAMPLER_ARG=0.25", "OTEL_SERVICE_NAME=phone",
                   "OTEL_RESOURCE_ATTRIBUTES=a=b,c=d", "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=true"));
    const struct config_tracing *t = &f.cfg->tracing;
    assert_str_is(t->headers, "x-api-key=abc%20d");
    assert_int_equal(t->timeout_ms, 2500);
    assert_int_equal(t->gzip, 1);
    assert_str_is(t->ca_file, "/etc/ca.pem");
    assert_int_equal(t->delay_ms, 200);
    assert_int_equal(t->max_batch, 10);
    assert_int_equal(t->max_queue, 20);
    assert_int_equal(t->sampler, TRACE_RATIO);
    assert_true(t->sampler_ratio > 0.24 && t->sampler_ratio < 0.26);
    assert_str_is(t->service_name, "phone");
    assert_str_is(t->resource, "a=b,c=d");
    assert_int_equal(t->content, 1);
    assert_true(f.cfg->secrets.n > 0); /* the headers */
    fixture_done(&f);
}

TEST(several_switches_stop_the_export_alone)
{
    static const char *const off[] = {"OTEL_SDK_DISABLED=true", "OTEL_TRACES_EXPORTER=none"};
    struct fixture f;
    for (size_t i = 0; i < ARRAY_LEN(off); i++) {
        fixture_ok(&f, NULL, ENV("OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4318", off[i]));
        assert_false(f.cfg->tracing.exports);
        assert_true(f.cfg->tracing.enabled && f.cfg->tracing.local);
        fixture_done(&f);
    }
    fixture_ok(&f, "tracing: {enabled: false}\n", ENV("OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4318"));
    assert_false(f.cfg->tracing.exports);
    fixture_done(&f);
}

static bool warns(const struct fixture *f, const char *words)
{
    for (uint32_t i = 0; i < f->cfg->warnings.n; i++) {
        if (str_search(f->cfg->warnings.v[i], str_from(words)) != SIZE_MAX) {
            return true;
        }
    }
    return false;
}

TEST(another_protocol_is_warned_of)
{
    struct fixture f;
    fixture_ok(&f, NULL, ENV("OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4317", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"));
    assert_true(warns(&f, "usually 4318"));
    assert_true(f.cfg->tracing.exports);
    fixture_done(&f);
    fixture_ok(&f, NULL,
               ENV("OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4318", "OTEL_EXPORTER_OTLP_PROTOCOL=http/json",
                   "OTEL_TRACES_EXPORTER=otlp,console"));
    assert_false(warns(&f, "4318"));
    assert_true(warns(&f, "console"));
    assert_true(f.cfg->tracing.exports);
    fixture_done(&f);
}

TEST(the_service_is_told_what_the_agent_says)
{
    static const struct {
        const char *yaml;
        const char *want;
    } cases[] = {
        {"agent: {tracing: auto}", "auto"},
        {"agent: {tracing: none}", "none"},
        {"agent: {tracing: null}", "none"},
        {"agent: {model_settings: {tracing: {workflow_name: Shop, group_id: '7', metadata: {shop: north, n: 3}}}}",
         "{\"workflow_name\":\"Shop\",\"group_id\":\"7\",\"metadata\":{\"shop\":\"north\",\"n\":3}}"},
        {"agent: {tracing: {}}", "{}"},
    };
    struct fixture f;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        fixture_ok(&f, cases[i].yaml, NULL);
        assert_str_is(f.cfg->agent.tracing, cases[i].want);
        fixture_done(&f);
    }
}

TEST(what_cannot_be_used_is_refused_with_its_place)
{
    assert_refused("agent: {tracing: maybe}\n", NULL,
                   "t.yaml:1:18: agent.tracing must be auto or none, not \"maybe\"\n");
    assert_refused("agent: {tracing: {workflow: x}}\n", NULL,
                   "t.yaml:1:18: agent.tracing must be auto, none or a map with workflow_name, group_id and metadata; "
                   "\"workflow\" does not belong there\n");
    assert_refused("agent: {tracing: {metadata: x}}\n", NULL,
                   "t.yaml:1:18: agent.tracing must be auto, none or a map with workflow_name, group_id and metadata; "
                   "\"metadata\" must be a map\n");
    assert_refused("agent: {tracing: {group_id: [1]}}\n", NULL,
                   "t.yaml:1:18: agent.tracing must be auto, none or a map with workflow_name, group_id and metadata; "
                   "\"group_id\" must be a text\n");
    assert_refused("tracing: {export: {endpoint: 'ws://c:1'}}\n", NULL,
                   "t.yaml:1:30: tracing.export.endpoint must be an http or https address, not "
                   "\"ws://c:1\"\n");
    assert_refused("tracing: {export: {sampler: sometimes}}\n", NULL,
                   "t.yaml:1:29: tracing.export.sampler must be one of parentbased_always_on, parentbased_always_off, "
                   "parentbased_traceidratio, always_on, always_off, traceidratio, not \"sometimes\"\n");
}

TEST_MAIN(T(without_settings_traces_are_kept_and_nothing_is_sent),
          T(an_endpoint_gets_the_path_and_a_whole_address_does_not), T(every_standard_variable_is_read),
          T(several_switches_stop_the_export_alone), T(another_protocol_is_warned_of),
          T(the_service_is_told_what_the_agent_says), T(what_cannot_be_used_is_refused_with_its_place))
