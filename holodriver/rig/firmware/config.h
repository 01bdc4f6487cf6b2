/* What a builder of a rig may change: who it is, what its lasers may emit. */
#pragma once

#define IDENTITY "holodriver,laser controller,ATmega328P,1"

/* The most that may be asked of red, green, blue, and the power at full modulation voltage (PWM 255); nanowatts. */
#define POWER_LIMITS_NW {50000000UL, 50000000UL, 50000000UL}
#define FULL_SCALE_NW {50000000UL, 50000000UL, 50000000UL}

/* Longest silence of the host while armed, ms. Do not raise it: the people at the rig count on 250. */
#define MAX_WATCHDOG_MS 250

/* Longest blanking and longest light after one edge, us. Timer 1 turns round after 32,768. */
#define MAX_TIME_US 30000

/* Longest time between edges that never stop, us. */
#define MAX_EDGE_PERIOD_US 1000000UL

#define MAX_STEPS 16
