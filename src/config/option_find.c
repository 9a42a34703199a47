/* The table of options searched: by key, by what was probably meant, and by the names that other systems use. */
#include <errno.h>
#include <stdio.h>

#include "base/err.h"
#include "config/options.h"

static struct str key_of(const struct option *o)
{
    return str_from(o->key);
}

const struct option *option_find(enum option_scope scope, struct str key)
{
    for (uint32_t i = 0; i < option_count; i++) {
        if (option_table[i].scope == scope && option_table[i].key && str_eq(key_of(&option_table[i]), key)) {
            return &option_table[i];
        }
    }
    return NULL;
}

/* What of key lies below group: "b.c" of "a.b.c" for "a"; empty when it does not. */
static struct str below(struct str key, struct str group)
{
    if (group.n == 0) {
        return key;
    }
    if (key.n > group.n + 1 && str_starts(key, group) && key.p[group.n] == '.') {
        return (struct str){key.p + group.n + 1, key.n - group.n - 1};
    }
    return STR_NULL;
}

bool option_is_group(enum option_scope scope, struct str path)
{
    for (uint32_t i = 0; i < option_count; i++) {
        if (option_table[i].scope == scope && option_table[i].key && below(key_of(&option_table[i]), path).n) {
            return true;
        }
    }
    for (uint32_t i = 0; scope == OPTION_ROOT && i < option_alias_count; i++) {
        if (str_is(path, option_aliases[i].from) && option_is_group(scope, str_from(option_aliases[i].to))) {
            return true;
        }
        if (below(str_from(option_aliases[i].from), path).n) {
            return true;
        }
    }
    return false;
}

bool option_word_nearest(const struct option_word *words, struct str word, const char **ret)
{
    uint32_t best = NEAREST_NONE;

    for (; words->word; words++) {
        uint32_t d = nearest_slip(word, str_from(words->word));
        if (!words->hidden && d < best) {
            best = d;
            *ret = words->word;
        }
    }
    return best < NEAREST_NONE;
}

void option_consider(struct str known, struct str word, uint32_t *best, struct str *ret)
{
    uint32_t d = nearest_slip(word, known);
    if (known.n && d < *best) {
        *best = d;
        *ret = known;
    }
}

static void consider(struct str member, struct str word, uint32_t *best, struct str *ret)
{
    member.n = str_find(member, '.');
    option_consider(member, word, best, ret);
}

bool option_nearest(enum option_scope scope, struct str group, struct str word, char *ret, size_t cap)
{
    struct str found = STR_NULL;
    uint32_t best = NEAREST_NONE;

    for (uint32_t i = 0; i < option_count; i++) {
        if (option_table[i].scope == scope && option_table[i].key && option_table[i].type != OPTION_DROPPED) {
            consider(below(key_of(&option_table[i]), group), word, &best, &found);
        }
    }
    if (scope == OPTION_ROOT && group.n == 0) {
        for (uint32_t i = 0; i < option_section_count; i++) {
            consider(str_from(option_sections[i]), word, &best, &found);
        }
    }
    return found.n && str_copy(ret, cap, found) >= 0;
}

static size_t snake(struct str in, char *out, size_t cap)
{
    size_t n = 0;

    for (size_t i = 0; i < in.n && n + 2 < cap; i++) {
        bool upper = in.p[i] >= 'A' && in.p[i] <= 'Z';

        if (upper && i > 0 && in.p[i - 1] != '.' && in.p[i - 1] != '_') {
            out[n++] = '_';
        }
        out[n++] = upper ? (char)(in.p[i] + 'a' - 'A') : in.p[i];
    }
    return n;
}

int option_canonical(struct str path, char *ret, size_t cap)
{
    char work[256];
    char next[256];
    size_t n;

    if (path.n * 2 + 2 > sizeof(work)) {
        return -ENOSPC;
    }
    n = option_find(OPTION_ROOT, path) ? 0 : snake(path, work, sizeof(work));
    if (n == 0) {
        return str_copy(ret, cap, path);
    }
    /* A rewritten path may be rewritten again: session.audio.input.format. */
    for (uint32_t round = 0; round < 3; round++) {
        const struct option_alias *best = NULL;
        size_t best_n = 0;
        int len;

        for (uint32_t i = 0; i < option_alias_count; i++) {
            struct str from = str_from(option_aliases[i].from);

            if (from.n > best_n && (str_eq((struct str){work, n}, from) || below((struct str){work, n}, from).n)) {
                best = &option_aliases[i];
                best_n = from.n;
            }
        }
        if (!best) {
            break;
        }
        len = snprintf(next, sizeof(next), "%s%.*s", best->to, (int)(n - best_n), work + best_n);
        if (len < 0 || (size_t)len >= sizeof(next)) {
            return -ENOSPC;
        }
        memcpy(work, next, (size_t)len);
        n = (size_t)len;
    }
    return str_copy(ret, cap, (struct str){work, n});
}
