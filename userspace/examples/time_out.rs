//! A tokio task that waits for a line with a time-out: `time_out LINE SECONDS`.

use irq_user::{AsyncLine, Line};
use std::{env, error::Error, time::Duration};
use tokio::{runtime, time::timeout};

/// Waits until the line is silent for too long. Returns the number of events until then.
async fn count(line: AsyncLine, limit: Duration) -> irq_user::Result<u32> {
    let mut total = 0;
    while let Ok(count) = timeout(limit, line.wait()).await {
        total += count?;
        println!("{total} events");
    }
    Ok(total)
}

fn main() -> Result<(), Box<dyn Error>> {
    let name = env::args().nth(1).ok_or("which line?")?;
    let limit = Duration::from_secs_f64(env::args().nth(2).unwrap_or("1".to_owned()).parse()?);
    runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let line = AsyncLine::on_tokio(Line::named(&name)?)?;
        let total = tokio::spawn(count(line, limit)).await??;
        println!("silent after {total} events");
        Ok(())
    })
}
