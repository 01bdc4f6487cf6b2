/* The command language: headers, numbers and errors, without any knowledge of lasers. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Errors, as indices into the table in scpi.c. */
enum error {
    ERROR_NONE,
    ERROR_CHARACTER,
    ERROR_TYPE,
    ERROR_WHOLE,
    ERROR_EXTRA,
    ERROR_MISSING,
    ERROR_HEADER,
    ERROR_SUFFIX,
    ERROR_TRIGGER,
    ERROR_TRIPPED,
    ERROR_ARMED,
    ERROR_RANGE,
    ERROR_POWER,
    ERROR_STEPS,
    ERROR_VALUE,
    ERROR_STEP,
    ERROR_OVERFLOW,
    ERROR_SUM_WRONG,
    ERROR_SUM_MISSING,
    ERROR_OVERRUN,
    ERROR_WATCHDOG,
    ERROR_INTERLOCK,
    ERROR_RESTARTED,
    ERROR_OUT_OF_STEP,
    ERROR_GATE,
    ERROR_MORE_FRAMES,
};

struct decimal {
    bool negative;
    uint32_t digits;  /* the first nine significant digits */
    int16_t exponent; /* power of ten */
    bool more;        /* whether further digits are not 0 */
};

/* Whether a header fits a pattern in program memory, in SCPI's notation: capitals are the short form, [...] is
 * optional, # is a number, which is written to `suffix`. */
bool scpi_header_fits(const char *pattern, const char *header, uint16_t *suffix);

/* Parse a decimal number (NRf): "5", "-0.5", ".5E-3". False if the text is no number. */
bool scpi_decimal(const char *text, struct decimal *number);

/* Multiply a number by 10^places, rounded down and limited to the largest `value`; true if the result is exact. */
bool scpi_scaled(const struct decimal *number, int8_t places, uint32_t *value);

/* Parse a whole number from `low` to `high`. */
enum error scpi_whole(const char *text, uint16_t low, uint16_t high, uint16_t *value);

void scpi_add_error(enum error error);
void scpi_clear_errors(void);

/* Write the oldest error and take it out of the queue. */
void scpi_say_error(void (*put)(char));

/* Read and clear the event status register (IEEE 488.2). */
uint8_t scpi_status(void);

void scpi_say_number(uint32_t number, void (*put)(char));
