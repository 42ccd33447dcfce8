"""The version, on the floor: whatever writes a record may name it."""

__version__ = "0.1.0"
