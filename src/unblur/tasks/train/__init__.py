"""Train, export and convert networks."""
