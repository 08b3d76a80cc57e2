"""The goals of the interrupt file, and whether it reaches them."""

READ, MASKED, FREE = "irq file: read", "irq file: read, MSI", "irq file: read, MSI, free"
# The line of a card that shares INTx.
SHARED = "irq file: read, INTx"
UIO, INTX, MSI = "uio_pci_generic", "VFIO: INTx", "VFIO: MSI"
EVENTFD = "eventfd"
HIT, MISS = "irq file: spin, hit", "irq file: spin, missed"
PAGE, EMPTY = "irq file: page, MSI, free", "empty handler: register"

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
        (READ, EVENTFD, 1.18, 1.1),
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
# The most instructions that a record takes more than a count.
RECORD = 120
# What a read of the count took before there were records, and the most instructions that
# it may take more: until the program knows, and for a whole cycle.
BEFORE_RECORDS = {
    "x86_64-release": {READ: (2142, 3642), SHARED: (2600, 4329), MASKED: (2004, 3374), FREE: (2005, 3359)},
    "x86_64-rt": {READ: (2128, 3628), SHARED: (2808, 4540), MASKED: (1990, 3360), FREE: (1991, 3345)},
}
COUNT = 5
# By architecture and flavour: the largest ratio of a read that spins and finds an event to
# VFIO, which sleeps, from the interrupt until the program knows.
SPIN = {"x86_64-release": 0.38, "x86_64-rt": 0.22}
# The longest time for which the read looks that misses the event, in instructions: see
# guest/src/known.rs. And how much of it the read may take more than a read that sleeps.
BUDGET, OVER_BUDGET = 20_000, 1.05
# The most instructions from the interrupt until a program knows that watches a page, more
# than an interrupt with an empty handler takes.
WATCH = 110
# The largest size in bytes.
MEMORY = {"its file, open": 1024}

PARTS = {"user": "raise to user", "cycle": "whole cycle"}


def goals(kernel, by_work, memory):
    """Yields the name of each goal, the figure, and its bound."""
    two, opened, arm, scale, timed = (
        {m["mechanism"]: m for m in by_work[work]} for work in ("two", "open", "arm", "scale", "timed")
    )

    def ratio(own, peer, part):
        return own[part]["median"] / peer[part]["median"]

    for own, peer, user, cycle in RATIOS.get(kernel, []):
        for (part, title), bound in zip(PARTS.items(), (user, cycle)):
            yield f"{own} / {peer}, {title}", ratio(two[own], two[peer], part), bound
    for own in NODES:
        by_node = two[f"{own}, node"]
        yield f"{own}, node / number, raise to user", ratio(by_node, two[own], "user"), 1
        yield f"{own}, node / number, whole cycle", ratio(by_node, two[own], "cycle"), 1
    for what, key, bound in COUNTS:
        yield f"{READ}, {what} of an event", two[READ][key], bound

    for part, title in PARTS.items():
        for own in [READ, SHARED, MASKED, FREE]:
            record = own.replace("read", "record")
            yield f"{record}, more than the count, {title}", two[record][part]["median"] - two[own][part]["median"], RECORD
    for own, before in BEFORE_RECORDS.get(kernel, {}).items():
        for (part, title), figure in zip(PARTS.items(), before):
            yield f"{own}, more than without records, {title}", two[own][part]["median"] - figure, COUNT

    if kernel in SPIN:
        yield f"{HIT} / {INTX}, interrupt to user", ratio(timed[HIT], timed[INTX], "user"), SPIN[kernel]
    yield f"{MISS}, more than {READ}, / the time it looks", (timed[MISS]["own"] - timed[READ]["own"]) / BUDGET, OVER_BUDGET
    yield f"{PAGE}, more than {EMPTY}", timed[PAGE]["user"]["median"] - timed[EMPTY]["user"]["median"], WATCH
    yield f"{PAGE}, system calls of an event", timed[PAGE]["calls"], 0

    def asleep(m):
        return m["cycle"]["median"] - m["begin"]

    yield "a cycle of one line of 1024 / of a single line", asleep(scale["irq file, 1024"]) / asleep(scale["irq file, 1"]), SCALE
    yield f"open and close / {UIO}", ratio(opened["irq file"], opened[UIO], "cycle"), OPEN
    for title in ["", ", no retrigger"]:
        kept, empty = arm[f"kept edge{title}"], arm[f"no event{title}"]
        yield f"a read that arms on a kept edge / a read without an event{title}", ratio(kept, empty, "user"), KEPT
    for what, bound in MEMORY.items():
        yield f"bytes of memory, {what}", memory[what], bound
