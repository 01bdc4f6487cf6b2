#include "sequence.h"

#include <avr/pgmspace.h>
#include <string.h>

#include "answer.h"
#include "config.h"
#include "light.h"

enum error sequence_set_source(uint16_t suffix, const char *value)
{
    bool external = !strcasecmp_P(value, PSTR("EXT")) || !strcasecmp_P(value, PSTR("EXTERNAL"));
    if (!external && strcasecmp_P(value, PSTR("BUS")))
        return ERROR_VALUE;
    if (light_armed())
        return ERROR_ARMED;
    light_settings.source = external ? SOURCE_EXT : SOURCE_BUS;
    return ERROR_NONE;
}

enum error sequence_say_source(uint16_t suffix, const char *value)
{
    answer_text(light_settings.source == SOURCE_EXT ? PSTR("EXT") : PSTR("BUS"));
    return ERROR_NONE;
}

enum error sequence_set_sequence(uint16_t suffix, const char *value)
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

enum error sequence_say_sequence(uint16_t suffix, const char *value)
{
    for (uint8_t step = 0; step < light_settings.step_count; step++) {
        if (step)
            answer_put(',');
        answer_step(light_settings.steps[step]);
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

enum error sequence_set_blanking(uint16_t suffix, const char *value)
{
    return set_time(value, 0, &light_settings.blanking_us);
}

enum error sequence_say_blanking(uint16_t suffix, const char *value)
{
    scpi_say_number(light_settings.blanking_us, answer_put);
    return ERROR_NONE;
}

enum error sequence_set_on_time(uint16_t suffix, const char *value)
{
    return set_time(value, 1, &light_settings.on_time_us);
}

enum error sequence_say_on_time(uint16_t suffix, const char *value)
{
    scpi_say_number(light_settings.on_time_us, answer_put);
    return ERROR_NONE;
}

enum error sequence_say_count(uint16_t suffix, const char *value)
{
    struct light_count count = light_count();
    scpi_say_number(count.edges, answer_put);
    answer_put(',');
    answer_step(count.step);
    return ERROR_NONE;
}

enum error sequence_set_gate(uint16_t suffix, const char *value)
{
    bool on = !strcasecmp_P(value, PSTR("ON")) || !strcmp_P(value, PSTR("1"));
    if (!on && strcasecmp_P(value, PSTR("OFF")) && strcmp_P(value, PSTR("0")))
        return ERROR_VALUE;
    if (light_armed())
        return ERROR_ARMED;
    light_settings.gated = on;
    return ERROR_NONE;
}

enum error sequence_say_gate(uint16_t suffix, const char *value)
{
    answer_put(light_settings.gated ? '1' : '0');
    return ERROR_NONE;
}

/* Parse a whole number up to `high`, which may be larger than scpi_whole allows. */
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

enum error sequence_confirm(uint16_t suffix, const char *value)
{
    uint32_t shown;
    enum error error = large_whole(value, 0x7FFFFFFFUL, &shown);
    if (error)
        return error;
    if (!light_armed() || !light_settings.gated)
        return ERROR_GATE;
    if (!light_confirm(shown)) {
        answer_meanwhile(); /* queues the error "out of step" first, and then the error of this command */
        return ERROR_MORE_FRAMES;
    }
    return sequence_say_count(suffix, value);
}

enum error sequence_set_edge_period(uint16_t suffix, const char *value)
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

enum error sequence_say_edge_period(uint16_t suffix, const char *value)
{
    scpi_say_number(light_settings.edge_period_us, answer_put);
    return ERROR_NONE;
}
