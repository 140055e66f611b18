"""hwsv: from a trained 1-bit speaker-verification network to verified streaming hardware."""

__version__ = "0.1.0"
