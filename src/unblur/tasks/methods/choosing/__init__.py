"""Which kernel is to be undone, if any, and in what light."""
