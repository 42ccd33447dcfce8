"""Many photos, of any kind: found, restored, recorded."""
