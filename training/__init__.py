"""Training of 1-bit speaker networks with Brevitas: recipes in, QONNX files out."""
