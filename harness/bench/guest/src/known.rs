//! The mechanisms that are measured with events that come at a known time.

use crate::{
    bench::Bench,
    bound::Bound,
    card::Card,
    dma::Dma,
    mechanism::{
        busy::Busy,
        file::{Free, Read},
        page::{self, View},
        record::Record,
        register::Register,
        spin::Spinning,
        uio, vfio,
    },
    timed::Lead,
};
use irq_user::node;
use std::io;

/// The longest time for which a read looks, in nanoseconds: events come within it, or later.
const SPIN: u32 = 200_000;
const SHORT_SPIN: u32 = 20_000;

/// A read grows its budget to `SHORT_SPIN`, uses it up, and then sleeps.
const MISS: Lead = Lead { measured: 60_000, before: &[10_000, 10_000, 10_000] };

/// The program looks at the register less often, because QEMU logs each access.
const LATE: Lead = Lead { measured: 10_000, before: &[] };

pub fn known(bench: &mut Bench, card: &Card) -> io::Result<()> {
    let dma = Dma::new(card);

    file(bench, card, &dma)?;
    bound(bench, card, &dma)?;
    rivals(bench, card, &dma)
}

fn file(bench: &mut Bench, card: &Card, dma: &Dma) -> io::Result<()> {
    let irq = card.irq()?;

    bench.timed("irq file: read", dma, || Read::open(irq))?;
    bench.timed("irq file: record", dma, || Record::open(irq))?;
    bench.timed("irq file: spin, hit", dma, || Spinning::open(irq, SPIN))?;
    bench.timed_with("irq file: spin, missed", dma, &MISS, || Spinning::open(irq, SHORT_SPIN))?;
    bench.timed("irq file: page", dma, || Ok(page::Masked(View::open(irq)?)))?;
    bench.timed("irq file: O_NONBLOCK", dma, || Busy::new(Read::open(irq)?))
}

fn bound(bench: &mut Bench, card: &Card, dma: &Dma) -> io::Result<()> {
    let bound = Bound::new(card.address(), "irq_user")?;

    for (title, kind, line) in [("INTx", "intx", "intx"), ("MSI", "msi", "msi0")] {
        bound.choose(kind)?;
        let irq = node::irq(node::path(card.address()).join(line))?;
        let name = |what| format!("irq file: {what}, {title}");
        bench.timed(&name("read"), dma, || Read::open(irq))?;
        bench.timed(&name("spin, hit"), dma, || Spinning::open(irq, SPIN))?;
        bench.timed(&name("page"), dma, || Ok(page::Masked(View::open(irq)?)))?;
        if title == "MSI" {
            let free = |what| format!("{}, free", name(what));
            bench.timed(&free("read"), dma, || Free::open(irq))?;
            bench.timed(&free("page"), dma, || Ok(page::Free(View::open_free(irq)?)))?;
            bench.timed(&free("O_NONBLOCK"), dma, || Busy::new(Free::open(irq)?))?;
        }
    }
    Ok(())
}

fn rivals(bench: &mut Bench, card: &Card, dma: &Dma) -> io::Result<()> {
    let address = card.address();

    {
        let _bound = Bound::new(address, "irq_bench_empty")?;
        bench.timed_with("empty handler: register", dma, &LATE, || Ok(Register(card)))?;
    }
    {
        let _bound = Bound::new(address, "uio_pci_generic")?;
        bench.timed("uio_pci_generic", dma, uio::Uio::open)?;
        bench.timed("uio_pci_generic, O_NONBLOCK", dma, || Busy::new(uio::Uio::open()?))?;
    }
    vfio::allow_no_iommu()?;
    let _bound = Bound::new(address, "vfio-pci")?;
    bench.timed("VFIO: INTx", dma, || vfio::Intx::open(address))?;
    bench.timed("VFIO: INTx, O_NONBLOCK", dma, || Busy::new(vfio::Intx::open(address)?))?;
    bench.timed("VFIO: MSI", dma, || vfio::Msi::open(address))?;
    bench.timed("VFIO: MSI, O_NONBLOCK", dma, || Busy::new(vfio::Msi::open(address)?))
}
