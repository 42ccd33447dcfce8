"""Fit a pyramid of GANs to one photo, and restore another with it."""
