"""Restore a photo: the road that all photos take."""
