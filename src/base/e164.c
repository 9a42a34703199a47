#include "base/e164.h"

#include <errno.h>

#include "base/err.h"

#define DIGITS_MIN 3
#define DIGITS_MAX 15
#define LOCAL_MIN  7 /* shorter ones without + are extensions or short codes: not ours to complete */

/* Calling code, and what people dial before a number inside the country. */
static const struct {
    char country[3];
    char code[4];
    char trunk[2]; /* "": none, or it belongs to the number (Italy) */
} plans[] = {
    {"US", "1", "1"},   {"CA", "1", "1"},   {"GB", "44", "0"},  {"IE", "353", "0"}, {"DE", "49", "0"},
    {"AT", "43", "0"},  {"CH", "41", "0"},  {"FR", "33", "0"},  {"BE", "32", "0"},  {"NL", "31", "0"},
    {"LU", "352", ""},  {"ES", "34", ""},   {"PT", "351", ""},  {"IT", "39", ""},   {"GR", "30", ""},
    {"DK", "45", ""},   {"SE", "46", "0"},  {"NO", "47", ""},   {"FI", "358", "0"}, {"IS", "354", ""},
    {"PL", "48", ""},   {"CZ", "420", ""},  {"SK", "421", "0"}, {"HU", "36", ""},   {"RO", "40", "0"},
    {"BG", "359", "0"}, {"HR", "385", "0"}, {"SI", "386", "0"}, {"RS", "381", "0"}, {"EE", "372", ""},
    {"LV", "371", ""},  {"LT", "370", "0"}, {"UA", "380", "0"}, {"TR", "90", "0"},  {"IL", "972", "0"},
    {"AE", "971", "0"}, {"SA", "966", "0"}, {"EG", "20", "0"},  {"ZA", "27", "0"},  {"NG", "234", "0"},
    {"KE", "254", "0"}, {"IN", "91", "0"},  {"PK", "92", "0"},  {"BD", "880", "0"}, {"LK", "94", "0"},
    {"CN", "86", "0"},  {"HK", "852", ""},  {"TW", "886", "0"}, {"JP", "81", "0"},  {"KR", "82", "0"},
    {"SG", "65", ""},   {"MY", "60", "0"},  {"TH", "66", "0"},  {"VN", "84", "0"},  {"PH", "63", "0"},
    {"ID", "62", "0"},  {"AU", "61", "0"},  {"NZ", "64", "0"},  {"MX", "52", ""},   {"BR", "55", "0"},
    {"AR", "54", "0"},  {"CL", "56", ""},   {"CO", "57", ""},   {"PE", "51", "0"},
};

static char upper(char ch)
{
    return ch >= 'a' && ch <= 'z' ? (char)(ch - 32) : ch;
}

static int find_plan(struct str country)
{
    for (size_t i = 0; country.n == 2 && i < ARRAY_LEN(plans); i++) {
        if (upper(country.p[0]) == plans[i].country[0] && upper(country.p[1]) == plans[i].country[1]) {
            return (int)i;
        }
    }
    return -1;
}

/* The digits; -EINVAL when something else than what stands between digits is among them. */
static int collect(struct str text, char *digits, size_t *ret_n, bool *ret_plus)
{
    size_t n = 0;
    *ret_plus = false;
    for (size_t i = 0; i < text.n; i++) {
        char ch = text.p[i];
        if (ch >= '0' && ch <= '9') {
            if (n == DIGITS_MAX + 4) { /* room for the longest prefix that goes */
                return -EINVAL;
            }
            digits[n++] = ch;
        } else if (ch == '+' && n == 0 && !*ret_plus) {
            *ret_plus = true;
        } else if (!strchr(" -./()\t", ch) || ch == '\0') {
            return -EINVAL;
        }
    }
    *ret_n = n;
    return 0;
}

static void drop(char *digits, size_t *n, size_t at, size_t count)
{
    memmove(digits + at, digits + at + count, *n - at - count);
    *n -= count;
}

static bool begins(const char *digits, size_t n, const char *with)
{
    size_t w = strlen(with);
    return n > w && memcmp(digits, with, w) == 0;
}

/* "+49 (0) 30 ...": the zero in brackets is for callers inside the country. */
static struct str without_bracket_zero(struct str text, char *room, size_t cap)
{
    size_t at = str_search(text, STR("(0)"));
    if (at == SIZE_MAX || at == 0 || text.n - 3 > cap) {
        return text;
    }
    memcpy(room, text.p, at);
    memcpy(room + at, text.p + at + 3, text.n - at - 3);
    return (struct str){room, text.n - 3};
}

static int finish(const char *digits, size_t n, char ret[E164_MAX])
{
    if (n < DIGITS_MIN || n > DIGITS_MAX || digits[0] == '0') {
        return -EINVAL;
    }
    ret[0] = '+';
    memcpy(ret + 1, digits, n);
    ret[n + 1] = '\0';
    return 0;
}

/* A number without +: of this country. */
static int complete(char *digits, size_t n, int plan, char ret[E164_MAX])
{
    char whole[2 * DIGITS_MAX];
    bool america = plan >= 0 && plans[plan].code[0] == '1' && plans[plan].code[1] == '\0';
    if (n < LOCAL_MIN) {
        return -EINVAL;
    }
    if (america && begins(digits, n, "011")) {
        drop(digits, &n, 0, 3);
        return finish(digits, n, ret);
    }
    if (!america && begins(digits, n, "00")) {
        drop(digits, &n, 0, 2);
        return finish(digits, n, ret);
    }
    if (plan < 0) {
        return -ERR_MISSING;
    }
    if (america && n != 10 && n != 11) {
        return -EINVAL;
    }
    if (plans[plan].trunk[0] && digits[0] == plans[plan].trunk[0] && (!america || n == 11)) {
        drop(digits, &n, 0, 1);
    } else if (america && n == 11) {
        return -EINVAL;
    }
    size_t code = strlen(plans[plan].code);
    memcpy(whole, plans[plan].code, code);
    memcpy(whole + code, digits, n);
    return finish(whole, code + n, ret);
}

int e164_normalize(struct str text, struct str country, char ret[E164_MAX])
{
    char room[64];
    char digits[DIGITS_MAX + 8];
    size_t n = 0;
    bool plus = false;
    int err = collect(without_bracket_zero(str_trim(text), room, sizeof(room)), digits, &n, &plus);
    if (err < 0) {
        return err;
    }
    return plus ? finish(digits, n, ret) : complete(digits, n, find_plan(country), ret);
}

bool e164_is(struct str text)
{
    bool ok = text.n > DIGITS_MIN && text.n <= DIGITS_MAX + 1 && text.p[0] == '+' && text.p[1] != '0';
    for (size_t i = 1; ok && i < text.n; i++) {
        ok = text.p[i] >= '0' && text.p[i] <= '9';
    }
    return ok;
}
