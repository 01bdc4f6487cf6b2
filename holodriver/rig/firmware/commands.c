#include "commands.h"

#include <avr/pgmspace.h>
#include <ctype.h>
#include <string.h>

#include "config.h"
#include "light.h"
#include "scpi.h"
#include "serial.h"

#define MAX_LINE 128

static char line[MAX_LINE + 1];
static uint8_t length;
static bool overrun, damaged;
static bool checksums; /* once a line with one was seen, until power goes off */

static uint8_t sum; /* of the answer so far */
static bool said;
static void (*background)(void);

static const uint32_t limits_nw[3] = POWER_LIMITS_NW;

/* ---------------------------------------------------------------- answers */

static void put(char character)
{
    sum ^= (uint8_t)character;
    said = true;
    serial_put(character, background);
}

static void put_text(const char *text) /* in program memory */
{
    for (char character; (character = (char)pgm_read_byte(text)); text++)
        put(character);
}

static void put_digit(uint8_t nibble)
{
    serial_put((char)(nibble < 10 ? '0' + nibble : 'A' + nibble - 10), background);
}

static void end_answer(void)
{
    if (checksums) {
        serial_put('*', background);
        put_digit(sum >> 4);
        put_digit(sum & 15);
    }
    serial_put('\n', background);
}

static void put_watts(uint32_t nanowatts)
{
    uint32_t rest = nanowatts % 1000000000UL;
    scpi_say_number(nanowatts / 1000000000UL, put);
    put('.');
    uint32_t place = 100000000UL;
    do {
        put((char)('0' + rest / place % 10));
        rest %= place;
        place /= 10;
    } while (rest && place);
}

static void put_step(uint8_t mask)
{
    bool any = false;
    for (uint8_t colour = 0; colour < 3; colour++)
        if (mask & (1 << colour)) {
            if (any)
                put('+');
            put((char)('1' + colour));
            any = true;
        }
    if (!any)
        put('0');
}

/* ---------------------------------------------------------------- common commands */

static enum error identify(uint16_t suffix, const char *value)
{
    put_text(PSTR(IDENTITY));
    return ERROR_NONE;
}

static enum error reset(uint16_t suffix, const char *value)
{
    light_reset(); /* a trip stays: only a person clears it */
    return ERROR_NONE;
}

static enum error clear(uint16_t suffix, const char *value)
{
    scpi_clear_errors();
    return ERROR_NONE;
}

static enum error say_status(uint16_t suffix, const char *value)
{
    scpi_say_number(scpi_status(), put);
    return ERROR_NONE;
}

static enum error say_complete(uint16_t suffix, const char *value)
{
    put('1');
    return ERROR_NONE;
}

static enum error trigger(uint16_t suffix, const char *value)
{
    if (!light_armed() || light_settings.source != SOURCE_BUS)
        return ERROR_TRIGGER;
    light_trigger();
    return ERROR_NONE;
}

static enum error say_error(uint16_t suffix, const char *value)
{
    scpi_say_error(put);
    return ERROR_NONE;
}

/* ---------------------------------------------------------------- watchdog, power, output */

static enum error set_watchdog(uint16_t suffix, const char *value)
{
    struct decimal number;
    uint32_t asked;
    if (!scpi_decimal(value, &number))
        return ERROR_TYPE;
    bool exact = scpi_scaled(&number, 0, &asked);
    if ((number.negative && number.digits) || asked < 1)
        return ERROR_RANGE;
    if (!exact && asked < MAX_WATCHDOG_MS)
        return ERROR_WHOLE;
    light_watchdog_ms = asked > MAX_WATCHDOG_MS ? MAX_WATCHDOG_MS : (uint8_t)asked; /* never more, whatever is asked */
    return ERROR_NONE;
}

static enum error say_watchdog(uint16_t suffix, const char *value)
{
    scpi_say_number(light_watchdog_ms, put);
    return ERROR_NONE;
}

static enum error set_power(uint16_t suffix, const char *value)
{
    struct decimal watts;
    uint32_t nanowatts;
    if (suffix < 1 || suffix > 3)
        return ERROR_SUFFIX;
    if (!scpi_decimal(value, &watts))
        return ERROR_TYPE;
    bool exact = scpi_scaled(&watts, 9, &nanowatts);
    uint32_t limit = limits_nw[suffix - 1];
    if ((watts.negative && watts.digits) || nanowatts > limit || (nanowatts == limit && !exact))
        return ERROR_POWER;
    light_set_power((uint8_t)(suffix - 1), nanowatts);
    return ERROR_NONE;
}

static enum error say_power(uint16_t suffix, const char *value)
{
    if (suffix < 1 || suffix > 3)
        return ERROR_SUFFIX;
    put_watts(light_power((uint8_t)(suffix - 1)));
    return ERROR_NONE;
}

static enum error set_output(uint16_t suffix, const char *value)
{
    if (!strcasecmp_P(value, PSTR("ON")) || !strcmp_P(value, PSTR("1")))
        return light_arm() ? ERROR_NONE : ERROR_TRIPPED;
    if (strcasecmp_P(value, PSTR("OFF")) && strcmp_P(value, PSTR("0")))
        return ERROR_VALUE;
    light_disarm();
    return ERROR_NONE;
}

