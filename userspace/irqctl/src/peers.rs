//! Ends this program when nothing needs it any more: when the reader of its output has closed the
//! pipe, or when its parent has ended.

use rustix::{
    event::{poll, PollFd, PollFlags},
    io::Errno,
    process::{getpid, getppid, kill_process, pidfd_open, PidfdFlags, Signal},
};
use std::{io, os::fd::OwnedFd, thread};

/// Makes a thread that waits for the end of the reader, and with `parent` also for that of the
/// parent. The thread then sends this program SIGPIPE or SIGTERM.
///
/// A program that waits for a quiet line writes nothing, so no write tells it that the reader is
/// gone.
pub fn end_with_them(parent: bool) -> io::Result<()> {
    let parent = match getppid().filter(|_| parent) {
        Some(parent) => Some(pidfd_open(parent, PidfdFlags::empty())?),
        None => None,
    };
    thread::spawn(move || {
        if let Ok(signal) = first_end(parent.as_ref()) {
            // Any process may send itself a signal.
            let _ = kill_process(getpid(), signal);
        }
    });
    Ok(())
}

/// Waits until the reader or the parent is gone. Returns the signal for this.
fn first_end(parent: Option<&OwnedFd>) -> Result<Signal, Errno> {
    let stdout = io::stdout();
    // Errors and hang-ups are always reported.
    let mut fds = vec![PollFd::new(&stdout, PollFlags::empty())];
    fds.extend(parent.map(|parent| PollFd::new(parent, PollFlags::IN)));
    loop {
        match poll(&mut fds, None) {
            Ok(_) if fds[0].revents().is_empty() => return Ok(Signal::TERM),
            Ok(_) => return Ok(Signal::PIPE),
            Err(Errno::INTR) => (),
            Err(e) => return Err(e),
        }
    }
}
