"""Training of 1-bit speaker networks with Brevitas: recipes in, QONNX files out."""

import warnings

warnings.filterwarnings("ignore", message="fast_hadamard_transform")  # Brevitas' remark on an unused kernel
