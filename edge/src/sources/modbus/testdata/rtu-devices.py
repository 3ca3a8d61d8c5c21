"""Modbus devices behind a pseudo-terminal, to which `argv[1]` becomes a link; register n holds n.

Unit 1 answers, but has no register 99. Unit 2 is silent. Unit 3 answers a request for register 0 `argv[2]` seconds late.
The code is apart from the source's own, so that the two do not share a mistake in the frames or their checksum.
"""
import os
import select
import struct
import sys
import time
import tty


def crc(data):
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ 0xA001 if value & 1 else value >> 1
    return struct.pack("<H", value)


def answer(unit, function, address, count):
    if unit == 1 and address <= 99 < address + count:
        return bytes([unit, function | 0x80, 2])
    if function in (1, 2):
        bits = [(address + i) % 2 for i in range(count)]
        packed = [sum(bit << i for i, bit in enumerate(bits[at : at + 8])) for at in range(0, count, 8)]
        return bytes([unit, function, len(packed), *packed])
    words = range(address, address + count)
    return bytes([unit, function, 2 * count]) + struct.pack(">%dH" % count, *words)


link, late_seconds = sys.argv[1], float(sys.argv[2])
master, slave = os.openpty()
tty.setraw(slave)
if os.path.lexists(link):
    os.unlink(link)
os.symlink(os.ttyname(slave), link)
print("ready", flush=True)

waiting = []  # (when, frame)
free_at = {}  # when each unit has done with its last request: it answers one after the other
received = b""
while True:
    timeout = max(0, min(when for when, _ in waiting) - time.monotonic()) if waiting else None
    # The end of standard input is the end of the test that started this.
    readable, _, _ = select.select([master, sys.stdin], [], [], timeout)
    if sys.stdin in readable:
        break
    for item in [one for one in waiting if one[0] <= time.monotonic()]:
        waiting.remove(item)
        # In two parts, as a serial line gives them.
        os.write(master, item[1][:4])
        time.sleep(0.002)
        os.write(master, item[1][4:])
    if master not in readable:
        continue
    received += os.read(master, 256)
    while len(received) >= 8:
        frame, received = received[:8], received[8:]
        if crc(frame[:6]) != frame[6:]:
            print("bad checksum", flush=True)
            continue
        unit, function, address, count = struct.unpack(">BBHH", frame[:6])
        print(unit, function, address, count, flush=True)
        if unit in (1, 3):
            body = answer(unit, function, address, count)
            delay = late_seconds if unit == 3 and address == 0 else 0
            free_at[unit] = max(time.monotonic(), free_at.get(unit, 0)) + delay
            waiting.append((free_at[unit], body + crc(body)))
