"""Examine an installation."""
