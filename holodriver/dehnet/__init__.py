"""From pictures with depth to panel frames in one pass: the shipped networks, their runtimes, and the stream."""
