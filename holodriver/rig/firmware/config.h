/* Settings that a builder of a rig may change: the identity and the power limits of the lasers. */
#pragma once

#define IDENTITY "holodriver,laser controller,ATmega328P,1"

/* Highest allowed powers of red, green, blue, and their powers at full modulation voltage (PWM 255), nW. */
#define POWER_LIMITS_NW {50000000UL, 50000000UL, 50000000UL}
#define FULL_SCALE_NW {50000000UL, 50000000UL, 50000000UL}

/* Longest silence of the host while armed, ms. Do not raise it: the safety of people at the rig rests on 250 ms. */
#define MAX_WATCHDOG_MS 250

/* Longest blanking and longest light after one edge, us. Timer 1 overflows after 32,768 us. */
#define MAX_TIME_US 30000

/* Longest time between endless edges, us. */
#define MAX_EDGE_PERIOD_US 1000000UL

#define MAX_STEPS 16
