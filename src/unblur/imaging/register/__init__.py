"""Lay one shot of a scene over another."""

from typing import Final

REFERENCES: Final = ("sharp", "noisy")
"""What a second shot may be."""
