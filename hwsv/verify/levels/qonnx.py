"""Levels ``qonnx-raw`` and ``qonnx``: the model as given, and the normalised one, executed node by node."""
