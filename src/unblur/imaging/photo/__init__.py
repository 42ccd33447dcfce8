"""Photo files: read, written, and what they hold besides pixels."""
