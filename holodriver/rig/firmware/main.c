/* The holodriver laser controller: three lasers follow a panel's frames, or are dark. */

#include <avr/interrupt.h>

#include "board.h"
#include "commands.h"
#include "light.h"
#include "scpi.h"
#include "serial.h"

/* Work that must go on at all times, also while an answer is being sent. */
static void background(void)
{
    uint8_t news = light_watch();
    if (news & NEWS_WATCHDOG)
        scpi_add_error(ERROR_WATCHDOG);
    if (news & NEWS_TRIPPED)
        scpi_add_error(ERROR_INTERLOCK);
    if (news & NEWS_STEP)
        scpi_add_error(ERROR_OUT_OF_STEP);
    board_alive();
}

int main(void)
{
    board_begin();
    light_begin();
    serial_begin();
    if (board_restarted_by_watchdog())
        scpi_add_error(ERROR_RESTARTED);
    sei();
    for (;;) {
        background();
        int16_t byte = serial_read();
        if (byte >= 0)
            commands_take((uint8_t)byte, background);
    }
}
