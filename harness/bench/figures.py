"""Reads what the guest has measured, and what QEMU's plugin has logged."""

import json
import statistics

# A stage ends at its point. The time between the last two points is the program's.
STAGES = [
    ("interrupt", "the processor is interrupted"),
    ("handler", "the handler is called"),
    ("wake", "the waiter is woken"),
    ("switch", "the waiter is switched to"),
    ("user", "the waiter is back in user space"),
    ("done", "the waiter has acknowledged and sleeps again"),
]

# The points that the plugin logs. The other lines of the log are QEMU's own.
POINTS = {"raise", "call", "port", *(name for name, _ in STAGES)}

# The name by which QEMU's trace calls the card's registers.
CARD = "'edu-mmio'"

# The delay of the timers in the guest's program, in nanoseconds: see
# guest/src/mechanism/timer.rs.
DELAY = 4 * 7 * 8680

# The guest takes the time of an event a few instructions before or after the mark.
BESIDE = 20


class Seen:
    """An event in the plugin's log: the points that were passed, and when."""

    def __init__(self):
        self.points = []
        # Locked operations and full barriers until each point.
        self.atomics = []
        self.controller = 0
        self.config = 0
        self.device = 0

    def add(self, name, at, *atomics):
        self.points.append((name, at))
        self.atomics.append(atomics)

    def last(self, name, begin, end):
        return max((at for point, at in self.points if point == name and begin <= at <= end), default=None)

    def first(self, name, begin, end):
        return min((at for point, at in self.points if point == name and begin <= at <= end), default=None)

    def count(self, name):
        return sum(point == name for point, _ in self.points)

    def time(self, name):
        return self.first(name, 0, float("inf"))

    def entry(self):
        """When the processor was interrupted for the handler that ran first."""
        handler = self.time("handler")
        return handler and self.last("interrupt", 0, handler)

    def own(self):
        """How many instructions the waiter took from the begin of its wait to the event."""
        begun, entry, user = self.time("raise"), self.entry(), self.time("user")
        asleep = self.first("switch", begun, entry)
        return user - begun - (entry - asleep if asleep else 0)

    def locked(self, since):
        """The numbers of locked operations and full barriers since this time."""
        times = [at for _, at in self.points]
        begun = self.atomics[times.index(since)]
        return [end - begin for begin, end in zip(begun, self.atomics[-1])]

    def overtaken(self):
        """Whether the trigger continued before the waiter had the event."""
        return self.time("user") is None

    def stages(self):
        """The lengths of the stages. A stage that did not occur has the length 0."""
        raised, user, done = (self.time(name) for name in ("raise", "user", "done"))
        ends = {"user": user, "done": done}
        ends["interrupt"] = self.first("interrupt", raised, user)
        if ends["interrupt"]:
            ends["handler"] = self.first("handler", ends["interrupt"], user)
        # A thread that handles the interrupt may have been woken and switched to first, so
        # the last wake and the last switch count.
        ends["wake"] = self.last("wake", raised, user)
        ends["switch"] = self.last("switch", raised, user)
        lengths, at = {}, raised
        for name, _ in STAGES:
            end = ends.get(name) or at
            lengths[name], at = end - at, end
        return lengths


def read_watch(path):
    """Returns the events of each measurement, in their order."""
    measurements, event, begun = [], None, False
    with open(path) as log:
        for line in log:
            name, _, rest = line.partition(" ")
            if name == "begin":
                measurements.append([])
                begun = True
            elif name == "end":
                begun = False
            if not begun:
                continue
            if name == "raise":
                event = Seen()
            if event is None:
                continue
            if name in POINTS:
                event.add(name, *map(int, rest.split()))
            elif name.startswith("memory_region_ops_"):
                # It also traces the registers of the interrupt controllers.
                event.device += CARD in rest
            elif name.startswith("pci_cfg_"):
                event.config += 1
            else:
                event.controller += 1
            if name == "done":
                measurements[-1].append(event)
                event = None
    return measurements


