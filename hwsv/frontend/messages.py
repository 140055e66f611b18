"""Messages about untrusted models: names of nodes and tensors reach a message in one escaped line only."""

from typing import NoReturn

from onnx import NodeProto

from hwsv.errors import InputError

_LONGEST = 80


def shown(name: object) -> str:
    """Untrusted text as one quoted ASCII line of bounded length."""
    text = ascii(str(name))
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 4]}...'"


def label(node: NodeProto) -> str:
    """What a message calls a node: its name in the model, else its operator and first output."""
    original = node.doc_string or node.name
    if original:
        return f"node {shown(original)}"
    return f"node {shown(node.op_type)} -> {shown(node.output[0] if node.output else '')}"


def refuse(node: NodeProto, reason: str) -> NoReturn:
    """Raise InputError: which node, why, and what is supported."""
    raise InputError(f"{label(node)}: {reason}")
