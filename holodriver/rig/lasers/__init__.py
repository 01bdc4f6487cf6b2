"""Laser controllers and heads, and the supervisor that keeps them safe."""
