/*
 * What QEMU's ACPI tables do not have: devices with interrupts that no driver of the kernel
 * takes. The pins of the IO-APIC are those to which no PCI device in use is wired.
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
				/* UIO would not map what is writable by its description. */
				Memory32Fixed (ReadOnly, 0xFED00000, 0x1000)
				Interrupt (ResourceConsumer, Level, ActiveHigh, Shared) { 18 }
			})
		}

		/* No device is wired to these: debugfs fires them. */
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
	}
}
