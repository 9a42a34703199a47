// libphonenumber behind C linkage: the only C++ of the tree. No exception leaves this file.
#include <phonenumbers/phonenumberutil.h>

#include <cstring>
#include <string>

#include "numbers/number_lib.h"

using i18n::phonenumbers::PhoneNumber;
using i18n::phonenumbers::PhoneNumberUtil;

static std::string region_of(const char *country, size_t n)
{
    std::string region(n ? country : "", n);
    for (char &c : region) {
        c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    }
    return region.size() == 2 ? region : "ZZ"; // of no country: only numbers with + are understood
}

static int error_of(PhoneNumberUtil::ErrorType type)
{
    switch (type) {
    case PhoneNumberUtil::TOO_SHORT_AFTER_IDD:
    case PhoneNumberUtil::TOO_SHORT_NSN:
        return NUMBER_TOO_SHORT;
    case PhoneNumberUtil::TOO_LONG_NSN:
        return NUMBER_TOO_LONG;
    case PhoneNumberUtil::INVALID_COUNTRY_CODE_ERROR:
        return NUMBER_COUNTRY;
    default:
        return NUMBER_NONE;
    }
}

static int read(const std::string &in, const std::string &region, char *ret)
{
    const PhoneNumberUtil *util = PhoneNumberUtil::GetInstance();
    PhoneNumber number;
    std::string out;
    PhoneNumberUtil::ErrorType type = util->Parse(in, region, &number);
    if (type != PhoneNumberUtil::NO_PARSING_ERROR) {
        bool plus = in.find('+') != std::string::npos;
        return type == PhoneNumberUtil::INVALID_COUNTRY_CODE_ERROR && plus ? NUMBER_NONE : error_of(type);
    }
    if (number.has_extension()) {
        return NUMBER_EXTENSION;
    }
    switch (util->IsPossibleNumberWithReason(number)) {
    case PhoneNumberUtil::TOO_SHORT:
    case PhoneNumberUtil::IS_POSSIBLE_LOCAL_ONLY:
        return NUMBER_TOO_SHORT;
    case PhoneNumberUtil::TOO_LONG:
        return NUMBER_TOO_LONG;
    case PhoneNumberUtil::IS_POSSIBLE:
        break;
    default:
        return NUMBER_NONE;
    }
    util->Format(number, PhoneNumberUtil::E164, &out);
    if (out.size() < 4 || out.size() >= NUMBER_LIB_MAX || out[0] != '+') {
        return NUMBER_NONE;
    }
    std::memcpy(ret, out.c_str(), out.size() + 1);
    return 0;
}

extern "C" int number_lib_read(const char *text, size_t n, const char *country, size_t country_n, char *ret)
{
    try {
        return read(std::string(text, n), region_of(country, country_n), ret);
    } catch (...) {
        return NUMBER_NONE;
    }
}

extern "C" const char *number_lib_name(void)
{
    return "libphonenumber";
}
