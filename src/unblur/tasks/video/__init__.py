"""Restore a video."""
