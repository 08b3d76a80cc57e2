//! Tests of `irqctl list --watch` on a terminal. They need no VM.

use rustix::{
    process::{kill_process, Pid, Signal},
    pty::{grantpt, openpt, ptsname, unlockpt, OpenptFlags},
    termios::{tcgetwinsize, tcsetwinsize, Winsize},
};
use std::{
    ffi::OsStr,
    fs::{File, OpenOptions},
    io::Read,
    os::unix::ffi::OsStrExt,
    process::Command,
};

#[test]
fn list_watch_fits_the_terminal_and_does_not_clear_it() {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("there is room");
    grantpt(&terminal).and_then(|()| unlockpt(&terminal)).expect("it is ours");
    let size = tcgetwinsize(&terminal).expect("it is a terminal");
    tcsetwinsize(&terminal, Winsize { ws_row: 4, ws_col: 30, ..size }).expect("it is a terminal");
    let name = ptsname(&terminal, Vec::new()).expect("it has a name");
    let name = OsStr::from_bytes(name.to_bytes());
    let output = OpenOptions::new().read(true).write(true).open(name).expect("it is there");

    let mut list = Command::new(env!("CARGO_BIN_EXE_irqctl"));
    let mut child =
        list.args(["list", "-w", "-i", "1ms"]).stdout(output).spawn().expect("it is there");
    let mut shown = String::new();
    let mut buffer = [0; 4096];
    let mut terminal = File::from(terminal);
    while shown.matches("\x1b[H").count() < 3 {
        let read = terminal.read(&mut buffer).expect("the list is shown repeatedly");
        shown += &String::from_utf8_lossy(&buffer[..read]);
    }
    kill_process(Pid::from_child(&child), Signal::INT).expect("it runs");
    drop(terminal);
    child.wait().expect("it ends");

    assert!(!shown.contains("\x1b[2J"), "{shown:?}");
    let screens: Vec<_> = shown.split("\x1b[H").skip(1).take(2).collect();
    for screen in screens {
        let rows: Vec<_> = screen.split("\r\n").map(|row| row.split('\x1b').next()).collect();
        assert_eq!(rows.len(), 4, "{screen:?}");
        assert!(rows.iter().flatten().all(|row| row.chars().count() <= 30), "{screen:?}");
        assert!(rows[3].is_some_and(|row| row.ends_with(" more)")), "{screen:?}");
    }
}
