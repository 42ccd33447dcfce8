"""The page: `unblur serve`, its queue, its worker and its HTTP interface."""
