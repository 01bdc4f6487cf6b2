#include "light.h"

#include <avr/interrupt.h>
#include <util/atomic.h>

#include "board.h"

#define SHORT_TICKS 32U          /* times below this (16 us) are too short for a compare interrupt: the code waits */
#define DEBOUNCE_TICKS (50 * TICKS_PER_MS)
#define EARLY 50U                /* the watchdog strikes one fiftieth early: a resonator may be half a per cent slow */

struct light_settings light_settings;
uint8_t light_watchdog_ms;

static const uint32_t full_scale_nw[3] = FULL_SCALE_NW;
static uint32_t powers_nw[3];
static uint32_t heard;           /* when the last line was understood */
static uint32_t button_changed;
static bool button_was_down, button_done;

/* shared with interrupts */
static volatile bool armed, tripped;
static volatile uint8_t powered; /* colours above 0 W */
static volatile uint8_t pending; /* colours that come on after the blanking */
static volatile uint8_t step;    /* index of the current step, MAX_STEPS before the first edge */
static volatile uint8_t news;
static volatile uint32_t edges;
static volatile bool awaiting;   /* `pending` waits for the host to confirm its frame */
static volatile bool edge_known;
static volatile uint32_t edge_at; /* when the last edge came */
static uint16_t blanking_ticks, on_ticks; /* fixed while armed */
static uint16_t left_ticks;      /* time of light, once it begins */
static uint32_t early_ticks, late_ticks; /* shortest and longest time between two edges; 0 for no check */

/* ---------------------------------------------------------------- with interrupts off */

static inline void end_light(void)
{
    PORTB &= (uint8_t)~COLOURS;
    TIMSK1 &= (uint8_t)~(_BV(OCIE1A) | _BV(OCIE1B));
}

static inline void begin_light(void)
{
    uint16_t now = TCNT1;
    PORTB |= pending;
    if (left_ticks < SHORT_TICKS) {
        while ((uint16_t)(TCNT1 - now) < left_ticks)
            ;
        end_light();
        return;
    }
    OCR1B = now + left_ticks;
    TIFR1 = _BV(OCF1B);
    TIMSK1 |= _BV(OCIE1B);
}

/* Begin light `ticks` after the time `from`, which must be in the recent past. */
static inline void begin_light_after(uint16_t from, uint16_t ticks)
{
    if ((uint16_t)(TCNT1 - from) + SHORT_TICKS > ticks) {
        while ((uint16_t)(TCNT1 - from) < ticks)
            ;
        begin_light();
        return;
    }
    OCR1A = from + ticks;
    TIFR1 = _BV(OCF1A);
    TIMSK1 |= _BV(OCIE1A);
}

static void advance(uint16_t now)
{
    end_light();
    edges++;
    step = step + 1 < light_settings.step_count ? step + 1 : 0;
    pending = light_settings.steps[step] & powered;
    awaiting = false;
    if (!pending)
        return;
    if (light_settings.gated && light_settings.source == SOURCE_EXT) {
        awaiting = true;
        return;
    }
    left_ticks = on_ticks;
    begin_light_after(now, blanking_ticks);
}

static void go_dark(void)
{
    end_light();
    PORTD &= (uint8_t)~GATE;
    TCCR0A &= (uint8_t)~(_BV(COM0A1) | _BV(COM0B1)); /* the pins then follow PORTD and PORTB, whose bits are low */
    TCCR2A &= (uint8_t)~_BV(COM2A1);
    PORTB &= (uint8_t)~LAMP;
    armed = awaiting = edge_known = false;
}

static void fall_out_of_step(void)
{
    go_dark();
    news |= NEWS_STEP;
}

static void trip(void)
{
    go_dark();
    if (!tripped) {
        tripped = true;
        news |= NEWS_TRIPPED;
    }
}

ISR(INT0_vect)
{
    uint32_t now = board_ticks(), since = now - edge_at;
    if (!armed || light_settings.source != SOURCE_EXT)
        return;
    edge_at = now;
    if (late_ticks && edge_known && (since < early_ticks || since > late_ticks)) {
        fall_out_of_step();
        return;
    }
    edge_known = true;
    advance((uint16_t)now);
}

ISR(INT1_vect)
{
    if (!board_interlock_closed())
        trip();
}

ISR(TIMER1_COMPA_vect)
{
    TIMSK1 &= (uint8_t)~_BV(OCIE1A);
    begin_light();
}

ISR(TIMER1_COMPB_vect)
{
    end_light();
}

/* ---------------------------------------------------------------- from the main loop */

