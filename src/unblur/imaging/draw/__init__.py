"""Pictures to look at: before and after, sheets of shakes."""
