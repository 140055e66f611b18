"""Coverage-guided fuzzing of the importer: whatever the file holds, `import_model` ends, and only in InputError.

``make fuzz`` runs it for FUZZ_SECONDS on a fresh seed corpus. A finding is an input in ``build/fuzz``; to see it again:
``python -m fuzz.fuzz_import build/fuzz/crash-…`` (add ``--trace`` to run it without the fuzzer).
"""

import math
import random
import sys
import tempfile
from pathlib import Path

from hwsv.errors import InputError


def check(data: bytes, folder: Path) -> None:
    """Import, fold and wire the model in `data`."""
    from hwsv.folding import fold
    from hwsv.frontend import import_model
    from hwsv.wiring import wire

    path = folder / "model.onnx"
    path.write_bytes(data)
    try:
        imported = import_model(path)
        wire(fold(imported.graph, imported.input.frames_example, math.inf))
    except InputError as error:
        message = str(error)
        assert message.isprintable() and len(message) < 2000, message


def main() -> None:
    import atheris

    traced = ["hwsv.frontend", "hwsv.units", "hwsv.folding", "hwsv.wiring"]
    # numba compiles what is in fit, and cannot compile it with the fuzzer's counters in it
    with atheris.instrument_imports(include=traced, exclude=["hwsv.frontend.fit"]):
        import hwsv.folding
        import hwsv.frontend
        import hwsv.wiring  # noqa: F401

    # it imports the front-end, which must have been instrumented before
    from fuzz.mutate import mutate

    folder = Path(tempfile.mkdtemp(prefix="hwsv-fuzz-"))

    def mutator(data: bytes, max_size: int, seed: int) -> bytes:
        rng = random.Random(seed)
        mutant = mutate(data, rng) if rng.random() < 0.9 else None
        return mutant if mutant is not None and len(mutant) <= max_size else atheris.Mutate(data, max_size)

    atheris.Setup(sys.argv, lambda data: check(data, folder), custom_mutator=mutator)
    atheris.Fuzz()


if __name__ == "__main__":
    if "--trace" in sys.argv:
        check(Path(sys.argv[1]).read_bytes(), Path(tempfile.mkdtemp()))
    else:
        main()
