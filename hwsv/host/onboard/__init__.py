"""What runs on the processor of a board: Python 3.10 (PYNQ 3.0), numpy and pynq, nothing else of hwsv but two modules.

These files are copied into every overlay package as they stand (`hwsv.flows.vivado.overlay`).
"""
