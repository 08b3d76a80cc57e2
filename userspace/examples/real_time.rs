//! A real-time control loop: an interrupt wakes a thread in time, whatever else the machine does.
//!
//! The interrupts are those of QEMU's `edu` card. Another thread makes the card interrupt 200 times
//! a second. If no interrupt arrives for ten periods, the loop does a round without its sensor. If
//! the sensor stays silent, the loop stops.

use irq_user::{pci::Device, rt, Line};
use std::{
    io,
    sync::{
        atomic::{AtomicBool, AtomicU64, Ordering},
        Arc,
    },
    thread,
    time::{Duration, Instant},
};

const PERIOD: Duration = Duration::from_millis(5);
/// How many rounds in succession the loop does without its sensor: five seconds.
const SILENCES: u32 = 100;
const ROUNDS: u32 = 400;
const PRIORITY: u8 = 80;

/// Registers of the card.
const STATUS: usize = 0x24;
const RAISE: usize = 0x60;
const ACKNOWLEDGE: usize = 0x64;

fn main() -> io::Result<()> {
    let card = Device::find(0x1234, 0x11e8)?;
    let _enabled = card.enable()?;
    let registers = Arc::new(card.map(0)?);
    let line = Line::open(card.irq()?)?;
    let begin = Instant::now();
    let raised_at = Arc::new(AtomicU64::new(0));
    let is_over = Arc::new(AtomicBool::new(false));

    // Start this thread before the loop becomes real-time, so that it does not inherit the
    // priority.
    let sensor = {
        let (registers, raised_at) = (registers.clone(), raised_at.clone());
        let is_over = is_over.clone();
        thread::spawn(move || {
            while !is_over.load(Ordering::Relaxed) {
                thread::sleep(PERIOD);
                // The write to the register comes after the store: `Registers` orders them.
                raised_at.store(begin.elapsed().as_nanos() as u64, Ordering::Relaxed);
                registers.write_u32(RAISE, 1);
            }
        })
    };

    let cpu = thread::available_parallelism()?.get() - 1;
    rt::enter(PRIORITY, Some(cpu))?;
    let alarm = rt::Alarm::new()?;
    if let Some(irq) = line.irq() {
        rt::bind_line(irq, &[cpu as u32])?;
    }
    // A kernel without idle states has nothing to hold.
    let _awake = match rt::CpuLatency::hold(Duration::ZERO) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => None,
        held => Some(held?),
    };

    let (mut rounds, mut longest, mut silences) = (0, Duration::ZERO, 0);
    while rounds < ROUNDS {
        let Some(count) = alarm.wait(&line, 10 * PERIOD)? else {
            // Here, do what is safe without a measurement.
            silences += 1;
            if silences == SILENCES {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "the sensor is silent"));
            }
            continue;
        };
        silences = 0;
        // The interrupt comes after the write to the register, and the kernel wakes this thread
        // after the interrupt.
        let raised = Duration::from_nanos(raised_at.load(Ordering::Relaxed));
        longest = longest.max(begin.elapsed().saturating_sub(raised));
        rounds += count;
        // Here, compute the control output.
        registers.write_u32(ACKNOWLEDGE, registers.read_u32(STATUS));
        // The next wait arms the line: first, the card must have dropped its interrupt.
        registers.flush_u32(STATUS);
    }

    // Stop the sensor, and make the card quiet.
    is_over.store(true, Ordering::Relaxed);
    let _ = sensor.join();
    registers.write_u32(ACKNOWLEDGE, registers.read_u32(STATUS));
    println!("{rounds} rounds on processor {cpu}, priority {PRIORITY}: {longest:?} at most");
    Ok(())
}
