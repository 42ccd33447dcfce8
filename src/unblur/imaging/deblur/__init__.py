"""Undo a blur: find its kernel, invert it."""
