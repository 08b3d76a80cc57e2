#!/usr/bin/python3
"""edu.py LINE REGISTERS: lets QEMU's card edu compute factorials, and waits for its interrupts.

The arguments are paths, such as /dev/irq/0000:00:02.0/msi0 and /dev/irq/0000:00:02.0/mem0.
"""
import asyncio
import mmap
import os
import struct
import sys


class Card:
    """The card, by descriptors of its line and of its registers."""

    def __init__(self, line, registers):
        self.line = line
        # Each access has four bytes.
        self.registers = memoryview(mmap.mmap(registers, mmap.PAGESIZE)).cast("I")
        # Interrupt when done.
        self.registers[0x20 // 4] = 0x80

    def ask(self, number):
        """Asks for a factorial."""
        self.registers[0x08 // 4] = number

    def take(self):
        """Takes the events, and makes the card quiet. If there is no event, sleeps until there is."""
        count, = struct.unpack("i", os.read(self.line, 4))
        self.registers[0x64 // 4] = self.registers[0x24 // 4]
        return f"{count} interrupt, the factorial is {self.registers[0x08 // 4]}"


async def drive(card):
    """Serves the card while other tasks run, and notices if an interrupt is missing."""
    taken = asyncio.Queue()
    # The loop arms the line when it waits again.  So the callback makes the card quiet.
    asyncio.get_running_loop().add_reader(card.line, lambda: taken.put_nowait(card.take()))
    for number in 6, 7:
        card.ask(number)
        print(await asyncio.wait_for(taken.get(), timeout=10))


if __name__ == "__main__":
    card = Card(os.open(sys.argv[1], os.O_RDONLY), os.open(sys.argv[2], os.O_RDWR))
    card.ask(5)
    print(card.take())
    asyncio.run(drive(card))
