// SPDX-License-Identifier: GPL-2.0

//! Interrupt lines that fire on command, for tests of code that uses interrupt lines.
//!
//! Each write to the file `control` in `/sys/kernel/debug/test_irq_lines` is a command:
//!
//! | command | what it does |
//! |---------|--------------|
//! | `make <kind>` | makes and maps a line of a kind, see below |
//! | `fire <irq>` | fires a line once, even while another command unmaps the line |
//! | `asleep <irq>` | fires an edge line when the system has suspended to idle, and wakes it |
//! | `wake <irq>` | makes a line wake the system when the line fires |
//! | `burst <irq>` | fires an edge line 10001 times without a pause |
//! | `assert <irq>` | asserts a level line until a command makes it quiet |
//! | `quiet <irq>` | makes a level line quiet |
//! | `nested <irq>` | calls the handler of a nested line, as its parent's thread would |
//! | `chain <irq>` | makes a line chained, even if the line has an owner |
//! | `chip <irq>` | gives a line of the kind `late_chip` a chip |
//! | `trigger <irq>` | gives a line of the kind `late_trigger` a trigger |
//! | `request <irq>` | requests a line of the kind `late_trigger` and frees it, as a driver does |
//! | `unbind <irq>` | removes the domain of a mapped line; then only `dispose` works |
//! | `dispose <irq>` | unmaps a line |
//! | `misdispose <irq>` | unmaps a line under the lock of its bus, which lockdep reports |
//!
//! The kinds are `edge`, `bare_edge`, `slow_edge`, `level`, `slow`, `simple`, `simple_message`,
//! `unmaskable`, `maskless`, `late_chip`, `late_trigger`, `dummy`, `nested`, `unmarked_nested`,
//! `nested_edge`, `percpu`, `percpu_devid`, `untriggered`, `managed`, `refusing`, `norequest`,
//! `chained` and `hidden`.
//!
//! If the command or the kind is unknown, or the command does not suit the kind of the line, the
//! write fails with `EINVAL`. If the line is unknown, it fails with `ENOENT`.
//!
//! Reading `control` returns a row for each line, in the order in which the lines were made: the
//! number of the line, and whether its chip has masked it. The file `fires` says how often the line
//! that was disposed of last fired while it was disposed of.

use kernel::{
    debugfs::Scope,
    fmt,
    irq::fake::{
        Device,
        FakeLine,
        Kind, //
    },
    new_mutex,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc,
        Mutex, //
    },
    uaccess::UserSliceReader, //
};

module! {
    type: TestIrqLines,
    name: "test_irq_lines",
    authors: ["irq-user contributors"],
    description: "Interrupt lines that fire on command",
    license: "GPL",
}

/// A line that was made.
struct Made {
    irq: u32,
    device: Device,
    // `None` while the line is disposed of.
    line: Option<Arc<FakeLine>>,
}

/// The lines that were made and not disposed of.
///
/// Lines are used and disposed of without the lock: unmapping a line must not delay the others.
#[pin_data]
struct Lines {
    #[pin]
    list: Mutex<KVec<Made>>,
    // How often the line that was disposed of last fired while it was disposed of.
    fires: Atomic<u32>,
}

impl Lines {
    /// Executes a command.
    fn obey(&self, command: &str) -> Result {
        let (verb, object) = command.trim().split_once(' ').ok_or(EINVAL)?;

        if verb == "make" {
            let line = Arc::new(FakeLine::new(kind(object)?)?, GFP_KERNEL)?;
            let made = Made {
                irq: line.irq(),
                device: line.device(),
                line: Some(line),
            };

            return Ok(self.list.lock().push(made, GFP_KERNEL)?);
        }

        let irq = object.parse().map_err(|_| EINVAL)?;
        match verb {
            // Without a reference to the line, another command can unmap the line.
            "fire" => {
                self.device(irq)?.fire();
                return Ok(());
            }
            "dispose" => return self.dispose(irq),
            "misdispose" => {
                let mut result = Ok(());

                self.device(irq)?
                    .with_bus_locked(|| result = self.dispose(irq));
                return result;
            }
            _ => (),
        }

        let line = self.find(irq)?;
        match (verb, line.kind()) {
            #[cfg(CONFIG_SUSPEND)]
            ("asleep", kind) if kind.is_edge() => line.fire_asleep()?,
            ("wake", _) => line.wake_system()?,
            // The file measures a new line's rate by a thousand edges. One more edge finds the line
            // masked, even if the last thousand alone came too fast.
            ("burst", kind) if kind.is_edge() => line.burst(10_001),
            ("nested", Kind::Nested | Kind::NestedEdge | Kind::UnmarkedNested) => {
                line.handle_nested()
            }
            ("assert", Kind::Level | Kind::SlowLevel | Kind::Simple | Kind::Hidden) => {
                line.assert()?
            }
            ("chain", Kind::Edge) => line.demultiplex(),
            ("chip", Kind::LateChip) => line.set_chip()?,
            ("trigger", Kind::LateTrigger) => line.set_trigger()?,
            ("request", Kind::LateTrigger) => line.request_and_free()?,
            ("unbind", _) => line.unbind(),
            ("quiet", _) => line.device().quiet(),
            _ => return Err(EINVAL),
        }
        Ok(())
    }

