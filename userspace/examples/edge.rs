//! Prints the times of the edges of a GPIO: `edge gpio:gpiochip0/17:rising`.

use irq_user::Line;
use std::env;

fn main() -> irq_user::Result<()> {
    let name = env::args().nth(1).unwrap_or("gpio:gpiochip0/17:rising".to_owned());
    let line = Line::named(&name)?;
    // The kernel takes times from the first read of a record on.
    line.try_read_record()?;
    println!("waiting for {name}");
    loop {
        let record = line.read_record()?;
        if let Some(time) = record.last {
            println!("{} edges, the last at {} ns", record.count, time.as_nanos());
        }
    }
}
