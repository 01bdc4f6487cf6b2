"""The laser controller's firmware: C for an ATmega328P, with its Makefile; `README.md` says how to wire it."""
