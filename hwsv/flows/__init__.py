"""From RTL to a bitstream with open tools: shell, synthesis, place and route, packing (docs/bitstreams.md)."""
