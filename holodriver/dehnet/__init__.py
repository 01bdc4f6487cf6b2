"""From pictures with depth to panel frames at once: the shipped networks, the runtime, and the stream."""
