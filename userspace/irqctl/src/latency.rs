//! `irqctl latency`

mod moved;
mod progress;
mod raw;
mod source;
mod way;

use crate::{
    complain,
    histogram::Histogram,
    json, machine,
    name::{self, Name},
    output::Output,
    plot, units,
    waiter::*,
};
use irq_user::{rt, Line};
use moved::Moved;
use progress::Progress;
use raw::Raw;
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
/// terminal, a measurement of more than 10 seconds shows its progress. Control-C ends it, and the
/// results until then are printed.
#[derive(clap::Args)]
#[command(
    after_help = "With --json: `irq`, the number of the line; `wait`, which is sleep, spin or page; \
    `machine`, a text; `seconds`, the duration; `exceeded`, whether --stop-at has stopped it; \
    `latency`, in the form of `gaps` of `irqctl watch`."
)]
pub struct Args {
    /// The line: its number, its node or its name; with --device the default is the device's INTx
    /// line
    #[arg(value_name = "LINE", required_unless_present = "device", value_parser = name::parse)]
    line: Option<Name>,
    /// How many interrupts to measure [default: 1000, or any number with --duration]
    #[arg(long, short = 'n', value_name = "COUNT")]
    samples: Option<u64>,
    /// How long to measure
    #[arg(long, short, value_name = "PERIOD", value_parser = units::period)]
    duration: Option<Duration>,
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
    /// Write the percentiles into a file, in nanoseconds, in the format of HdrHistogram
    #[arg(long, value_name = "FILE")]
    hgrm: Option<PathBuf>,
    /// Write each time into a file, in nanoseconds, in the order of the interrupts
    #[arg(long, value_name = "FILE")]
    raw: Option<PathBuf>,
    #[command(flatten)]
    device: source::DeviceArgs,
}

/// How long to wait for an interrupt before giving up.
const PATIENCE: Duration = Duration::from_secs(2);

/// How many interrupts to measure if no other end is given.
const SAMPLES: u64 = 1000;

/// A message to the measuring thread.
enum Message {
    /// When the waiting thread was ready (first message) or woke up (later messages).
    Woken(io::Result<Instant>),
    /// A signal asks this program to end.
    Stop(Signal),
}

/// The end of a measurement.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Complete,
    /// A time was longer than --stop-at.
    Exceeded,
    Stopped(Signal),
}

pub fn run(args: &Args, json: bool) -> io::Result<ExitCode> {
    let mut waiter = Waiter::new()?;
    if args.mlock {
        rt::lock_memory()?;
    }
    let (line, source, _enabled) = source::open(args.line.as_ref(), &args.device)?;
    let irq = line.irq();
    let _moved = args.irq_cpu.map(|cpu| Moved::to(irq, cpu)).transpose()?;
    let _awake = args.cpu_latency.map(rt::CpuLatency::hold).transpose()?;
    let source = Arc::new(source);

    let (sender, messages) = mpsc::channel();
    thread::spawn({
        let (source, way, fifo, cpu) = (source.clone(), args.wait, args.fifo, args.cpu);
        let sender = sender.clone();
        move || serve(line, way, &source, fifo, cpu, &sender)
    });
    if let Some(Message::Woken(ready)) = receive(&messages, PATIENCE) {
        ready?;
    }
    thread::spawn(move || {
        if let Ok(Wake::Stop(signal)) = waiter.wait(None) {
            let _ = sender.send(Message::Stop(signal));
        }
    });

    let name = irq.map_or("the line".to_owned(), |irq| format!("line {irq}"));
    let open = |path: &Option<PathBuf>| path.as_deref().map(Output::open).transpose();
    let (plot, hgrm) = (open(&args.plot)?, open(&args.hgrm)?);
    let raw = open(&args.raw)?.map(Raw::start).transpose()?;
    let mut measurement = Measurement {
        args,
        name: &name,
        source: &source,
        messages: &messages,
        histogram: Histogram::new(),
        raw,
    };
    let begin = Instant::now();
    let end = measurement.run(begin)?;
    let Measurement { histogram, raw, .. } = measurement;
    let seconds = begin.elapsed().as_secs_f64();
    if end == End::Exceeded {
        let longest = units::time(histogram.longest());
        complain(format_args!("{name}: the last time, {longest}, is longer than --stop-at"));
    }

    let mut out = io::stdout().lock();
    if json {
        let record = json::Latency {
            irq,
            wait: args.wait.name().to_owned(),
            machine: machine::describe(),
            seconds,
            exceeded: end == End::Exceeded,
            latency: histogram.record(),
        };
        json::write(&mut out, &record)?;
    } else {
        let interrupts = units::several(histogram.count(), "interrupt");
        writeln!(out, "{name}: {interrupts}; time from each until the program runs:")?;
        histogram.write(&mut out)?;
    }
    raw.map_or(Ok(()), Raw::end)?;
    if let Some(hgrm) = hgrm {
        let mut file = hgrm.start()?;
        histogram.write_hgrm(&mut file)?;
        file.flush()?;
    }
    if let Some(plot) = plot {
        let title = format!("From an interrupt of {name} to the program");
        let mut file = plot.start()?;
        file.write_all(plot::svg(&[(title, &histogram)])?.as_bytes())?;
        file.flush()?;
    }
    Ok(match end {
        End::Complete => ExitCode::SUCCESS,
        End::Exceeded => ExitCode::FAILURE,
        End::Stopped(signal) => signal.ended(),
    })
}

