#include "base/nearest.h"

/* Edits (insert, delete, replace, swap of neighbours) from a to b, at most NEAREST_NONE characters each. */
static uint32_t distance(struct str a, struct str b)
{
    uint32_t rows[3][NEAREST_NONE + 1];
    uint32_t *before = rows[0], *prev = rows[1], *now = rows[2];
    if (a.n > NEAREST_NONE || b.n > NEAREST_NONE) {
        return NEAREST_NONE;
    }
    for (uint32_t j = 0; j <= b.n; j++) {
        prev[j] = j;
        before[j] = j;
    }
    for (uint32_t i = 1; i <= a.n; i++) {
        uint32_t *spare = before;
        now[0] = i;
        for (uint32_t j = 1; j <= b.n; j++) {
            uint32_t cost = a.p[i - 1] == b.p[j - 1] ? 0 : 1;
            now[j] = MIN(MIN(prev[j] + 1, now[j - 1] + 1), prev[j - 1] + cost);
            if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1]) {
                now[j] = MIN(now[j], before[j - 2] + 1);
            }
        }
        before = prev;
        prev = now;
        now = spare;
    }
    return prev[b.n];
}

uint32_t nearest_slip(struct str word, struct str known)
{
    uint32_t d = distance(word, known);
    if (word.n >= 3 && (str_starts(known, word) || (known.n >= 3 && str_starts(word, known)))) {
        d = MIN(d, 2u);
    }
    return d <= 1 + word.n / 3 ? d : NEAREST_NONE;
}
