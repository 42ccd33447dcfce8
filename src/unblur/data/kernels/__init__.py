"""What networks that find kernels, or know them, learn from."""
