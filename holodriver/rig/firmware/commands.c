#include "commands.h"

#include <avr/pgmspace.h>
#include <ctype.h>
#include <string.h>

#include "answer.h"
#include "config.h"
#include "light.h"
#include "scpi.h"
#include "sequence.h"

#define MAX_LINE 128

static char line[MAX_LINE + 1];
static uint8_t length;
static bool overrun, damaged;
static bool checksums; /* whether checksums are required: after the first line with one, until power goes off */

static const uint32_t limits_nw[3] = POWER_LIMITS_NW;

/* ---------------------------------------------------------------- common commands */

static enum error identify(uint16_t suffix, const char *value)
{
    answer_text(PSTR(IDENTITY));
    return ERROR_NONE;
}

static enum error reset(uint16_t suffix, const char *value)
{
    light_reset(); /* a tripped interlock stays: only a person clears it */
    return ERROR_NONE;
}

static enum error clear(uint16_t suffix, const char *value)
{
    scpi_clear_errors();
    return ERROR_NONE;
}

static enum error say_status(uint16_t suffix, const char *value)
{
    scpi_say_number(scpi_status(), answer_put);
    return ERROR_NONE;
}

static enum error say_complete(uint16_t suffix, const char *value)
{
    answer_put('1');
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
    scpi_say_error(answer_put);
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
    light_watchdog_ms = asked > MAX_WATCHDOG_MS ? MAX_WATCHDOG_MS : (uint8_t)asked; /* never above the limit */
    return ERROR_NONE;
}

static enum error say_watchdog(uint16_t suffix, const char *value)
{
    scpi_say_number(light_watchdog_ms, answer_put);
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
    answer_watts(light_power((uint8_t)(suffix - 1)));
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
    answer_put(light_armed() ? '1' : '0');
    return ERROR_NONE;
}

static enum error say_tripped(uint16_t suffix, const char *value)
{
    answer_put(light_tripped() ? '1' : '0');
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
    {"TRIGger:SOURce", true, sequence_set_source},
    {"TRIGger:SOURce?", false, sequence_say_source},
    {"SEQuence:DEFine", true, sequence_set_sequence},
    {"SEQuence:DEFine?", false, sequence_say_sequence},
    {"SEQuence:DELay", true, sequence_set_blanking},
    {"SEQuence:DELay?", false, sequence_say_blanking},
    {"SEQuence:WIDth", true, sequence_set_on_time},
    {"SEQuence:WIDth?", false, sequence_say_on_time},
    {"SEQuence:COUNt?", false, sequence_say_count},
    {"SEQuence:GATE", true, sequence_set_gate},
    {"SEQuence:GATE?", false, sequence_say_gate},
    {"SEQuence:CONFirm?", true, sequence_confirm},
    {"SEQuence:PERiod", true, sequence_set_edge_period},
    {"SEQuence:PERiod?", false, sequence_say_edge_period},
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

/* Check the checksum of a line and remove it. */
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
    answer_begin(meanwhile);
    enum error error = judge();
    if (error) {
        scpi_add_error(error); /* a refused line does not feed the watchdog: noise must not keep lasers armed */
        answer_text(PSTR("ERR"));
    } else {
        light_line_heard();
        if (!answer_said())
            answer_text(PSTR("OK"));
    }
    answer_end(checksums);
    length = 0;
    overrun = damaged = false;
}
