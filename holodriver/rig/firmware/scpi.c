#include "scpi.h"

#include <avr/pgmspace.h>
#include <ctype.h>

#define QUEUE_LENGTH 16
#define POWER_ON 0x80

struct error_text {
    int16_t code;
    char text[82];
};

static const struct error_text errors[] PROGMEM = {
    [ERROR_NONE] = {0, "No error"},
    [ERROR_CHARACTER] = {-101, "Invalid character"},
    [ERROR_TYPE] = {-104, "Data type error; a number is expected"},
    [ERROR_WHOLE] = {-104, "Data type error; a whole number is expected"},
    [ERROR_EXTRA] = {-108, "Parameter not allowed"},
    [ERROR_MISSING] = {-109, "Missing parameter"},
    [ERROR_HEADER] = {-113, "Undefined header"},
    [ERROR_SUFFIX] = {-114, "Header suffix out of range; colours are 1 to 3"},
    [ERROR_TRIGGER] = {-211, "Trigger ignored; needs OUTP ON and TRIG:SOUR BUS"},
    [ERROR_TRIPPED] = {-221, "Settings conflict; the interlock has tripped, a person must reset it at the box"},
    [ERROR_ARMED] = {-221, "Settings conflict; only while disarmed"},
    [ERROR_RANGE] = {-222, "Data out of range"},
    [ERROR_POWER] = {-222, "Data out of range; below 0 or over the power limit of this colour"},
    [ERROR_STEPS] = {-223, "Too much data; at most 16 steps"},
    [ERROR_VALUE] = {-224, "Illegal parameter value"},
    [ERROR_STEP] = {-224, "Illegal parameter value; colours 1 to 3, such as 1,2,3 or 1+2,3"},
    [ERROR_OVERFLOW] = {-350, "Queue overflow"},
    [ERROR_SUM_WRONG] = {-360, "Communication error; the checksum is wrong"},
    [ERROR_SUM_MISSING] = {-360, "Communication error; the checksum is missing"},
    [ERROR_OVERRUN] = {-363, "Input buffer overrun; a line has at most 128 characters"},
    [ERROR_WATCHDOG] = {101, "Watchdog; the host was silent; dark and disarmed"},
    [ERROR_INTERLOCK] = {102, "Interlock tripped; a person must reset it at the box"},
    [ERROR_RESTARTED] = {103, "Restarted by the hardware watchdog; dark and disarmed"},
    [ERROR_OUT_OF_STEP] = {104, "Out of step; an edge was missing or out of time; dark and disarmed"},
    [ERROR_GATE] = {-221, "Settings conflict; needs OUTP ON and SEQ:GATE ON"},
    [ERROR_MORE_FRAMES] = {-221, "Settings conflict; more frames than edges"},
};

static uint8_t queue[QUEUE_LENGTH], waiting;
static uint8_t status = POWER_ON;

static bool is_letter(char character)
{
    return isalpha((unsigned char)character);
}

static char at(const char *pattern)
{
    return (char)pgm_read_byte(pattern);
}

/* Return the rest of `header` behind one word of the pattern, in its short or its long form; null if neither form is
 * there. The pattern moves behind the word. */
static const char *behind_word(const char **pattern, const char *header)
{
    const char *rest = *pattern;
    bool fits = true;
    for (; fits && at(rest) >= 'A' && at(rest) <= 'Z'; rest++)
        fits = toupper((unsigned char)*header++) == at(rest);
    const char *whole = fits ? header : 0;
    for (*pattern = rest; fits && is_letter(at(*pattern)); (*pattern)++)
        if (whole)
            whole = toupper((unsigned char)*whole) == toupper((unsigned char)at(*pattern)) ? whole + 1 : 0;
    return !fits ? 0 : whole ? whole : header;
}

/* Return the rest of `header` behind a number of up to three digits; null if there is no number. */
static const char *behind_number(const char *header, uint16_t *number)
{
    uint8_t length = 0;
    for (*number = 0; isdigit((unsigned char)*header) && length < 3; length++)
        *number = *number * 10 + (uint16_t)(*header++ - '0');
    return length ? header : 0;
}

