/* The UART: 115200 baud, 8N1. */
#pragma once

#include <stdint.h>

void serial_begin(void);

/* The next byte that came, 0xFF in place of a damaged or lost one; -1 if none waits. */
int16_t serial_read(void);

/* Send one character; calls `background` while the UART is busy. */
void serial_put(char character, void (*background)(void));
