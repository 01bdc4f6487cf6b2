/* Lines from the host, and their answers. */
#pragma once

#include <stdint.h>

/* One byte from the host; a whole line is obeyed and answered. `background` runs while the answer is being sent. */
void commands_take(uint8_t byte, void (*background)(void));
