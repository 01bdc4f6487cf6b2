#include "board.h"

#include <avr/interrupt.h>
#include <avr/wdt.h>
#include <util/atomic.h>

static uint8_t reset_cause __attribute__((section(".noinit")));
static volatile uint16_t turns; /* overflows of timer 1 */

/* Runs before main: after a reset by the watchdog, the watchdog would otherwise strike again within 16 ms. */
void board_early(void) __attribute__((naked, used, section(".init3")));
void board_early(void)
{
    reset_cause = MCUSR;
    MCUSR = 0;
    wdt_enable(WDTO_60MS);
}

bool board_restarted_by_watchdog(void)
{
    return reset_cause & _BV(WDRF);
}

void board_begin(void)
{
    PORTB = 0;
    DDRB = COLOURS | BLUE_POWER | LAMP;
    PORTD = INTERLOCK | BUTTON; /* pulled up: a cut wire of the interlock is an open interlock */
    DDRD = GREEN_POWER | RED_POWER | GATE;

    TCCR1A = 0; /* timer 1 runs freely, with 0.5 us for each tick */
    TCCR1B = _BV(CS11);
    TIMSK1 = _BV(TOIE1);

    TCCR0A = _BV(WGM01) | _BV(WGM00); /* timers 0 and 2: fast PWM at 62.5 kHz, outputs not yet connected */
    TCCR0B = _BV(CS00);
    TCCR2A = _BV(WGM21) | _BV(WGM20);
    TCCR2B = _BV(CS20);

    EICRA = _BV(ISC01) | _BV(ISC00) | _BV(ISC10); /* sync: rising edge; interlock: any change */
    EIFR = _BV(INTF0) | _BV(INTF1);
    EIMSK = _BV(INT0) | _BV(INT1);
}

ISR(TIMER1_OVF_vect)
{
    turns++;
}

uint32_t board_ticks(void)
{
    uint16_t high, low;
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE)
    {
        low = TCNT1;
        high = turns;
        if ((TIFR1 & _BV(TOV1)) && low < 0x8000) /* the timer has just overflowed, and `turns` does not count it yet */
            high++;
    }
    return ((uint32_t)high << 16) | low;
}

void board_alive(void)
{
    wdt_reset();
}
