// edu LINE REGISTERS: lets QEMU's card edu compute factorials, and waits for its interrupts.
//
// The arguments are paths, such as /dev/irq/0000:00:02.0/msi0 and /dev/irq/0000:00:02.0/mem0.
package main

import (
	"encoding/binary"
	"fmt"
	"log"
	"os"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// card is the card's registers.
type card []byte

// register returns a register. The atomic load and store access its four bytes at once.
func (c card) register(offset int) *uint32 {
	return (*uint32)(unsafe.Pointer(&c[offset]))
}

// ask asks for a factorial, and for an interrupt when it is done.
func (c card) ask(number uint32) {
	atomic.StoreUint32(c.register(0x20), 0x80)
	atomic.StoreUint32(c.register(0x08), number)
}

// serve makes the card quiet, and prints the factorial.
func (c card) serve(event [4]byte) {
	atomic.StoreUint32(c.register(0x64), atomic.LoadUint32(c.register(0x24)))
	count := binary.NativeEndian.Uint32(event[:])
	fmt.Printf("%d interrupt, the factorial is %d\n", count, atomic.LoadUint32(c.register(0x08)))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	registers, err := syscall.Open(os.Args[2], syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	check(err)
	memory, err := syscall.Mmap(registers, 0, 4096, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	check(err)
	card := card(memory)
	var event [4]byte

	// A goroutine sleeps in the runtime's poller, which takes the file as it takes a socket.
	line, err := os.Open(os.Args[1])
	check(err)
	for _, number := range []uint32{5, 6} {
		card.ask(number)
		check(line.SetReadDeadline(time.Now().Add(10 * time.Second)))
		_, err = line.Read(event[:])
		check(err)
		card.serve(event)
	}
	check(line.Close())

	// A thread sleeps in read: one system call for each interrupt.
	descriptor, err := syscall.Open(os.Args[1], syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	check(err)
	card.ask(7)
	_, err = syscall.Read(descriptor, event[:])
	check(err)
	card.serve(event)
}
