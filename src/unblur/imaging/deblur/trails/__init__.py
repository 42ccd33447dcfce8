"""Lights in the dark: what a shake made of them, which is its path, and what they were."""

from unblur.imaging.deblur.trails.find import Trail, find_trails, without
from unblur.imaging.deblur.trails.lamps import (
    Lamp,
    count_alike,
    drawn_by,
    lamp_of,
    lit,
    trail_kernels,
)

__all__ = [
    "Lamp",
    "Trail",
    "count_alike",
    "drawn_by",
    "find_trails",
    "lamp_of",
    "lit",
    "trail_kernels",
    "without",
]
