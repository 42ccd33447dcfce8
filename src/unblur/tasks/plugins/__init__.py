"""Plug-ins for editors: put where an editor looks for them, and taken away again."""
