//! Measures mechanisms, and prints each measurement as a line of JSON.
//!
//! The lines are printed at the end, because printing causes interrupts. The progress is printed to
//! standard error.

use crate::{
    dma::Dma,
    latency::{self, Event},
    load::Load,
    mark::{counts_instructions, STEP},
    mechanism::{Mechanism, Source},
    memory::Cost,
    timed::{self, Lead},
};
use std::{io, thread, time::Duration};

#[derive(Default)]
pub struct Bench {
    /// The measurements, as lines of JSON.
    lines: Vec<String>,
    /// Another program keeps another CPU busy.
    pub loaded: bool,
}

impl Bench {
    /// Measures a mechanism with both kinds of work.
    pub fn run<S: Source, M: Mechanism>(
        &mut self,
        name: &str,
        source: &S,
        open: impl Fn() -> io::Result<M> + Sync,
    ) -> io::Result<()> {
        self.same(name, source, &open)?;
        begin(name, "two");
        self.add(name, "two", S::CALLS, &latency::two(source, &open)?);
        Ok(())
    }

    /// Measures a mechanism with one thread, which may spin.
    pub fn same<S: Source, M: Mechanism>(
        &mut self,
        name: &str,
        source: &S,
        open: impl Fn() -> io::Result<M> + Sync,
    ) -> io::Result<()> {
        begin(name, "same");
        self.add(name, "same", S::CALLS, &latency::same(source, open)?);
        Ok(())
    }

    /// Measures a mechanism with events that come at a known time, soon after it waits.
    pub fn timed<M: Mechanism>(
        &mut self,
        name: &str,
        dma: &Dma,
        open: impl Fn() -> io::Result<M>,
    ) -> io::Result<()> {
        self.timed_with(name, dma, &Lead::SHORT, open)
    }

    /// As [`timed`](Self::timed), but begins to wait at other times.
    pub fn timed_with<M: Mechanism>(
        &mut self,
        name: &str,
        dma: &Dma,
        lead: &Lead,
        open: impl Fn() -> io::Result<M>,
    ) -> io::Result<()> {
        begin(name, "timed");
        self.add(name, "timed", 0, &timed::timed(dma, lead, open)?);
        Ok(())
    }

    /// Measures the opening and the closing of a mechanism.
    pub fn open<M>(&mut self, name: &str, open: impl Fn() -> io::Result<M>) -> io::Result<()> {
        begin(name, "open");
        self.add(name, "open", 0, &latency::calling(|| Ok(()), open, drop)?);
        Ok(())
    }

    /// Measures a call that arms a line and does not sleep.
    pub fn arm(
        &mut self,
        name: &str,
        prepare: impl Fn() -> io::Result<()>,
        arm: impl Fn() -> io::Result<()>,
    ) -> io::Result<()> {
        begin(name, "arm");
        self.add(name, "arm", 0, &latency::calling(prepare, arm, drop)?);
        Ok(())
    }

    /// Measures an event of one member of a large set.
    pub fn scale<S: Source, M: Mechanism>(
        &mut self,
        name: &str,
        source: &S,
        open: impl Fn() -> io::Result<M> + Sync,
    ) -> io::Result<()> {
        begin(name, "scale");
        self.add(name, "scale", S::CALLS, &latency::two(source, &open)?);
        Ok(())
    }

    /// Measures an event of one member of a large set, with one thread, which spins.
    pub fn scale_spinning<S: Source, M: Mechanism>(
        &mut self,
        name: &str,
        source: &S,
        open: impl Fn() -> io::Result<M> + Sync,
    ) -> io::Result<()> {
        begin(name, "scale");
        self.add(name, "scale", S::CALLS, &latency::same(source, open)?);
        Ok(())
    }

    /// Measures how late an event with a known time comes while the machine is busy.
    pub fn late<S: Source, M: Mechanism>(
        &mut self,
        name: &str,
        source: &S,
        open: impl Fn() -> io::Result<M> + Sync,
    ) -> io::Result<()> {
        begin(name, "late");
        if self.loaded {
            let late = latency::on_time(source, &open)?;
            self.lines.push(format!(r#"{{"on_time":"{name}","late":{late:?}}}"#));
            return Ok(());
        }
        let load = Load::start();
        let events = latency::same(source, &open)?;
        drop(load);
        self.add(name, "late", S::CALLS, &events);
        Ok(())
    }

    fn add(&mut self, name: &str, work: &str, source_calls: u32, events: &[Event]) {
        let user: Vec<_> = events.iter().map(|event| event.user).collect();
        let cycle: Vec<_> = events.iter().map(|event| event.cycle).collect();
        self.lines.push(format!(
            r#"{{"mechanism":"{name}","work":"{work}","source_calls":{source_calls},"step":{STEP},"user":{user:?},"cycle":{cycle:?}}}"#
        ));
    }

    pub fn add_memory(&mut self, cost: &Cost) {
        self.lines.push(format!(r#"{{"memory":"{}","bytes":{}}}"#, cost.what, cost.bytes));
    }

    /// Measures a group of mechanisms, or reports why that fails.
    pub fn group(&mut self, name: &str, measure: impl FnOnce(&mut Self) -> io::Result<()>) {
        if let Err(e) = measure(self) {
            eprintln!("  {name}: {e}");
            self.lines.push(format!(r#"{{"missing":"{name}","why":"{e}"}}"#));
        }
    }

    pub fn print(&self) {
        println!(r#"{{"counts_instructions":{}}}"#, counts_instructions());
        for line in &self.lines {
            println!("{line}");
        }
    }
}

/// Prints the next measurement's name, and lets the machine become quiet after the printing.
fn begin(name: &str, work: &str) {
    eprintln!("  {name}, {work}");
    thread::sleep(Duration::from_millis(50));
}
