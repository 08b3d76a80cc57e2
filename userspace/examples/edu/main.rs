//! A user-mode driver of QEMU's `edu` card, which computes factorials and interrupts when it is
//! done.
//!
//! It asks for a factorial, waits for the card's interrupt, reads the card's status, acknowledges,
//! and reads the result. It does so in four ways. After each way it compares its own counts with
//! those of the card and of the kernel.
//!
//! With the name of a card as its argument, it drops all privilege, keeps only the group of the
//! card's nodes, and drives the card by the nodes. The card must be bound to the driver `irq_user`.

mod card;
mod nodes;
mod trace;

use card::Card;
use irq_user::{rt, AsyncLine, Info, Line};
use nix::unistd::{fork, ForkResult};
use rustix::{
    event::{poll, PollFd, PollFlags, Timespec},
    time::{
        timerfd_create, timerfd_settime, Itimerspec, TimerfdClockId, TimerfdFlags,
        TimerfdTimerFlags,
    },
};
use std::{
    env, io,
    process::{exit, ExitCode},
};
use tokio::runtime;

/// A way to wait for the card.
struct Way {
    title: &'static str,
    drive: fn(&Card, &Line, u32) -> io::Result<Tally>,
    /// The number of interrupts.
    interrupts: u32,
    /// The number of system calls per interrupt, or `None` if they are not counted.
    calls: Option<u32>,
}

const WAYS: [Way; 4] = [
    Way { title: "Waiting in read", drive: by_read, interrupts: 12, calls: Some(1) },
    Way {
        title: "Waiting in poll, for the line and for a timer that asks for more",
        drive: by_poll,
        interrupts: 8,
        // A poll that the timer ends, a poll that the line ends, and a read of the line.
        calls: Some(3),
    },
    Way {
        title: "Waiting in tokio",
        drive: by_tokio,
        interrupts: 12,
        // The runtime decides how often it polls.
        calls: None,
    },
    Way {
        title: "Waiting in read, in real time",
        drive: in_real_time,
        interrupts: 200,
        // A tracer would delay the thread.
        calls: None,
    },
];

/// The priority of the real-time driver, above that of the kernel's interrupt threads.
const PRIORITY: u8 = 89;

/// The counts of a driver.
#[derive(Default)]
struct Tally {
    /// Completions that the driver has acknowledged in the card.
    raised: u32,
    /// Interrupts that the line's file has reported.
    taken: u32,
    /// Wrong results.
    wrong: u32,
}

impl Tally {
    /// Reads the card's answer to `n!`. The line has reported `count` interrupts for it.
    fn finish(&mut self, card: &Card, n: u32, count: u32) -> u32 {
        self.taken += count;
        self.raised += u32::from(card.acknowledge());
        let result = card.result();
        self.wrong += u32::from(result != (1..=n).product());
        result
    }
}

fn by_read(card: &Card, line: &Line, interrupts: u32) -> io::Result<Tally> {
    let mut tally = Tally::default();

    for n in 1..=interrupts {
        card.ask_factorial(n);
        let count = line.wait()?;
        let result = tally.finish(card, n, count);
        println!("  interrupt {:2}: {n:2}! = {result}", tally.taken);
    }
    Ok(tally)
}

fn by_poll(card: &Card, line: &Line, interrupts: u32) -> io::Result<Tally> {
    let mut tally = Tally::default();
    let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::empty())?;
    let start_timer = || {
        let once = Timespec { tv_sec: 0, tv_nsec: 0 };
        let soon = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
        let times = Itimerspec { it_interval: once, it_value: soon };
        timerfd_settime(&timer, TimerfdTimerFlags::empty(), &times)
    };

    let mut asked = 0;
    start_timer()?;
    while tally.raised < interrupts {
        let mut fds = [PollFd::new(line, PollFlags::IN), PollFd::new(&timer, PollFlags::IN)];
        poll(&mut fds, None)?;
        let [line_fired, timer_ended] = fds.map(|fd| fd.revents().contains(PollFlags::IN));

        if line_fired {
            let count = line.wait()?;
            let result = tally.finish(card, asked, count);
            println!("  interrupt {:2}: {asked:2}! = {result}", tally.taken);
            start_timer()?;
        }
        if timer_ended {
            rustix::io::read(&timer, &mut [0; 8])?;
            asked += 1;
            card.ask_factorial(asked);
            println!("  timer {asked}");
        }
    }
    Ok(tally)
}