struct Measurement<'a> {
    args: &'a Args,
    name: &'a str,
    source: &'a Source,
    messages: &'a Receiver<Message>,
    histogram: Histogram,
    raw: Option<Raw>,
}

impl Measurement<'_> {
    /// Measures until there are enough samples, the time is over, a sample takes too long, or a
    /// signal asks this program to end.
    fn run(&mut self, begin: Instant) -> io::Result<End> {
        let Args { samples, duration, .. } = *self.args;
        let samples = samples.or(duration.is_none().then_some(SAMPLES));
        let end = duration.and_then(|duration| begin.checked_add(duration));
        let interval = self.args.interval.unwrap_or(self.args.wait.interval());
        let mut progress = Progress::new(samples, duration);
        while samples.is_none_or(|samples| self.histogram.count() < samples) {
            let next = [Instant::now().checked_add(interval), end].into_iter().flatten().min();
            if let Some(signal) = self.pause(next)? {
                return Ok(End::Stopped(signal));
            }
            if end.is_some_and(|end| end <= Instant::now()) {
                break;
            }
            let begin = Instant::now();
            self.source.fire()?;
            let time = match receive(self.messages, PATIENCE) {
                Some(Message::Woken(woken)) => woken? - begin,
                Some(Message::Stop(signal)) => return Ok(End::Stopped(signal)),
                None => return Err(io::Error::other(format!("{} does not fire", self.name))),
            };
            let ns = time.as_nanos() as u64;
            self.histogram.add(ns);
            self.raw.as_mut().map_or(Ok(()), |raw| raw.add(ns))?;
            if self.args.stop_at.is_some_and(|limit| time > limit) {
                return Ok(End::Exceeded);
            }
            progress.update(self.histogram.count(), self.histogram.longest());
        }
        Ok(End::Complete)
    }

    /// Waits until a time, or until a signal asks this program to end. Discards interrupts that
    /// this command did not cause.
    fn pause(&self, until: Option<Instant>) -> io::Result<Option<Signal>> {
        loop {
            let left = until.map_or(Duration::MAX, |until| until - Instant::now());
            match receive(self.messages, left) {
                Some(Message::Woken(woken)) => woken.map(drop)?,
                Some(Message::Stop(signal)) => return Ok(Some(signal)),
                None => return Ok(None),
            }
        }
    }
}

/// Waits for the line like a driver, and sends the time of each wake-up.
fn serve(
    line: Line,
    way: Way,
    source: &Source,
    fifo: Option<u8>,
    cpu: Option<usize>,
    messages: &Sender<Message>,
) {
    let prepare = || {
        cpu.map_or(Ok(()), rt::pin)?;
        fifo.map_or(Ok(()), rt::set_fifo)?;
        Server::new(line, way)
    };
    let server = match prepare() {
        Ok(server) => server,
        Err(e) => return drop(messages.send(Message::Woken(Err(e)))),
    };
    let wait = || {
        server.wait()?;
        let now = Instant::now();
        source.quiet();
        server.arm()?;
        Ok(now)
    };
    let mut result = Ok(Instant::now());
    while messages.send(Message::Woken(result)).is_ok() {
        result = wait();
    }
}

/// Returns the next message, or `None` if there is none in time.
fn receive(messages: &Receiver<Message>, time: Duration) -> Option<Message> {
    messages.recv_timeout(time).ok()
}
