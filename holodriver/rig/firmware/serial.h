/* The UART: 115200 baud, 8N1. */
#pragma once

#include <stdint.h>

void serial_begin(void);

/* Return the next received byte, 0xFF in place of a damaged or lost byte; -1 if no byte waits. */
int16_t serial_read(void);

/* Send one character; calls `background` while the UART is busy. */
void serial_put(char character, void (*background)(void));
