#include "tools/builtin/confirmation.h"

#define CODE_MIN 4

/* One word of the text: letters and digits, with hyphens and apostrophes inside. */
struct word {
    struct str s;
    size_t end;    /* behind it */
    bool marked;   /* "#" stands before it */
    bool sentence; /* the sentence ends before it */
};

static bool is_letter(char ch)
{
    return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z');
}

static bool is_digit(char ch)
{
    return ch >= '0' && ch <= '9';
}

static bool is_inside(struct str text, size_t at)
{
    char ch = text.p[at];
    bool joins = ch == '-' || ch == '\'';
    bool next = at + 1 < text.n && (is_letter(text.p[at + 1]) || is_digit(text.p[at + 1]));
    return is_letter(ch) || is_digit(ch) || (joins && next) || (uint8_t)ch >= 0x80;
}

static bool next_word(struct str text, size_t from, struct word *ret)
{
    *ret = (struct word){0};
    while (from < text.n && !is_letter(text.p[from]) && !is_digit(text.p[from]) && (uint8_t)text.p[from] < 0x80) {
        ret->marked = text.p[from] == '#' || (ret->marked && text.p[from] == ' ');
        ret->sentence = ret->sentence || text.p[from] == '.' || text.p[from] == '?' || text.p[from] == '!';
        from++;
    }
    size_t end = from;
    while (end < text.n && is_inside(text, end)) {
        end++;
    }
    ret->s = (struct str){text.p + from, end - from};
    ret->end = end;
    return end > from;
}

static char upper(char ch)
{
    return ch >= 'a' && ch <= 'z' ? (char)(ch - 32) : ch;
}

static bool is_any(struct str s, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct str w = str_from(list[i]);
        bool same = w.n == s.n;
        for (size_t k = 0; same && k < s.n; k++) {
            same = upper(s.p[k]) == upper(w.p[k]);
        }
        if (same) {
            return true;
        }
    }
    return false;
}
#define IS_ANY(s, list) is_any((s), (list), ARRAY_LEN(list))

/* A letter or digit that is said alone; '\0': another word. */
static char spelt(struct str s)
{
    static const char *const digits[] = {"zero", "one", "two",   "three", "four",
                                         "five", "six", "seven", "eight", "nine"};
    if (s.n == 1 && (is_letter(s.p[0]) || is_digit(s.p[0]))) {
        return upper(s.p[0]);
    }
    for (size_t i = 0; i < ARRAY_LEN(digits); i++) {
        if (is_any(s, &digits[i], 1)) {
            return (char)('0' + i);
        }
    }
    return '\0';
}

struct code {
    char text[CONFIRMATION_MAX];
    size_t n, letters, digits;
    bool too_long, odd;
};

static void put(struct code *c, char ch)
{
    if (c->n + 1 == CONFIRMATION_MAX) {
        c->too_long = true;
        return;
    }
    c->letters += is_letter(ch);
    c->digits += is_digit(ch);
    c->text[c->n++] = upper(ch);
    c->text[c->n] = '\0';
}

static void put_word(struct code *c, struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (is_letter(s.p[i]) || is_digit(s.p[i])) {
            put(c, s.p[i]);
        } else if (s.p[i] != '-') {
            c->odd = true; /* it's, or letters that no code has */
        }
    }
}

/* The code that begins with this word: the word itself, or all the letters and digits that are spelt from it on. */
static void read_code(struct str text, struct word w, struct code *ret)
{
    *ret = (struct code){0};
    if (!spelt(w.s)) {
        put_word(ret, w.s);
        return;
    }
    do {
        char ch = spelt(w.s);
        if (ch) {
            put(ret, ch);
        } else {
            put_word(ret, w.s); /* groups: "A B 47 11" */
        }
    } while (next_word(text, w.end, &w) && !w.sentence && (spelt(w.s) || (is_digit(w.s.p[0]) && w.s.n <= 4)));
}

/* "1930hrs", "2026th", "12345km": numbers with a unit. */
static bool has_unit(const struct code *c)
{
    static const char *const units[] = {"am", "pm",  "st",  "nd",  "rd",  "th",  "hrs", "hr",  "km",
                                        "kg", "usd", "eur", "gbp", "min", "sec", "ms",  "uhr", "years"};
    size_t digits = 0;
    while (digits < c->n && is_digit(c->text[digits])) {
        digits++;
    }
    return digits > 0 && IS_ANY(((struct str){c->text + digits, c->n - digits}), units);
}

static bool is_code(const struct code *c, bool named)
{
    bool plain = !c->odd && !c->too_long && c->n >= CODE_MIN && c->digits > 0;
    return plain && (c->letters > 0 || named) && !has_unit(c);
}

/* Behind "confirmation", "reservation" or "reference". */
static bool find_named(struct str text, struct code *ret)
{
    static const char *const keys[] = {"confirmation", "reservation", "reference"};
    static const char *const sure[] = {"confirmation", "reference"};
    static const char *const numbers[] = {"number", "code", "no", "nr", "id"};
    static const char *const fillers[] = {"is",  "was",  "will", "be", "the",    "it",
                                          "its", "it's", "your", "as", "follows"};
    struct word w;
    for (size_t at = 0; next_word(text, at, &w); at = w.end) {
        if (!IS_ANY(w.s, keys)) {
            continue;
        }
        bool named = IS_ANY(w.s, sure); /* "your reservation is 1930" tells a time */
        struct word next = w;
        while (next_word(text, next.end, &next) && (IS_ANY(next.s, numbers) || IS_ANY(next.s, fillers))) {
            named = named || IS_ANY(next.s, numbers);
        }
        if (next.s.n > 0) {
            read_code(text, next, ret);
            if (is_code(ret, named || next.marked)) {
                return true;
            }
        }
    }
    return false;
}

/* A word of letters and then digits, or the reverse, that nothing announces. */
static bool find_free(struct str text, struct code *ret)
{
    struct word w;
    for (size_t at = 0; next_word(text, at, &w); at = w.end) {
        *ret = (struct code){0};
        put_word(ret, w.s);
        size_t changes = 0;
        for (size_t i = 1; i < ret->n; i++) {
            changes += is_digit(ret->text[i]) != is_digit(ret->text[i - 1]);
        }
        if (changes == 1 && ret->letters >= 2 && ret->digits >= 4 && is_code(ret, false)) {
            return true;
        }
    }
    return false;
}

bool confirmation_find(struct str text, char ret[CONFIRMATION_MAX])
{
    struct code c;
    if (!find_named(text, &c) && !find_free(text, &c)) {
        return false;
    }
    memcpy(ret, c.text, c.n + 1);
    return true;
}
