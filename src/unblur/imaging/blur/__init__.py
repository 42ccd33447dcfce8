"""Blur: kernels, paths, motion, and photos blurred by them."""
