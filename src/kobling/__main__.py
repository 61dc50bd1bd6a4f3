"""`python -m kobling` is `kobling`."""

from kobling.cli.main import main

main()
