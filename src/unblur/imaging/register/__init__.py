"""Lay one shot of a scene over another."""

from unblur.choices import REFERENCES

__all__ = ["REFERENCES"]
