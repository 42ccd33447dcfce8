"""Ways of restoring that the road may take."""
