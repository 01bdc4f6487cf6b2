/* Commands from the host, and their answers. */
#pragma once

#include <stdint.h>

/* Take one byte from the host; obey and answer a complete line. `background` runs while the answer is being sent. */
void commands_take(uint8_t byte, void (*background)(void));