fn by_tokio(card: &Card, line: &Line, interrupts: u32) -> io::Result<Tally> {
    let runtime = runtime::Builder::new_current_thread().enable_io().build()?;

    runtime.block_on(async {
        let mut tally = Tally::default();
        let line = AsyncLine::on_tokio(line.try_clone()?)?;
        for n in 1..=interrupts {
            card.ask_factorial(n);
            let count = line.wait().await?;
            let result = tally.finish(card, n, count);
            println!("  interrupt {:2}: {n:2}! = {result}", tally.taken);
        }
        Ok(tally)
    })
}

/// Like the example of the 2005 patch: with locked memory and a high real-time priority.
fn in_real_time(card: &Card, line: &Line, interrupts: u32) -> io::Result<Tally> {
    let mut tally = Tally::default();
    rt::enter(PRIORITY, None)?;

    for n in (1..=12).cycle().take(interrupts as usize) {
        card.ask_factorial(n);
        let count = line.wait()?;
        tally.finish(card, n, count);
    }
    println!("  {} interrupts, memory locked, SCHED_FIFO priority {PRIORITY}", tally.taken);
    Ok(tally)
}

/// Drives the card in one way, as root. Returns whether all counts match.
fn drive(way: &Way) -> io::Result<bool> {
    let mark = if way.calls.is_some() {
        trace::start()?;
        trace::mark
    } else {
        || Ok(())
    };
    let card = Card::open()?;
    let line = Line::open(card.irq())?;
    account(way, &card, &line, mark)
}

/// Drives the card in one way, and prints the counts. Returns whether they match.
fn account(way: &Way, card: &Card, line: &Line, mark: fn() -> io::Result<()>) -> io::Result<bool> {
    let before = Info::of(card.irq())?.count();

    mark()?;
    let tally = (way.drive)(card, line, way.interrupts)?;
    mark()?;

    let info = Info::of(card.irq())?;
    let seen = info.count() - before;
    println!("  raised by the card          {:5}", tally.raised);
    println!("  taken by the driver         {:5}", tally.taken);
    println!("  counted by the kernel       {seen:5}  ({})", info.actions.join(", "));
    if tally.wrong != 0 {
        println!("  WRONG RESULTS               {:5}", tally.wrong);
    }
    let even = tally.raised == way.interrupts
        && tally.taken == way.interrupts
        && seen == u64::from(way.interrupts);
    Ok(even && tally.wrong == 0)
}

/// Runs a driver in its own process, so that this process can count its system calls.
#[expect(unsafe_code)]
fn run(way: &Way) -> io::Result<bool> {
    let card = Card::open()?;
    let irq = card.irq();
    println!("{} (line {irq}, card {})", way.title, card.address());

    // SAFETY: The program has only this thread, so the child may call any function.
    let child = match unsafe { fork() }? {
        ForkResult::Parent { child } => child,
        ForkResult::Child => {
            let even = drive(way).unwrap_or_else(|e| {
                println!("  {e}");
                false
            });
            exit(if even { 0 } else { 1 })
        }
    };

    let Some(allowed) = way.calls else {
        return trace::wait(child);
    };
    let (good, calls) = trace::count_calls(child, &format!("/proc/irq/{irq}/irq"))?;
    println!(
        "  system calls                {calls:5}  ({:.2} an interrupt)",
        f64::from(calls) / f64::from(way.interrupts)
    );
    Ok(good && calls == allowed * way.interrupts)
}

fn main() -> ExitCode {
    let mut good = true;
    let mut check = |even: io::Result<bool>| {
        good &= even.unwrap_or_else(|e| {
            println!("  {e}");
            false
        });
        println!();
    };

    match env::args().nth(1) {
        Some(name) => check(nodes::run(&name)),
        None => WAYS.iter().for_each(|way| check(run(way))),
    }

    if good {
        println!("Every interrupt was raised, counted and taken exactly once.");
        ExitCode::SUCCESS
    } else {
        println!("The figures do not match.");
        ExitCode::FAILURE
    }
}
