"""Commands about the command itself: completion, the manual, an examination."""