bool scpi_header_fits(const char *pattern, const char *header, uint16_t *suffix)
{
    const char *optional = 0; /* position in the header before an optional part of the pattern */
    char wanted;
    while ((wanted = at(pattern))) {
        const char *behind = header;
        if (wanted == '[' || wanted == ']') {
            optional = wanted == '[' ? header : 0;
            pattern++;
            continue;
        }
        if (is_letter(wanted))
            behind = behind_word(&pattern, header);
        else {
            behind = wanted == '#' ? behind_number(header, suffix) : wanted == *header ? header + 1 : 0;
            pattern++;
        }
        if (!behind) {
            if (!optional)
                return false;
            while (at(pattern) != ']')
                pattern++;
            behind = optional;
        }
        header = behind;
    }
    return !*header;
}

bool scpi_decimal(const char *text, struct decimal *number)
{
    bool any = false, point = false;
    *number = (struct decimal){0};
    if (*text == '+' || *text == '-')
        number->negative = *text++ == '-';
    for (; isdigit((unsigned char)*text) || (*text == '.' && !point); text++) {
        if (*text == '.') {
            point = true;
            continue;
        }
        any = true;
        if (number->digits < 100000000UL) {
            number->digits = number->digits * 10 + (uint32_t)(*text - '0');
            number->exponent -= point;
        } else {
            number->more |= *text != '0';
            number->exponent += !point;
        }
    }
    if (!any)
        return false;
    if (*text == 'e' || *text == 'E') {
        bool down = false;
        int16_t power = 0;
        uint8_t length = 0;
        text++;
        if (*text == '+' || *text == '-')
            down = *text++ == '-';
        for (; isdigit((unsigned char)*text) && length < 3; length++)
            power = power * 10 + (*text++ - '0');
        if (!length)
            return false;
        number->exponent += down ? -power : power;
    }
    return !*text;
}

bool scpi_scaled(const struct decimal *number, int8_t places, uint32_t *value)
{
    int16_t exponent = number->exponent + places;
    bool exact = !number->more;
    uint32_t scaled = number->digits;
    for (; exponent > 0 && scaled; exponent--) {
        if (scaled > UINT32_MAX / 10) {
            *value = UINT32_MAX;
            return false;
        }
        scaled *= 10;
    }
    for (; exponent < 0 && scaled; exponent++) {
        exact = exact && scaled % 10 == 0;
        scaled /= 10;
    }
    *value = scaled;
    return exact;
}

enum error scpi_whole(const char *text, uint16_t low, uint16_t high, uint16_t *value)
{
    struct decimal number;
    uint32_t scaled;
    if (!scpi_decimal(text, &number))
        return ERROR_TYPE;
    bool exact = scpi_scaled(&number, 0, &scaled);
    if ((number.negative && number.digits) || scaled < low || scaled > high || (scaled == high && !exact))
        return ERROR_RANGE;
    if (!exact)
        return ERROR_WHOLE;
    *value = (uint16_t)scaled;
    return ERROR_NONE;
}

void scpi_add_error(enum error error)
{
    int16_t code = (int16_t)pgm_read_word(&errors[error].code);
    if (code <= -100 && code > -200)
        status |= 0x20; /* command error */
    else if (code <= -200 && code > -300)
        status |= 0x10; /* execution error */
    else
        status |= 0x08; /* device error */
    if (waiting < QUEUE_LENGTH)
        queue[waiting++] = error;
    else
        queue[QUEUE_LENGTH - 1] = ERROR_OVERFLOW;
}

void scpi_clear_errors(void)
{
    waiting = 0;
    status = 0;
}

void scpi_say_number(uint32_t number, void (*put)(char))
{
    char digits[10];
    uint8_t length = 0;
    do
        digits[length++] = (char)('0' + number % 10);
    while (number /= 10);
    while (length)
        put(digits[--length]);
}

void scpi_say_error(void (*put)(char))
{
    uint8_t error = ERROR_NONE;
    if (waiting) {
        error = queue[0];
        waiting--;
        for (uint8_t place = 0; place < waiting; place++)
            queue[place] = queue[place + 1];
    }
    int16_t code = (int16_t)pgm_read_word(&errors[error].code);
    if (code < 0)
        put('-');
    scpi_say_number((uint32_t)(code < 0 ? -code : code), put);
    put(',');
    put('"');
    for (const char *text = errors[error].text; at(text); text++)
        put(at(text));
    put('"');
}

uint8_t scpi_status(void)
{
    uint8_t before = status;
    status = 0;
    return before;
}