    /// Returns a line that nothing disposes of.
    fn find(&self, irq: u32) -> Result<Arc<FakeLine>> {
        let list = self.list.lock();
        let mut lines = list.iter().filter_map(|made| made.line.as_ref());

        lines.find(|line| line.irq() == irq).cloned().ok_or(ENOENT)
    }

    /// Returns the device of a line that may be disposed of at this time.
    fn device(&self, irq: u32) -> Result<Device> {
        let list = self.list.lock();
        let mut made = list.iter().rev().filter(|made| made.irq == irq);

        Ok(made.next().ok_or(ENOENT)?.device.clone())
    }

    /// Unmaps a line, unless another command still uses it.
    fn dispose(&self, irq: u32) -> Result {
        let (line, device) = {
            let mut list = self.list.lock();
            let mut lines = list.iter_mut().filter(|made| made.line.is_some());
            let made = lines.find(|made| made.irq == irq).ok_or(ENOENT)?;

            (made.line.take(), made.device.clone())
        };
        let before = device.fires();

        drop(line);
        self.fires.store(device.fires() - before, Relaxed);

        // Another line may have the number by now.
        let mut list = self.list.lock();
        let mut made = list.iter();
        if let Some(index) = made.position(|made| made.irq == irq && made.line.is_none()) {
            let gone = list.remove(index);

            drop(list);
            drop(gone);
        }
        Ok(())
    }

    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = self.list.lock();

        for line in list.iter().filter_map(|made| made.line.as_ref()) {
            let masked = if line.is_masked() {
                "masked"
            } else {
                "unmasked"
            };

            writeln!(f, "{} {masked}", line.irq())?;
        }
        Ok(())
    }

    fn write(&self, reader: &mut UserSliceReader) -> Result {
        let mut command = [0; 32];
        let command = command.get_mut(..reader.len()).ok_or(EINVAL)?;

        reader.read_slice(command)?;
        self.obey(core::str::from_utf8(command).map_err(|_| EINVAL)?)
    }
}

fn kind(name: &str) -> Result<Kind> {
    Ok(match name {
        "edge" => Kind::Edge,
        "bare_edge" => Kind::BareEdge,
        "slow_edge" => Kind::SlowEdge,
        "level" => Kind::Level,
        "slow" => Kind::SlowLevel,
        "simple" => Kind::Simple,
        "simple_message" => Kind::SimpleMessage,
        "unmaskable" => Kind::Unmaskable,
        "maskless" => Kind::Maskless,
        "late_chip" => Kind::LateChip,
        "late_trigger" => Kind::LateTrigger,
        "dummy" => Kind::Dummy,
        "nested" => Kind::Nested,
        "unmarked_nested" => Kind::UnmarkedNested,
        "nested_edge" => Kind::NestedEdge,
        "refusing" => Kind::Refusing,
        "percpu" => Kind::PerCpu,
        "percpu_devid" => Kind::PerCpuDevId,
        "untriggered" => Kind::Untriggered,
        "managed" => Kind::Managed,
        "norequest" => Kind::NoRequest,
        "chained" => Kind::Chained,
        "hidden" => Kind::Hidden,
        _ => return Err(EINVAL),
    })
}

#[pin_data]
struct TestIrqLines {
    #[pin]
    lines: Scope<Lines>,
}

impl kernel::InPlaceModule for TestIrqLines {
    fn init(_module: &'static ThisModule) -> impl PinInit<Self, Error> {
        let lines = try_pin_init!(Lines {
            list <- new_mutex!(KVec::new()),
            fires: Atomic::new(0),
        });

        try_pin_init!(Self {
            lines <- Scope::dir(lines, c"test_irq_lines", |lines, dir| {
                dir.read_write_callback_file(c"control", lines, &Lines::show, &Lines::write);
                dir.read_only_file(c"fires", &lines.fires);
            }),
        })
    }
}
