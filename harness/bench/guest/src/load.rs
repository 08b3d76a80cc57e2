//! Work for the kernel, by threads without a real-time priority.

use rustix::{
    io::{read, write},
    mm::{mmap_anonymous, munmap, MapFlags, ProtFlags},
    pipe::pipe,
    thread::sched_yield,
};
use std::{
    fs, io, ptr,
    sync::{
        atomic::{AtomicBool, Ordering::Relaxed},
        Arc,
    },
    thread::{self, JoinHandle},
};

/// Threads that keep the kernel busy as long as this object lives.
pub struct Load {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<io::Result<()>>>,
}

const WORK: [fn() -> io::Result<()>; 3] = [memory, files, threads];

impl Load {
    pub fn start() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let start = |work: fn() -> io::Result<()>| {
            let stop = stop.clone();
            thread::spawn(move || {
                become_ordinary()?;
                while !stop.load(Relaxed) {
                    work()?;
                }
                Ok(())
            })
        };
        let threads = WORK.map(start).into();
        Self { stop, threads }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
        for thread in self.threads.drain(..) {
            if let Ok(Err(e)) = thread.join() {
                eprintln!("  a load thread failed: {e}");
            }
        }
    }
}

/// Gives up the real-time priority that a thread inherits.
fn become_ordinary() -> io::Result<()> {
    let param = libc::sched_param { sched_priority: 0 };
    // SAFETY: `param` is valid for the call.
    match unsafe { libc::sched_setscheduler(0, libc::SCHED_OTHER, &param) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Maps memory and unmaps it. The memory is locked, so the kernel allocates it immediately.
fn memory() -> io::Result<()> {
    const SIZE: usize = 1 << 20;
    let protection = ProtFlags::READ | ProtFlags::WRITE;

    // SAFETY: The kernel chooses the address of the new mapping, so it overlaps nothing. Only this
    // function uses the mapping.
    unsafe { munmap(mmap_anonymous(ptr::null_mut(), SIZE, protection, MapFlags::PRIVATE)?, SIZE) }?;
    Ok(())
}

/// Makes a file, looks at all files of a folder, and deletes the file.
fn files() -> io::Result<()> {
    fs::write("/tmp/load", [0; 10_000])?;
    for entry in fs::read_dir("/bin")? {
        entry?.metadata()?;
    }
    fs::remove_file("/tmp/load")
}

/// Makes a thread, and passes a byte back and forth.
fn threads() -> io::Result<()> {
    let (from_us, to_it) = pipe()?;
    let (from_it, to_us) = pipe()?;
    let echo = thread::spawn(move || {
        let mut byte = [0];
        while read(&from_us, &mut byte)? == 1 {
            write(&to_us, &byte)?;
        }
        Ok::<_, io::Error>(())
    });

    for _ in 0..20 {
        write(&to_it, &[0])?;
        read(&from_it, &mut [0])?;
        sched_yield();
    }
    drop(to_it);
    echo.join().expect("the echo panicked")
}