static void drive_powers(void)
{
    uint8_t duty[3];
    for (uint8_t colour = 0; colour < 3; colour++)
        duty[colour] = (uint8_t)(powers_nw[colour] / ((full_scale_nw[colour] + 254) / 255)); /* never rounded up */
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE)
    {
        OCR0A = duty[0];
        OCR0B = duty[1];
        OCR2A = duty[2];
        /* a PWM value of 0 still gives one tick of light, so the pin is disconnected instead */
        TCCR0A = (TCCR0A & (uint8_t)~(_BV(COM0A1) | _BV(COM0B1))) | (armed && duty[0] ? _BV(COM0A1) : 0) |
                 (armed && duty[1] ? _BV(COM0B1) : 0);
        TCCR2A = (TCCR2A & (uint8_t)~_BV(COM2A1)) | (armed && duty[2] ? _BV(COM2A1) : 0);
    }
}

void light_begin(void)
{
    tripped = !board_interlock_closed();
    button_was_down = true; /* a button that has been stuck since boot resets nothing */
    button_done = true;
    light_reset();
    light_line_heard();
}

void light_reset(void)
{
    light_disarm();
    light_settings.steps[0] = 1;
    light_settings.steps[1] = 2;
    light_settings.steps[2] = 4;
    light_settings.step_count = 3;
    light_settings.blanking_us = 0;
    light_settings.on_time_us = 1000;
    light_settings.source = SOURCE_BUS;
    light_settings.gated = false;
    light_settings.edge_period_us = 0;
    light_watchdog_ms = MAX_WATCHDOG_MS;
    for (uint8_t colour = 0; colour < 3; colour++)
        powers_nw[colour] = 0;
    powered = 0;
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE)
    {
        edges = 0;
        step = MAX_STEPS;
    }
}

void light_set_power(uint8_t colour, uint32_t nanowatts)
{
    uint8_t bit = (uint8_t)_BV(colour);
    if (powers_nw[colour] == nanowatts)
        return;
    powers_nw[colour] = nanowatts;
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE)
    {
        if (TIMSK1 & (_BV(OCIE1A) | _BV(OCIE1B)) && (pending & bit))
            end_light();
        if (pending & bit)
            awaiting = false;
        powered = nanowatts ? powered | bit : powered & (uint8_t)~bit;
    }
    drive_powers();
}

uint32_t light_power(uint8_t colour)
{
    return powers_nw[colour];
}

bool light_arm(void)
{
    bool done = false;
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE)
    {
        if (!board_interlock_closed())
            trip();
        if (!tripped) {
            if (!armed) {
                blanking_ticks = light_settings.blanking_us * TICKS_PER_US;
                on_ticks = light_settings.on_time_us * TICKS_PER_US;
                early_ticks = light_settings.edge_period_us * TICKS_PER_US / 5 * 4;
                late_ticks = light_settings.edge_period_us * TICKS_PER_US / 5 * 6;
                edges = 0;
                step = MAX_STEPS;
                armed = true;
                PORTD |= GATE;
                PORTB |= LAMP;
            }
            done = true;
        }
    }
    drive_powers();
    return done;
}

void light_disarm(void)
{
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE)
    {
        go_dark();
    }
}

bool light_armed(void)
{
    return armed;
}

bool light_tripped(void)
{
    return tripped;
}

void light_trigger(void)
{
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE)
    {
        if (armed)
            advance(TCNT1);
    }
}

bool light_confirm(uint32_t shown)
{
    bool in_step = true;
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE)
    {
        uint32_t since = board_ticks() - edge_at, end = (uint32_t)blanking_ticks + on_ticks;
        if (shown > edges) {
            fall_out_of_step();
            in_step = false;
        } else if (shown == edges && awaiting) {
            awaiting = false; /* also if too late: a later confirmation of the same edge must not light it */
            if (since < end) {
                left_ticks = since < blanking_ticks ? on_ticks : (uint16_t)(end - since);
                begin_light_after(TCNT1, since < blanking_ticks ? (uint16_t)(blanking_ticks - since) : 0);
            }
        }
    }
    return in_step;
}

struct light_count light_count(void)
{
    struct light_count count;
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE)
    {
        count.edges = edges;
        count.step = step == MAX_STEPS ? 0 : light_settings.steps[step];
    }
    return count;
}

void light_line_heard(void)
{
    heard = board_ticks();
}

static void watch_button(uint32_t now)
{
    bool down = board_button_down();
    if (down != button_was_down) {
        button_was_down = down;
        button_changed = now;
    } else if (now - button_changed >= DEBOUNCE_TICKS) {
        if (down && !button_done && board_interlock_closed())
            tripped = false; /* clears the trip, but does not arm */
        button_done = down;
    }
}

uint8_t light_watch(void)
{
    uint32_t now = board_ticks(), silence = light_watchdog_ms * TICKS_PER_MS;
    uint8_t seen;
    if (armed && now - heard >= silence - silence / EARLY) /* before the atomic block: a division would delay edges */
        ATOMIC_BLOCK(ATOMIC_RESTORESTATE)
        {
            go_dark();
            news |= NEWS_WATCHDOG;
        }
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE)
    {
        if (!board_interlock_closed() && !tripped)
            trip(); /* in case the interrupt was missed */
        seen = news;
        news = NEWS_NONE;
    }
    watch_button(now);
    return seen;
}
