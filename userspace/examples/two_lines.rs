//! Waits for two lines until Control-C: `two_lines LINE LINE`.

use irq_user::{Line, WaitSet, Wake};
use signal_hook::{consts::SIGINT, low_level::pipe};
use std::{env, io};

fn main() -> io::Result<()> {
    let mut set = WaitSet::new()?;
    let names: Vec<_> = env::args().skip(1).collect();
    for name in &names {
        set.add(Line::named(name)?)?;
    }
    pipe::register(SIGINT, set.waker()?)?;
    println!("waiting");

    while let Wake::Ready(index, line) = set.wait(None)? {
        // Another thread may have taken the events.
        if let Some(count) = line.try_wait()? {
            println!("{}: {count}", names[index]);
        }
    }
    println!("Control-C");
    Ok(())
}
