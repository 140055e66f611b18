"""The front-end: from an untrusted QONNX file to the unit graph, by normalising and by evaluated tables."""

from hwsv.frontend.importer import Imported, import_model

__all__ = ["Imported", "import_model"]
