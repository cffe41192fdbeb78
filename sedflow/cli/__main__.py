"""`python -m sedflow.cli`."""

from sedflow.cli import main

main()
