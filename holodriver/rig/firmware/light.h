/* All functions that make light or end it. In every other case the lasers are dark. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "config.h"

enum source { SOURCE_BUS, SOURCE_EXT };

/* Settings that commands can change, only while disarmed; `light_reset` restores the values after boot. */
struct light_settings {
    uint8_t steps[MAX_STEPS]; /* mask of the colours in each step */
    uint8_t step_count;
    uint16_t blanking_us; /* dark time after an edge */
    uint16_t on_time_us;  /* time of light after the dark time */
    enum source source;
    bool gated;              /* the light of an edge waits until its frame is confirmed */
    uint32_t edge_period_us; /* time between endless edges, which must come in time; 0 for no check */
};

struct light_count {
    uint32_t edges; /* edges since arming */
    uint8_t step;   /* mask of the current step, 0 before the first edge */
};

enum light_news { NEWS_NONE = 0, NEWS_WATCHDOG = 1, NEWS_TRIPPED = 2, NEWS_STEP = 4 };

extern struct light_settings light_settings;
extern uint8_t light_watchdog_ms;

void light_begin(void);
void light_reset(void);

/* Set the power of one colour (0 to 2), nW. A new power of a colour that is on ends its light. */
void light_set_power(uint8_t colour, uint32_t nanowatts);
uint32_t light_power(uint8_t colour);

/* Let edges or triggers make light from now on; false if the interlock has tripped. */
bool light_arm(void);
void light_disarm(void);
bool light_armed(void);
bool light_tripped(void);

/* Step the sequence once by command. */
void light_trigger(void);
struct light_count light_count(void);

/* The host has shown `shown` frames: light the edge of the last frame, if it is the last edge and its time is not over.
 * False, and dark, if there are more frames than edges. */
bool light_confirm(uint32_t shown);

/* Feed the watchdog: a line has been understood. */
void light_line_heard(void);

/* Check the silence of the host, the interlock and the reset button; return the news since the last call. The main loop
 * calls it without pause. */
uint8_t light_watch(void);
