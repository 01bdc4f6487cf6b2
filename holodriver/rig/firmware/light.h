/* Everything that makes light or ends it. Whatever is not said here is dark. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "config.h"

enum source { SOURCE_BUS, SOURCE_EXT };

/* What commands can set; `light_reset` puts back what stands after boot. Change it only while disarmed. */
struct light_settings {
    uint8_t steps[MAX_STEPS]; /* a mask of colours each */
    uint8_t step_count;
    uint16_t blanking_us; /* dark after an edge */
    uint16_t on_time_us;  /* light after that */
    enum source source;
    bool gated;              /* the light of an edge waits until its frame is confirmed */
    uint32_t edge_period_us; /* of edges that never stop, which then must come in time; 0 for any */
};

struct light_count {
    uint32_t edges; /* since arming */
    uint8_t step;   /* the mask that stands now, 0 before the first edge */
};

enum light_news { NEWS_NONE = 0, NEWS_WATCHDOG = 1, NEWS_TRIPPED = 2, NEWS_STEP = 4 };

extern struct light_settings light_settings;
extern uint8_t light_watchdog_ms;

void light_begin(void);
void light_reset(void);

/* Power of one colour (0 to 2), nW. A new power of a colour that is on ends its light. */
void light_set_power(uint8_t colour, uint32_t nanowatts);
uint32_t light_power(uint8_t colour);

/* Edges or triggers make light from now on, if the interlock has not tripped. */
bool light_arm(void);
void light_disarm(void);
bool light_armed(void);
bool light_tripped(void);

/* One step by command. */
void light_trigger(void);
struct light_count light_count(void);

/* The host has shown so many frames: light for the edge of the last, if it is the last edge and not over yet. False, and
 * dark, if that are more frames than edges. */
bool light_confirm(uint32_t shown);

/* A line has been understood: the host lives. */
void light_line_heard(void);

/* Called by the main loop without pause: silence of the host, interlock, reset button. What happened since. */
uint8_t light_watch(void);
