/*
 * Devices with interrupts that are added to QEMU's ACPI tables. The kernel has no driver for
 * them. No PCI device in use is wired to their pins of the IO-APIC.
 */
DefinitionBlock ("", "SSDT", 2, "IRQUSR", "DEVICE", 1)
{
	Scope (\_SB)
	{
		/* The HPET, whose third timer asserts this pin: see the test's rtc.c. */
		Device (IRQC)
		{
			Name (_HID, "IRQU0001")
			Name (_CRS, ResourceTemplate ()
			{
				/* uio_pdrv_genirq maps no range that is described as writable. */
				Memory32Fixed (ReadOnly, 0xFED00000, 0x1000)
				Interrupt (ResourceConsumer, Level, ActiveHigh, Shared) { 18 }
			})
		}

		/* No hardware is wired to these pins: debugfs fires them. */
		Device (IRQN)
		{
			Name (_HID, "IRQU0002")
			Name (_CRS, ResourceTemplate ()
			{
				Interrupt (ResourceConsumer, Edge, ActiveHigh, Exclusive) { 16 }
				Interrupt (ResourceConsumer, Edge, ActiveHigh, Exclusive) { 17 }
				Interrupt (ResourceConsumer, Edge, ActiveHigh, Exclusive) { 19 }
			})
			Name (_DSD, Package ()
			{
				ToUUID ("daffd814-6eba-4d8c-8a91-bc9bbf4aa301"),
				Package ()
				{
					Package () { "interrupt-names", Package () { "ready", "tx/rx", "ready" } }
				}
			})
		}

		Device (IRQS)
		{
			Name (_HID, "IRQU0003")
			Name (_CRS, ResourceTemplate ()
			{
				Interrupt (ResourceConsumer, Level, ActiveHigh, Shared) { 18 }
			})
		}

		Device (IRQO)
		{
			Name (_HID, "IRQU0004")
			Name (_CRS, ResourceTemplate ()
			{
				Memory32Fixed (ReadOnly, 0xFED00000, 0x1000)
			})
		}
	}
}
