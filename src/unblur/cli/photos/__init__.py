"""Commands that restore: photos, videos, archives; and the page."""
