"""A batch over many machines."""
