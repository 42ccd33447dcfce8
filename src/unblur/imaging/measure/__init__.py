"""Measure a picture: how sharp it is, and where."""
