"""Which tensors of a normalised model hold integers: QONNX's data type annotations, read and written at once."""

import onnx

_KEY = "finn_datatype"
"""QONNX's key for the data type of a tensor."""


def annotate(graph: onnx.GraphProto, dtypes: dict[str, str]) -> None:
    """Write QONNX data types (tensor -> INT8, BIPOLAR …)."""
    for name, dtype in dtypes.items():
        entry = onnx.StringStringEntryProto(key=_KEY, value=dtype)
        graph.quantization_annotation.append(
            onnx.TensorAnnotation(tensor_name=name, quant_parameter_tensor_names=[entry])
        )


def annotated(graph: onnx.GraphProto) -> dict[str, str]:
    """The data types that `annotate` wrote."""
    return {
        annotation.tensor_name: entry.value
        for annotation in graph.quantization_annotation
        for entry in annotation.quant_parameter_tensor_names
        if entry.key == _KEY
    }
