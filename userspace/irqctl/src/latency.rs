//! `irqctl latency`

mod moved;
mod progress;
mod source;
mod way;

use crate::{complain, histogram::Histogram, name::Name, plot::Plot, units, waiter::*};
use irq_user::{rt, Line};
use moved::Moved;
use progress::Progress;
use serde_json::json;
use source::Source;
use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
    sync::{
        mpsc::{self, Receiver, Sender},
        Arc,
    },
    thread,
    time::{Duration, Instant},
};
use way::{Server, Way};

/// Measure the time from an interrupt until a waiting program runs.
///
/// Makes the line fire, and measures the time until the waiting thread runs. The kernel makes an
/// edge-triggered line fire, through debugfs. A level-triggered line needs a PCI device: --device
/// names it, and --raise and --ack give the registers to write. For QEMU's edu card these are
/// `--device 1234:11e8 --raise 0x60=1 --ack 0x64=1`.
///
/// A percentile is printed only if there are enough interrupts for it: 99.9% needs 1000. On a
/// terminal, a measurement of more than 10 seconds shows its progress.
#[derive(clap::Args)]
#[command(
    after_help = "With --json: `irq`, the number of the line; `wait`, which is sleep, spin or page; \
    `exceeded`, whether --stop-at has stopped it; `latency`, in the form of `gaps` of `irqctl \
    watch`."
)]
pub struct Args {
    /// The line: its number, or its node; with --device the default is the device's INTx line
    #[arg(value_name = "LINE", required_unless_present = "device", value_parser = Name::parse)]
    line: Option<Name>,
    /// How many interrupts to measure
    #[arg(long, short = 'n', value_name = "COUNT", default_value = "1000")]
    samples: u64,
    /// How to wait
    #[arg(long, value_name = "WAY", value_enum, default_value_t = Way::Sleep)]
    wait: Way,
    /// How long to wait between two interrupts [default: 1ms, or 20us with --wait spin]
    #[arg(long, short, value_name = "PERIOD", value_parser = units::period)]
    interval: Option<Duration>,
    /// Give the waiting thread a SCHED_FIFO priority, from 1 to 99
    #[arg(long, value_name = "PRIORITY")]
    fifo: Option<u8>,
    /// Bind the waiting thread to a processor
    #[arg(long, value_name = "CPU")]
    cpu: Option<usize>,
    /// Bind the line to a processor, and give it back its processors at the end
    #[arg(long, value_name = "CPU")]
    irq_cpu: Option<u32>,
    /// Keep all processors out of idle states that take longer than this to leave; 0 keeps them out
    /// of all
    #[arg(long, value_name = "PERIOD", value_parser = units::period)]
    cpu_latency: Option<Duration>,
    /// Lock the program's memory, so that it is not paged out
    #[arg(long)]
    mlock: bool,
    /// Stop, and fail, if a time is longer than this; the period needs a unit, like 100us
    #[arg(long, short = 'b', value_name = "PERIOD", value_parser = units::period_with_unit)]
    stop_at: Option<Duration>,
    /// Draw the distribution into a file, as SVG
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
    #[command(flatten)]
    device: source::DeviceArgs,
}

/// How long to wait for an interrupt before giving up.
const PATIENCE: Duration = Duration::from_secs(2);

/// The time when the waiting thread was ready (first message) or woke up (later messages).
type Woken = io::Result<Instant>;

/// The end of a measurement.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Complete,
    /// A time was longer than --stop-at.
    Exceeded,
    Stopped(Signal),
}

pub fn run(args: &Args, json: bool) -> io::Result<ExitCode> {
    let waiter = Waiter::new()?;
    if args.mlock {
        rt::lock_memory()?;
    }
    let (line, source, _enabled) = source::open(args.line.as_ref(), &args.device)?;
    let irq = line.irq();
    let _moved = args.irq_cpu.map(|cpu| Moved::to(irq, cpu)).transpose()?;
    let _awake = args.cpu_latency.map(rt::CpuLatency::hold).transpose()?;
    let source = Arc::new(source);

    let (sender, woken) = mpsc::channel();
    thread::spawn({
        let (source, way, fifo, cpu) = (source.clone(), args.wait, args.fifo, args.cpu);
        move || serve(line, way, &source, fifo, cpu, &sender)
    });
    receive(&woken)?;

    let name = irq.map_or("the line".to_owned(), |irq| format!("line {irq}"));
    let plot = args.plot.as_deref().map(Plot::open).transpose()?;
    let mut histogram = Histogram::new();
    let end = measure(args, &waiter, &name, &source, &woken, &mut histogram)?;
    if end == End::Exceeded {
        let longest = units::time(histogram.longest());
        complain(format_args!("{name}: the last time, {longest}, is longer than --stop-at"));
    }

    let mut out = io::stdout().lock();
    if json {
        let summary = json!({
            "irq": irq,
            "wait": args.wait.name(),
            "exceeded": end == End::Exceeded,
            "latency": histogram.describe(),
        });
        writeln!(out, "{summary}")?;
    } else {
        let interrupts = units::several(histogram.count(), "interrupt");
        writeln!(out, "{name}: {interrupts}; time from each until the program runs:")?;
        histogram.write(&mut out)?;
    }
    if let Some(plot) = plot {
        plot.draw(&[(format!("From an interrupt of {name} to the program"), &histogram)])?;
    }
    Ok(match end {
        End::Complete => ExitCode::SUCCESS,
        End::Exceeded => ExitCode::FAILURE,
        End::Stopped(signal) => signal.ended(),
    })
}

/// Measures until there are enough samples, one takes too long, or a signal asks this program to
/// end.
fn measure(
    args: &Args,
    waiter: &Waiter,
    name: &str,
    source: &Source,
    woken: &Receiver<Woken>,
    histogram: &mut Histogram,
) -> io::Result<End> {
    let interval = args.interval.unwrap_or(args.wait.interval());
    let mut progress = Progress::new(args.samples);
    while histogram.count() < args.samples {
        if let Some(signal) = waiter.pause(interval)? {
            return Ok(End::Stopped(signal));
        }
        // Discard interrupts that this command did not cause.
        while woken.try_recv().is_ok() {}
        let begin = Instant::now();
        source.fire()?;
        let Some(end) = receive(woken)? else {
            return Err(io::Error::other(format!("{name} does not fire")));
        };
        let time = end - begin;
        histogram.add(time.as_nanos() as u64);
        if args.stop_at.is_some_and(|limit| time > limit) {
            return Ok(End::Exceeded);
        }
        progress.update(histogram.count(), histogram.longest());
    }
    Ok(End::Complete)
}

/// Waits for the line like a driver, and sends the time of each wake-up.
fn serve(
    line: Line,
    way: Way,
    source: &Source,
    fifo: Option<u8>,
    cpu: Option<usize>,
    woken: &Sender<Woken>,
) {
    let prepare = || {
        cpu.map_or(Ok(()), rt::pin)?;
        fifo.map_or(Ok(()), rt::set_fifo)?;
        Server::new(line, way)
    };
    let server = match prepare() {
        Ok(server) => server,
        Err(e) => return drop(woken.send(Err(e))),
    };
    let wait = || {
        server.wait()?;
        let now = Instant::now();
        source.quiet();
        Ok(now)
    };
    let mut result = Ok(Instant::now());
    while woken.send(result).is_ok() {
        result = wait();
    }
}

/// Returns the next message of the other thread, or `None` if it is not in time.
fn receive(woken: &Receiver<Woken>) -> io::Result<Option<Instant>> {
    woken.recv_timeout(PATIENCE).ok().transpose()
}