static enum error say_output(uint16_t suffix, const char *value)
{
    put(light_armed() ? '1' : '0');
    return ERROR_NONE;
}

static enum error say_tripped(uint16_t suffix, const char *value)
{
    put(light_tripped() ? '1' : '0');
    return ERROR_NONE;
}

/* ---------------------------------------------------------------- the sequence, set only while disarmed */

static enum error set_source(uint16_t suffix, const char *value)
{
    bool external = !strcasecmp_P(value, PSTR("EXT")) || !strcasecmp_P(value, PSTR("EXTERNAL"));
    if (!external && strcasecmp_P(value, PSTR("BUS")))
        return ERROR_VALUE;
    if (light_armed())
        return ERROR_ARMED;
    light_settings.source = external ? SOURCE_EXT : SOURCE_BUS;
    return ERROR_NONE;
}

static enum error say_source(uint16_t suffix, const char *value)
{
    put_text(light_settings.source == SOURCE_EXT ? PSTR("EXT") : PSTR("BUS"));
    return ERROR_NONE;
}

static enum error set_sequence(uint16_t suffix, const char *value)
{
    uint8_t steps[MAX_STEPS], count = 0, mask = 0;
    for (;;) {
        while (*value == ' ')
            value++;
        if (*value < '1' || *value > '3')
            return ERROR_STEP;
        uint8_t bit = (uint8_t)(1 << (*value++ - '1'));
        if (mask & bit)
            return ERROR_STEP;
        mask |= bit;
        while (*value == ' ')
            value++;
        if (*value == '+') {
            value++;
            continue;
        }
        if (*value && *value != ',')
            return ERROR_STEP;
        if (count < MAX_STEPS)
            steps[count] = mask;
        count++;
        mask = 0;
        if (!*value++)
            break;
    }
    if (count > MAX_STEPS)
        return ERROR_STEPS;
    if (light_armed())
        return ERROR_ARMED;
    memcpy(light_settings.steps, steps, count);
    light_settings.step_count = count;
    return ERROR_NONE;
}

static enum error say_sequence(uint16_t suffix, const char *value)
{
    for (uint8_t step = 0; step < light_settings.step_count; step++) {
        if (step)
            put(',');
        put_step(light_settings.steps[step]);
    }
    return ERROR_NONE;
}

static enum error set_time(const char *value, uint16_t low, uint16_t *setting)
{
    uint16_t microseconds;
    enum error error = scpi_whole(value, low, MAX_TIME_US, &microseconds);
    if (error)
        return error;
    if (light_armed())
        return ERROR_ARMED;
    *setting = microseconds;
    return ERROR_NONE;
}

static enum error set_blanking(uint16_t suffix, const char *value)
{
    return set_time(value, 0, &light_settings.blanking_us);
}

static enum error say_blanking(uint16_t suffix, const char *value)
{
    scpi_say_number(light_settings.blanking_us, put);
    return ERROR_NONE;
}

static enum error set_on_time(uint16_t suffix, const char *value)
{
    return set_time(value, 1, &light_settings.on_time_us);
}

static enum error say_on_time(uint16_t suffix, const char *value)
{
    scpi_say_number(light_settings.on_time_us, put);
    return ERROR_NONE;
}

static enum error say_count(uint16_t suffix, const char *value)
{
    struct light_count count = light_count();
    scpi_say_number(count.edges, put);
    put(',');
    put_step(count.step);
    return ERROR_NONE;
}

static enum error set_gate(uint16_t suffix, const char *value)
{
    bool on = !strcasecmp_P(value, PSTR("ON")) || !strcmp_P(value, PSTR("1"));
    if (!on && strcasecmp_P(value, PSTR("OFF")) && strcmp_P(value, PSTR("0")))
        return ERROR_VALUE;
    if (light_armed())
        return ERROR_ARMED;
    light_settings.gated = on;
    return ERROR_NONE;
}

static enum error say_gate(uint16_t suffix, const char *value)
{
    put(light_settings.gated ? '1' : '0');
    return ERROR_NONE;
}

/* A whole number up to `high`, which may be larger than scpi_whole's. */
static enum error large_whole(const char *value, uint32_t high, uint32_t *whole)
{
    struct decimal number;
    if (!scpi_decimal(value, &number))
        return ERROR_TYPE;
    bool exact = scpi_scaled(&number, 0, whole);
    if ((number.negative && number.digits) || *whole > high)
        return ERROR_RANGE;
    return exact ? ERROR_NONE : ERROR_WHOLE;
}

static enum error confirm(uint16_t suffix, const char *value)
{
    uint32_t shown;
    enum error error = large_whole(value, 0x7FFFFFFFUL, &shown);
    if (error)
        return error;
    if (!light_armed() || !light_settings.gated)
        return ERROR_GATE;
    if (!light_confirm(shown)) {
        background(); /* takes the news of it, so that the queue has what happened before what follows from it */
        return ERROR_MORE_FRAMES;
    }
    return say_count(suffix, value);
}

