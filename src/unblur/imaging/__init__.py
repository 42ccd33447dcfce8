"""Pixels: files, arrays, tiles, kernels, blur. NumPy only."""
