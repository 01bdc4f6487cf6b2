/* Commands for the sequence of colours and its times. Their settings can be changed only while disarmed. */
#pragma once

#include "scpi.h"

enum error sequence_set_source(uint16_t suffix, const char *value);
enum error sequence_say_source(uint16_t suffix, const char *value);
enum error sequence_set_sequence(uint16_t suffix, const char *value);
enum error sequence_say_sequence(uint16_t suffix, const char *value);
enum error sequence_set_blanking(uint16_t suffix, const char *value);
enum error sequence_say_blanking(uint16_t suffix, const char *value);
enum error sequence_set_on_time(uint16_t suffix, const char *value);
enum error sequence_say_on_time(uint16_t suffix, const char *value);
enum error sequence_say_count(uint16_t suffix, const char *value);
enum error sequence_set_gate(uint16_t suffix, const char *value);
enum error sequence_say_gate(uint16_t suffix, const char *value);
enum error sequence_confirm(uint16_t suffix, const char *value);
enum error sequence_set_edge_period(uint16_t suffix, const char *value);
enum error sequence_say_edge_period(uint16_t suffix, const char *value);
