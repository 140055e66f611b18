"""From a board on the desk to a verified voice: `steps` one after the other, a report, and what to try on a failure."""
