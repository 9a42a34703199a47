#include "tools/builtin/confirmation.h"

#include "test.h"

TEST(numbers_are_found_as_people_give_them)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        /* the reference's */
        {"Your confirmation number is ABC123", "ABC123"},
        {"Your reservation is XYZ789", "XYZ789"},
        {"Reference number: DEF456", "DEF456"},
        {"Confirmation: ABC1234", "ABC1234"},
        /* more of them */
        {"your confirmation code is abc-123-x.", "ABC123X"},
        {"The confirmation number will be 471100, thank you.", "471100"},
        {"reservation #8842", "8842"},
        {"Reservation number 884211.", "884211"},
        {"The reference is A B C, 1 2 3.", "ABC123"},
        {"Your confirmation number is A, B, C, one, two, three. See you then.", "ABC123"},
        {"confirmation code A B 47 11", "AB4711"},
        {"We have you down as XY4711.", "XY4711"},
        {"It is 4711XY, goodbye", "4711XY"},
        {"A reservation, yes. Your confirmation number is QR55.", "QR55"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char got[CONFIRMATION_MAX] = "";
        if (!confirmation_find(str_from(cases[i].text), got) || strcmp(got, cases[i].want) != 0) {
            fail_msg("%s: [%s], not %s", cases[i].text, got, cases[i].want);
        }
    }
}

TEST(what_only_looks_like_one_is_none)
{
    static const char *const texts[] = {
        "",
        "Hello, how can I help you?",
        "I would like a reservation UNDER the name of Smith",
        "reservation UNDER",
        "Your reservation is confirmed",
        "Your reservation is at 1930",
        "Your reservation is 1930",
        "a reservation for 12 people on the 24th",
        "Your reservation is 2026-11-21",
        "confirmation is needed by 5pm",
        "the confirmation is 12",
        "1930hrs would be fine, or 2026th",
        "call us at 5550001111",
        "my number is 555-000-1111",
        "confirmation it's four",
        "reference number",
        "reference number:",
        "confirmation number is \xc3\xa9t\xc3\xa9"
        "1234",
        "confirmation number is 12345678901234567890123456789012345678901234567890",
        "confirmationnumber ABC",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        char got[CONFIRMATION_MAX] = "";
        if (confirmation_find(str_from(texts[i]), got)) {
            fail_msg("%s: [%s]", texts[i], got);
        }
    }
}

TEST_MAIN(T(numbers_are_found_as_people_give_them), T(what_only_looks_like_one_is_none))
