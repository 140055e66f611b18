"""Seed corpus of the importer's fuzz target: small models of every supported and many an unsupported kind."""

import sys
from pathlib import Path

from tests.frontend.handmade import Net
from tests.frontend.test_malformed import CASES, EDITS, good
from tests.hard_inputs.conftest import speaker_net


def models() -> dict[str, bytes]:
    """Serialised models by name."""
    found = {"speaker": speaker_net().SerializeToString()}
    for name, (build, _) in CASES.items():
        net = Net(1, 3, 20, 8)
        found[name.replace(" ", "_")] = net.model(build(net)).SerializeToString()
    for edit in EDITS:
        net = good()
        model = net.model(net.out)
        edit(model)
        found[edit.__name__] = model.SerializeToString()
    return found


def write(folder: Path) -> None:
    """Write the corpus into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in models().items():
        (folder / f"{name}.onnx").write_bytes(content)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
