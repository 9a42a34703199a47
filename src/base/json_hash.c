#include "base/json_hash.h"

#include "base/json.h"

#define MIX UINT64_C(0x9E3779B97F4A7C15)

static uint64_t mix(uint64_t h, uint64_t x)
{
    h = (h ^ x) * MIX;
    return h ^ (h >> 29);
}

/* json_parse has bounded the nesting. */
static uint64_t hash_value(struct json_val v)
{
    uint64_t h = mix(MIX, v.type);
    struct json_val member;
    struct str key;
    if (v.type == JSON_OBJECT) {
        uint64_t sum = 0; /* the order does not count */
        for (struct json_it it = json_object(v); json_next(&it, &key, &member);) {
            sum += mix(str_hash(key), hash_value(member));
        }
        return mix(h, sum);
    }
    if (v.type == JSON_ARRAY) {
        for (struct json_it it = json_array(v); json_elem(&it, &member);) {
            h = mix(h, hash_value(member));
        }
        return h;
    }
    return mix(h, str_hash(v.s));
}

uint64_t json_hash(struct str text)
{
    struct json_val v;
    uint64_t h = json_parse(text, &v) < 0 ? str_hash(text) : hash_value(v);
    return h ? h : 1;
}
