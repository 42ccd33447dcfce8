"""`python -m unblur`."""

from unblur.cli import main

main()
