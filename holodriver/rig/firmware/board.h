/* Pins, time and the hardware watchdog of an ATmega328P at 16 MHz (Arduino Uno, Nano). */
#pragma once

#include <avr/io.h>
#include <stdbool.h>
#include <stdint.h>

/* Port B, outputs: modulation of red, green, blue (Uno 8, 9, 10), high is light. Bit n is colour n. */
#define COLOURS (_BV(PB0) | _BV(PB1) | _BV(PB2))
/* Port B, outputs: analogue power of blue (Uno 11, PWM, low-pass filter), lamp "armed" (Uno 13, on the board). */
#define BLUE_POWER _BV(PB3)
#define LAMP _BV(PB5)

/* Port D, inputs: sync edge (Uno 2), interlock loop and reset button (Uno 3, 4; closed or pressed is ground). */
#define SYNC _BV(PD2)
#define INTERLOCK _BV(PD3)
#define BUTTON _BV(PD4)
/* Port D, outputs: analogue power of green and red (Uno 5, 6), gate (Uno 7), high while armed. */
#define GREEN_POWER _BV(PD5)
#define RED_POWER _BV(PD6)
#define GATE _BV(PD7)

#define TICKS_PER_US 2U
#define TICKS_PER_MS 2000UL

/* Make everything dark, and start timers and edge inputs. Interrupts stay off. */
void board_begin(void);

/* Whether the hardware watchdog caused the last reset. */
bool board_restarted_by_watchdog(void);

/* Time since boot, half microseconds; it overflows after 35 minutes, so only differences are meaningful. */
uint32_t board_ticks(void);

/* Feed the hardware watchdog, which resets the chip 60 ms after the last call. */
void board_alive(void);

static inline bool board_interlock_closed(void)
{
    return !(PIND & INTERLOCK);
}

static inline bool board_button_down(void)
{
    return !(PIND & BUTTON);
}
