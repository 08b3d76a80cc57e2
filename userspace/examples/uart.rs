//! A user-mode driver of a 16550, the serial port of PCs: echoes what the other side types, until
//! Control-D.
//!
//! Without an argument, the port is QEMU's `pci-serial`. With the argument `isa`, it is a PC's
//! second serial port, with I/O ports from 0x2f8 and line 3.

use irq_user::{pci::Device, ports::Ports, Line};
use std::{env, io};

/// The received byte (read) and the byte to send (write).
const DATA: u16 = 0;
const INTERRUPT_ENABLE: u16 = 1;
const FIFO_CONTROL: u16 = 2;
const LINE_CONTROL: u16 = 3;
const MODEM_CONTROL: u16 = 4;
const LINE_STATUS: u16 = 5;

/// In `INTERRUPT_ENABLE`: interrupt when a byte is received.
const WHEN_RECEIVED: u8 = 0x01;
/// In `FIFO_CONTROL`: enable both FIFOs and clear them.
const FIFO_ON: u8 = 0x07;
/// In `LINE_CONTROL`: eight bits, no parity, one stop bit.
const EIGHT_BITS: u8 = 0x03;
/// In `MODEM_CONTROL`: DTR, RTS, and OUT2, which on a PC connects the interrupt line.
const READY: u8 = 0x0b;
/// In `LINE_STATUS`: a byte can be read.
const RECEIVED: u8 = 0x01;
/// In `LINE_STATUS`: there is room for a byte to send.
const MAY_SEND: u8 = 0x20;

const END_OF_TRANSMISSION: u8 = 0x04;

struct Uart {
    ports: Ports,
}

impl Uart {
    fn start(ports: Ports) -> io::Result<Self> {
        ports.write_u8(LINE_CONTROL, EIGHT_BITS)?;
        ports.write_u8(FIFO_CONTROL, FIFO_ON)?;
        ports.write_u8(MODEM_CONTROL, READY)?;
        ports.write_u8(INTERRUPT_ENABLE, WHEN_RECEIVED)?;
        Ok(Self { ports })
    }

    fn receive(&self) -> io::Result<Option<u8>> {
        if self.ports.read_u8(LINE_STATUS)? & RECEIVED == 0 {
            return Ok(None);
        }
        self.ports.read_u8(DATA).map(Some)
    }

    fn send(&self, bytes: &[u8]) -> io::Result<()> {
        for &byte in bytes {
            while self.ports.read_u8(LINE_STATUS)? & MAY_SEND == 0 {}
            self.ports.write_u8(DATA, byte)?;
        }
        Ok(())
    }

    fn stop(&self) -> io::Result<()> {
        self.ports.write_u8(INTERRUPT_ENABLE, 0)
    }
}

fn main() -> io::Result<()> {
    // The card stays enabled until `_enabled` is dropped.
    let (line, ports, _enabled) = if env::args().nth(1).as_deref() == Some("isa") {
        (Line::named("isa:3")?, Ports::legacy(0x2f8)?, None)
    } else {
        let card = Device::find(0x1b36, 0x0002)?;
        let enabled = card.enable()?;
        (Line::open(card.irq()?)?, card.ports(0)?, Some(enabled))
    };
    let uart = Uart::start(ports)?;
    uart.send(b"Type, and end with Control-D.\r\n")?;

    let (mut interrupts, mut echoed) = (0, 0);
    'typing: loop {
        interrupts += line.wait()?;
        // When all bytes are read, the port drops its interrupt.
        while let Some(byte) = uart.receive()? {
            if byte == END_OF_TRANSMISSION {
                break 'typing;
            }
            uart.send(&[byte])?;
            echoed += 1;
        }
    }
    uart.stop()?;
    println!("{interrupts} interrupts, {echoed} bytes echoed");
    Ok(())
}
