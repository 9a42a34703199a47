/* The tree of spans as text. */
#include <stdio.h>

#include "gateway/trace_tree.h"
#include "test.h"

static struct store_span make(const char *id, const char *parent, uint32_t seq, uint64_t start_ms, uint64_t end_ms)
{
    return (struct store_span){.span_id = str_from(id),
                               .parent_id = str_from(parent),
                               .trace_id = STR("abc"),
                               .seq = seq,
                               .name = str_from(id),
                               .type = STR("custom"),
                               .start_us = 1000000 + start_ms * 1000,
                               .end_us = end_ms ? 1000000 + end_ms * 1000 : 0,
                               .attrs = STR("{}"),
                               .events = STR("[]")};
}

static void assert_tree(const struct store_span *spans, uint32_t n, const char *want)
{
    struct buf out;
    buf_init(&out, 1 << 20);
    assert_int_equal(trace_tree_print(spans, n, &out), 0);
    assert_str_is(buf_str(&out), want);
    buf_done(&out);
}

TEST(children_stand_below_their_parents)
{
    struct store_span spans[] = {make("call", "", 1, 0, 9000),       make("turn1", "call", 2, 10, 500),
                                 make("tool", "turn1", 3, 20, 120),  make("reply", "turn1", 4, 130, 0),
                                 make("turn2", "call", 5, 600, 700), make("stray", "elsewhere", 6, 800, 801)};
    assert_tree(spans, ARRAY_LEN(spans),
                "      begins        lasts  trace abc\n"
                "     0.000 s      9.000 s  call\n"
                "     0.010 s      0.490 s  ├─ turn1\n"
                "     0.020 s      0.100 s  │  ├─ tool\n"
                "     0.130 s    not ended  │  └─ reply\n"
                "     0.600 s      0.100 s  └─ turn2\n"
                "     0.800 s      0.001 s  stray\n");
}

TEST(what_matters_of_a_span_stands_beside_it)
{
    struct store_span spans[] = {make("a", "", 1, 0, 1), make("b", "a", 2, 0, 1), make("c", "a", 3, 0, 1),
                                 make("d", "a", 4, 0, 1), make("e", "a", 5, 0, 1)};
    spans[0].type = STR("turn");
    spans[0].attrs = STR("{\"ringtrip.turn.number\":3,\"ringtrip.turn.response_ms\":610,"
                         "\"ringtrip.turn.interrupted\":true}");
    spans[1].type = STR("response");
    spans[1].attrs = STR("{\"gen_ai.response.time_to_first_chunk\":0.25,\"gen_ai.usage.input_tokens\":5,"
                         "\"gen_ai.usage.output_tokens\":6,\"gen_ai.response.finish_reasons\":[\"length\"]}");
    spans[2].type = STR("tool");
    spans[2].failed = true;
    spans[2].attrs = STR("{\"error.type\":\"timeout\"}");
    spans[2].error = STR("too\x1b[2J slow\xc2\x9b");
    spans[3].type = STR("guardrail");
    spans[3].attrs = STR("{\"ringtrip.guardrail.tripped\":true}");
    spans[4].attrs = STR("not json");
    assert_tree(spans, ARRAY_LEN(spans),
                "      begins        lasts  trace abc\n"
                "     0.000 s      0.001 s  a, turn 3, answered after 610 ms, interrupted\n"
                "     0.000 s      0.001 s  ├─ b, first output after 250 ms, 5 tokens in, 6 out, length\n"
                "     0.000 s      0.001 s  ├─ c  ERROR timeout: too?[2J slow?\n"
                "     0.000 s      0.001 s  ├─ d, tripped\n"
                "     0.000 s      0.001 s  └─ e\n");
}

TEST(a_chain_that_comes_back_to_itself_ends)
{
    struct store_span spans[] = {make("a", "b", 1, 0, 1), make("b", "a", 2, 0, 1), make("c", "c", 3, 0, 1)};
    assert_tree(spans, ARRAY_LEN(spans),
                "      begins        lasts  trace abc\n"
                "     0.000 s      0.001 s  a\n"
                "     0.000 s      0.001 s  └─ b\n"
                "     0.000 s      0.001 s  c\n");
    assert_tree(spans, 0, "");
}

TEST(a_long_chain_is_printed_to_its_end)
{
    static struct store_span spans[3000];
    static char ids[3000][16];
    struct buf out;
    for (uint32_t i = 0; i < ARRAY_LEN(spans); i++) {
        assert_true(snprintf(ids[i], sizeof(ids[i]), "s%u", i) > 0);
        spans[i] = make(ids[i], i ? ids[i - 1] : "", i + 1, i, i + 1);
    }
    buf_init(&out, 4 << 20);
    assert_int_equal(trace_tree_print(spans, ARRAY_LEN(spans), &out), 0);
    uint32_t lines = 0;
    for (size_t i = 0; i < out.len; i++) {
        lines += buf_ptr(&out)[i] == '\n';
    }
    assert_int_equal(lines, ARRAY_LEN(spans) + 1);
    buf_done(&out);
}

TEST_MAIN(T(children_stand_below_their_parents), T(what_matters_of_a_span_stands_beside_it),
          T(a_chain_that_comes_back_to_itself_ends), T(a_long_chain_is_printed_to_its_end))
