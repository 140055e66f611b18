"""``python -m hwsv``."""

from hwsv.cli import main

main()
