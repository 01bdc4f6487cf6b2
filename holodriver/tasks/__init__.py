"""What each command does, without a terminal: plain values in, a result out, errors raised, nothing printed."""
