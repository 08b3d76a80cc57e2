"""The goals of the interrupt file, and whether it reaches them."""

READ, MASKED, FREE = "irq file: read", "irq file: read, MSI", "irq file: read, MSI, free"
# The line of a card that shares INTx.
SHARED = "irq file: read, INTx"
UIO, INTX, MSI = "uio_pci_generic", "VFIO: INTx", "VFIO: MSI"

# The ways to wait for INTx. They mask it in different places.
INTX_WAYS = [READ, SHARED, f"{SHARED}, node", UIO, INTX]

# By architecture and flavour: mechanism, peer, and the largest ratio to the peer's
# median: until the program knows, and for a whole cycle.
RATIOS = {
    "x86_64-release": [
        (READ, UIO, 0.58, 0.62),
        (READ, INTX, 0.87, 0.74),
        (SHARED, INTX, 1.0, 0.85),
        (MASKED, MSI, 0.965, 0.97),
        (FREE, MSI, 0.94, 0.95),
    ],
    "x86_64-rt": [
        (READ, UIO, 0.21, 0.27),
        (READ, INTX, 0.48, 0.52),
        (SHARED, INTX, 0.55, 0.65),
        (MASKED, MSI, 0.53, 0.65),
        (FREE, MSI, 0.525, 0.635),
    ],
}
# The largest counts for an event. There are two context switches: to the waiter, and
# back to the trigger.
COUNTS = [("system calls", "calls", 1), ("interrupts", "interrupts", 1), ("context switches", "switches", 2)]
# The largest ratio of an event's cost with 1024 open lines to its cost with one.
SCALE = 1.15
# The largest ratio of opening and closing to that of uio_pci_generic.
OPEN = 1.5
# The largest ratio of a read that arms and finds a kept edge to a read that finds no
# event.
KEPT = 1.15
# A read of these costs at most as much by the node as by the number.
NODES = [SHARED, MASKED]
# The largest size in bytes.
MEMORY = {"its file, open": 1024}


def goals(kernel, by_work, memory):
    """Yields the name of each goal, the figure, and its bound."""
    two, opened, arm, scale = (
        {m["mechanism"]: m for m in by_work[work]} for work in ("two", "open", "arm", "scale")
    )

    def ratio(own, peer, part):
        return own[part]["median"] / peer[part]["median"]

    for own, peer, user, cycle in RATIOS.get(kernel, []):
        yield f"{own} / {peer}, raise to user", ratio(two[own], two[peer], "user"), user
        yield f"{own} / {peer}, whole cycle", ratio(two[own], two[peer], "cycle"), cycle
    for own in NODES:
        by_node = two[f"{own}, node"]
        yield f"{own}, node / number, raise to user", ratio(by_node, two[own], "user"), 1
        yield f"{own}, node / number, whole cycle", ratio(by_node, two[own], "cycle"), 1
    for what, key, bound in COUNTS:
        yield f"{READ}, {what} of an event", two[READ][key], bound

    def asleep(m):
        return m["cycle"]["median"] - m["begin"]

    yield "a cycle of one line of 1024 / of a single line", asleep(scale["irq file, 1024"]) / asleep(scale["irq file, 1"]), SCALE
    yield f"open and close / {UIO}", ratio(opened["irq file"], opened[UIO], "cycle"), OPEN
    yield "a read that arms on a kept edge / a read without an event", ratio(arm["kept edge"], arm["no event"], "user"), KEPT
    for what, bound in MEMORY.items():
        yield f"bytes of memory, {what}", memory[what], bound
