"""Undo a blur whose kernel is known, or was found."""
