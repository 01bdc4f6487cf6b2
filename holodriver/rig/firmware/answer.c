#include "answer.h"

#include <avr/pgmspace.h>

#include "scpi.h"
#include "serial.h"

static uint8_t sum; /* checksum of the answer so far */
static bool said;
static void (*background)(void);

void answer_begin(void (*meanwhile)(void))
{
    background = meanwhile;
    sum = 0;
    said = false;
}

void answer_meanwhile(void)
{
    background();
}

bool answer_said(void)
{
    return said;
}

void answer_put(char character)
{
    sum ^= (uint8_t)character;
    said = true;
    serial_put(character, background);
}

void answer_text(const char *text)
{
    for (char character; (character = (char)pgm_read_byte(text)); text++)
        answer_put(character);
}

static void put_digit(uint8_t nibble)
{
    serial_put((char)(nibble < 10 ? '0' + nibble : 'A' + nibble - 10), background);
}

void answer_end(bool sealed)
{
    if (sealed) {
        serial_put('*', background);
        put_digit(sum >> 4);
        put_digit(sum & 15);
    }
    serial_put('\n', background);
}

void answer_watts(uint32_t nanowatts)
{
    uint32_t rest = nanowatts % 1000000000UL;
    scpi_say_number(nanowatts / 1000000000UL, answer_put);
    answer_put('.');
    uint32_t place = 100000000UL;
    do {
        answer_put((char)('0' + rest / place % 10));
        rest %= place;
        place /= 10;
    } while (rest && place);
}

void answer_step(uint8_t mask)
{
    bool any = false;
    for (uint8_t colour = 0; colour < 3; colour++)
        if (mask & (1 << colour)) {
            if (any)
                answer_put('+');
            answer_put((char)('1' + colour));
            any = true;
        }
    if (!any)
        answer_put('0');
}
