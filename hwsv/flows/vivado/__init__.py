"""Vivado projects for boards with AMD devices, and what their processors run (docs/vivado.md)."""
