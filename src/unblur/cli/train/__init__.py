"""Commands that make pairs and networks."""
