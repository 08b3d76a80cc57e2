//! `irqctl affinity`

use crate::{
    json,
    name::{self, Name},
    table::{self, Align},
};
use irq_user::{rt, Info};
use std::{fmt, io, process::ExitCode};

/// Show or set the processors that may handle a line.
///
/// AFFINITY is what was asked for. EFFECTIVE is the processors that do handle the line: many
/// interrupt controllers use one of them. Without LINE, shows all lines whose processors are known.
/// Setting needs root, and stays until it is set again: irqbalance may do so. If a line has no
/// owner, AFFINITY takes effect when it is opened. Some controllers move a line at its next
/// interrupt, and show the new processor only then.
#[derive(clap::Args)]
#[command(after_help = "With --json, for each line: `irq`, its number; `affinity` and \
    `effective_affinity`, arrays of processors.")]
pub struct Args {
    /// The line: its number, its node or its name, see `irqctl --help`
    #[arg(value_name = "LINE", value_parser = name::parse)]
    line: Option<Name>,
    /// The processors to set, like 3 or 0-3,8
    #[arg(value_name = "CPUS", value_parser = Cpus::parse)]
    cpus: Option<Cpus>,
}

const COLUMNS: [(&str, Align); 3] =
    [("LINE", Align::Right), ("AFFINITY", Align::Left), ("EFFECTIVE", Align::Left)];

pub fn run(args: &Args, json: bool) -> io::Result<ExitCode> {
    let lines = match &args.line {
        Some(name) => {
            let irq = name.irq()?;
            if let Some(cpus) = &args.cpus {
                rt::bind_line(irq, &cpus.0)?;
            }
            vec![Info::of(irq)?]
        }
        None => Info::all()?.into_iter().filter(|line| !line.affinity.is_empty()).collect(),
    };
    let mut out = io::stdout().lock();
    if json {
        for line in lines {
            let record = json::Affinity {
                irq: line.irq,
                affinity: line.affinity,
                effective_affinity: line.effective_affinity,
            };
            json::write(&mut out, &record)?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let mut rows = vec![COLUMNS.map(|(title, _)| title.to_owned()).to_vec()];
    rows.extend(lines.into_iter().map(|line| {
        let lists = [line.affinity, line.effective_affinity].map(|cpus| Cpus(cpus).to_string());
        [[line.irq.to_string()].as_slice(), &lists].concat()
    }));
    table::write(&mut out, &COLUMNS.map(|(_, align)| align), &rows)?;
    Ok(ExitCode::SUCCESS)
}

/// Processors, as the kernel writes them: `0-3,8`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cpus(Vec<u32>);

impl Cpus {
    fn parse(text: &str) -> Result<Self, String> {
        let number = |text: &str| match text.parse() {
            Ok(number @ 0..=0xffff) => Ok(number),
            _ => Err(format!("{text:?} is not a processor, as in 3 or 0-3,8")),
        };
        let mut cpus = Vec::new();
        for range in text.split(',') {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            cpus.extend(number(first)?..=number(last)?);
        }
        Ok(Self(cpus))
    }
}

impl fmt::Display for Cpus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ranges: Vec<_> = self
            .0
            .chunk_by(|cpu, next| cpu + 1 == *next)
            .map(|range| match range {
                [first, .., last] => format!("{first}-{last}"),
                alone => alone[0].to_string(),
            })
            .collect();
        f.write_str(&ranges.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processors_are_a_list_of_ranges() {
        for (text, cpus) in [("3", vec![3]), ("0-3,8", vec![0, 1, 2, 3, 8]), ("0-1", vec![0, 1])] {
            assert_eq!(Cpus::parse(text), Ok(Cpus(cpus.clone())));
            assert_eq!(Cpus(cpus).to_string(), text);
        }
        for wrong in ["", "x", "0-", "-1", "0,,1", "65536", "0-4294967295"] {
            assert!(Cpus::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