def summary(values):
    ordered = sorted(values)
    return {
        "min": ordered[0],
        "median": statistics.median_low(ordered),
        "p99": ordered[len(ordered) * 99 // 100],
        "max": ordered[-1],
    }


def counted(event):
    """Returns the plugin's counts of an event."""
    raised = event.time("raise")
    return {"user": event.time("user") - raised, "cycle": event.time("done") - raised}


def as_counted(raw, seen):
    """Replaces the guest's times by the plugin's counts."""
    parts = {part: list(raw[part]) for part in ("user", "cycle")}
    for i, event in enumerate(seen):
        if not event.overtaken():
            for part, instructions in counted(event).items():
                parts[part][i] = instructions
    return raw | parts


def check(raw, seen):
    """Checks that the guest and the plugin agree.

    If another interrupt comes between a mark and the reading of the clock beside it, only one of
    the two includes that interrupt. That is rare.
    """
    apart = [
        (i, raw[part][i], instructions)
        for i, event in enumerate(seen)
        if not event.overtaken()
        for part, instructions in counted(event).items()
        if abs(instructions - raw[part][i]) > BESIDE + raw["step"] - 1
    ]
    if len(apart) > len(seen) / 100:
        i, measured, instructions = apart[0]
        raise SystemExit(
            f"{raw['mechanism']}, {raw['work']}: guest and QEMU disagree about {len(apart)} events; "
            f"for event {i} the guest has measured {measured} instructions, and QEMU has counted {instructions}"
        )


def since_entry(raw, seen):
    """Replaces the times since the waiter began to wait by those since the interrupt."""
    lost = sum(not event.entry() or event.entry() > event.time("user") for event in seen)
    if lost:
        raise SystemExit(f"{raw['mechanism']}: {lost} events came when the program did not wait")
    return raw | {part: [event.time(point) - event.entry() for event in seen] for part, point in (("user", "user"), ("cycle", "done"))}


def late(raw, seen):
    """Yields how late each event came to the program, in nanoseconds."""
    for user, event in zip(raw["user"], seen):
        # The card's timer starts when the kernel writes to the card's register.
        started = event.time("port") or event.time("raise")
        yield user - (started - event.time("raise")) - DELAY


def measure(raw, seen):
    """Summarises a measurement. `seen` is None if there was no plugin."""
    if seen and raw["work"] == "late":
        return {key: raw[key] for key in ("mechanism", "work")} | {"late": summary(late(raw, seen))}
    # An open may sleep. Then time passes without instructions, so the two differ.
    if seen and raw["work"] != "open":
        check(raw, seen)
    if seen and (raw["work"] == "open" or raw["step"] > 1):
        raw = as_counted(raw, seen)
    if seen and raw["work"] == "timed":
        raw = since_entry(raw, seen)
    result = {key: raw[key] for key in ("mechanism", "work")}
    result["events"] = len(raw["cycle"])
    result["user"], result["cycle"] = summary(raw["user"]), summary(raw["cycle"])
    bound = result["cycle"]["p99"]
    result["outliers"] = sorted(cycle for cycle in raw["cycle"] if cycle > bound)
    if seen is None:
        return result

    result["overtaken"] = sum(event.overtaken() for event in seen)
    # The counts are those of the first event with the median cycle.
    typical = seen[raw["cycle"].index(result["cycle"]["median"])]
    result["calls"] = typical.count("call") - raw["source_calls"]
    result["interrupts"] = typical.count("interrupt")
    result["switches"] = typical.count("switch")
    result["controller"] = typical.controller
    result["config"] = typical.config
    result["device"] = typical.device
    timed = raw["work"] == "timed"
    # A loop that waits takes a lock each time.
    since = typical.entry() if timed else typical.time("raise")
    result["locked"], result["barriers"] = typical.locked(since)
    if timed:
        result["own"] = statistics.median_low(event.own() for event in seen)
    result["stages"] = typical.stages()
    # From here on, the time does not depend on how the source raises the event.
    result["begin"] = (typical.time("handler") or typical.time("raise")) - typical.time("raise")
    return result


def read_guest(path):
    with open(path) as lines:
        return [json.loads(line) for line in lines if line.startswith("{")]


def lateness(values):
    """As summary(), for enough values to make the 99.99th percentile meaningful."""
    result = summary(values)
    worst = result.pop("max")
    return result | {"p99.99": sorted(values)[len(values) * 9999 // 10000], "max": worst}


def read_cyclictest(path):
    """Returns cyclictest's latencies in nanoseconds. Its histogram is in microseconds."""
    late = []
    with open(path) as lines:
        for line in lines:
            words = line.split()
            if len(words) == 2 and all(word.isdigit() for word in words):
                late += [int(words[0]) * 1000] * int(words[1])
    return late
