"""Compare ways of restoring by published protocols."""
