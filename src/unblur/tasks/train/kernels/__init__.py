"""Train the networks that find kernels, or know them."""
