use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    path::Path,
    time::Duration,
};

/// A limit for the time that a processor needs to leave an idle state, through
/// `/dev/cpu_dma_latency`.
///
/// A processor without work enters a deep idle state, from which it may need 100 microseconds and
/// more to answer an interrupt. As long as the value lives, no processor enters a state that takes
/// longer to leave than the limit. This costs power. If several programs set a limit, the lowest
/// one holds.
///
/// ```no_run
/// # use irq_user::rt::CpuLatency;
/// # use std::time::Duration;
/// # fn main() -> std::io::Result<()> {
/// let _awake = CpuLatency::hold(Duration::ZERO)?;
/// // Here, answer interrupts.
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct CpuLatency {
    _file: File,
}

impl CpuLatency {
    /// Sets the limit, in whole microseconds, rounded down. Zero keeps the processors polling, or
    /// in their lightest state.
    ///
    /// Fails with [`io::ErrorKind::PermissionDenied`] if this user may not write to the file, which
    /// is root's, and with [`io::ErrorKind::NotFound`] if the kernel has no idle states
    /// (`CONFIG_CPU_IDLE`). Then it needs no limit.
    pub fn hold(limit: Duration) -> io::Result<Self> {
        Self::hold_at(Path::new("/dev/cpu_dma_latency"), limit)
    }

    fn hold_at(path: &Path, limit: Duration) -> io::Result<Self> {
        // The kernel takes a native `s32`. It drops the limit when the file is closed.
        let micros = i32::try_from(limit.as_micros()).unwrap_or(i32::MAX);
        let hold = || {
            let mut file = OpenOptions::new().write(true).open(path)?;
            file.write_all(&micros.to_ne_bytes())?;
            Ok(Self { _file: file })
        };
        hold().map_err(|e: io::Error| crate::file::error(path.display(), e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{env, fs, process};

    #[test]
    fn the_limit_is_written_as_a_native_number_of_microseconds() {
        let path = env::temp_dir().join(format!("irq-user-cpu-latency-{}", process::id()));
        let error = CpuLatency::hold_at(&path, Duration::ZERO).expect_err("there is no file");
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(error.to_string().starts_with(&path.display().to_string()), "{error}");
        for (limit, micros) in [(Duration::from_micros(20), 20), (Duration::MAX, i32::MAX)] {
            fs::write(&path, "").expect("there is room");
            CpuLatency::hold_at(&path, limit).expect("it is there");
            assert_eq!(fs::read(&path).expect("it is there"), i32::to_ne_bytes(micros));
        }
        let _ = fs::remove_file(path);
    }
}
