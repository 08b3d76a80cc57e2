use rustix::io::Errno;
use std::{
    fs,
    io::{self, ErrorKind},
    path::Path,
};

/// Binds a line to processors: only these handle its interrupts.
///
/// If the line has no owner, the setting takes effect when it is opened. [`Info`](crate::Info)
/// shows the result: the kernel may let only some of the processors handle the line. The line keeps
/// the setting after the program has ended. irqbalance may change it, if it runs.
///
/// Needs root. Fails with [`ErrorKind::NotFound`] if there is no such line. If the kernel was
/// started with `irq_user_proc=0`, this may also fail if the line was never requested. Fails with
/// [`ErrorKind::InvalidInput`] if none of the processors is online, if the line's chip cannot move
/// it, or if the kernel manages its processors.
pub fn bind_line(irq: u32, cpus: &[u32]) -> io::Result<()> {
    bind_line_in(Path::new("/proc/irq"), irq, cpus)
}

fn bind_line_in(lines: &Path, irq: u32, cpus: &[u32]) -> io::Result<()> {
    let list: Vec<_> = cpus.iter().map(u32::to_string).collect();
    let list = list.join(",");
    let written = fs::write(lines.join(format!("{irq}/smp_affinity_list")), &list);
    written.map_err(|e| {
        let (kind, why) = match Errno::from_io_error(&e) {
            Some(Errno::NOENT) => {
                (e.kind(), "there is no such line, or it has no setting yet".to_owned())
            }
            Some(Errno::ACCESS) => (e.kind(), "needs root".to_owned()),
            Some(Errno::PERM) => (
                ErrorKind::InvalidInput,
                "its chip cannot, or the kernel manages its processors".to_owned(),
            ),
            Some(Errno::INVAL | Errno::OVERFLOW | Errno::RANGE) => {
                (ErrorKind::InvalidInput, "none of them is online".to_owned())
            }
            _ => (e.kind(), e.to_string()),
        };
        io::Error::new(kind, format!("line {irq} cannot be bound to the processors {list}: {why}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{env, process};

    #[test]
    fn the_processors_are_written_as_a_list() {
        let lines = env::temp_dir().join(format!("irq-user-affinity-{}", process::id()));
        fs::create_dir_all(lines.join("7")).expect("there is room");
        fs::write(lines.join("7/smp_affinity_list"), "").expect("there is room");
        bind_line_in(&lines, 7, &[0, 3]).expect("it is there");
        let list = fs::read_to_string(lines.join("7/smp_affinity_list")).expect("it is there");
        assert_eq!(list, "0,3");
        let error = bind_line_in(&lines, 8, &[0]).expect_err("there is no such line");
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().starts_with("line 8 cannot be bound to the processors 0: there"));
        let _ = fs::remove_dir_all(lines);
    }
}