static enum error set_edge_period(uint16_t suffix, const char *value)
{
    uint32_t period_us;
    enum error error = large_whole(value, MAX_EDGE_PERIOD_US, &period_us);
    if (error)
        return error;
    if (light_armed())
        return ERROR_ARMED;
    light_settings.edge_period_us = period_us;
    return ERROR_NONE;
}

static enum error say_edge_period(uint16_t suffix, const char *value)
{
    scpi_say_number(light_settings.edge_period_us, put);
    return ERROR_NONE;
}

/* ---------------------------------------------------------------- lines */

struct command {
    char header[49];
    bool takes_value;
    enum error (*obey)(uint16_t suffix, const char *value);
};

static const struct command commands[] PROGMEM = {
    {"*IDN?", false, identify},
    {"*RST", false, reset},
    {"*CLS", false, clear},
    {"*ESR?", false, say_status},
    {"*OPC?", false, say_complete},
    {"*TRG", false, trigger},
    {"SYSTem:ERRor[:NEXT]?", false, say_error},
    {"SYSTem:WDOG", true, set_watchdog},
    {"SYSTem:WDOG?", false, say_watchdog},
    {"SOURce#:POWer[:LEVel][:IMMediate][:AMPLitude]", true, set_power},
    {"SOURce#:POWer[:LEVel][:IMMediate][:AMPLitude]?", false, say_power},
    {"OUTPut[:STATe]", true, set_output},
    {"OUTPut[:STATe]?", false, say_output},
    {"OUTPut:PROTection:INTLock:TRIPped?", false, say_tripped},
    {"TRIGger:SOURce", true, set_source},
    {"TRIGger:SOURce?", false, say_source},
    {"SEQuence:DEFine", true, set_sequence},
    {"SEQuence:DEFine?", false, say_sequence},
    {"SEQuence:DELay", true, set_blanking},
    {"SEQuence:DELay?", false, say_blanking},
    {"SEQuence:WIDth", true, set_on_time},
    {"SEQuence:WIDth?", false, say_on_time},
    {"SEQuence:COUNt?", false, say_count},
    {"SEQuence:GATE", true, set_gate},
    {"SEQuence:GATE?", false, say_gate},
    {"SEQuence:CONFirm?", true, confirm},
    {"SEQuence:PERiod", true, set_edge_period},
    {"SEQuence:PERiod?", false, say_edge_period},
};

static char *trimmed(char *text)
{
    while (*text == ' ')
        text++;
    for (char *end = text + strlen(text); end > text && end[-1] == ' ';)
        *--end = 0;
    return text;
}

static enum error obey(char *text)
{
    text = trimmed(text);
    char *value = strchr(text, ' ');
    if (value)
        *value++ = 0;
    else
        value = text + strlen(text);
    value = trimmed(value);
    if (*text == ':')
        text++;
    for (uint8_t number = 0; number < sizeof commands / sizeof *commands; number++) {
        uint16_t suffix = 0;
        struct command command;
        if (!scpi_header_fits(commands[number].header, text, &suffix))
            continue;
        memcpy_P(&command, &commands[number], sizeof command);
        if (!command.takes_value && *value)
            return ERROR_EXTRA;
        if (command.takes_value && !*value)
            return ERROR_MISSING;
        return command.obey(suffix, value);
    }
    return ERROR_HEADER;
}

static uint8_t nibble(char digit)
{
    return (uint8_t)(isdigit((unsigned char)digit) ? digit - '0' : toupper((unsigned char)digit) - 'A' + 10);
}

/* Proves a checksum and takes it off. */
static enum error unseal(void)
{
    char *star = line + length - 3;
    if (length < 3 || *star != '*' || !isxdigit((unsigned char)star[1]) || !isxdigit((unsigned char)star[2]))
        return checksums ? ERROR_SUM_MISSING : ERROR_NONE;
    uint8_t found = 0;
    for (char *place = line; place < star; place++)
        found ^= (uint8_t)*place;
    if (found != (uint8_t)(nibble(star[1]) << 4 | nibble(star[2])))
        return ERROR_SUM_WRONG;
    *star = 0;
    checksums = true;
    return ERROR_NONE;
}

static enum error judge(void)
{
    if (overrun)
        return ERROR_OVERRUN;
    if (length && line[length - 1] == '\r')
        length--;
    line[length] = 0;
    for (uint8_t place = 0; place < length; place++)
        damaged |= line[place] < ' ' || line[place] > '~';
    if (damaged)
        return ERROR_CHARACTER;
    enum error error = unseal();
    return error ? error : obey(line);
}

void commands_take(uint8_t byte, void (*meanwhile)(void))
{
    if (byte != '\n') {
        if (length < MAX_LINE)
            line[length++] = (char)byte;
        else
            overrun = true;
        return;
    }
    background = meanwhile;
    sum = 0;
    said = false;
    enum error error = judge();
    if (error) {
        scpi_add_error(error); /* noise must not keep lasers armed: nothing is said to the watchdog */
        put_text(PSTR("ERR"));
    } else {
        light_line_heard();
        if (!said)
            put_text(PSTR("OK"));
    }
    end_answer();
    length = 0;
    overrun = damaged = false;
}
