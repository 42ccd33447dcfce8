"""Networks of others: looked at by trying them, and kept under names of their own."""
