"""Reads what the guest has measured, and what QEMU's plugin has seen meanwhile."""

import json
import statistics

# A stage ends at its point; what comes between the last two is the program's.
STAGES = [
    ("interrupt", "the processor is interrupted"),
    ("handler", "the handler is called"),
    ("wake", "the waiter is woken"),
    ("switch", "it is switched to"),
    ("user", "it is back in user space"),
    ("done", "it has acknowledged, and is asleep again"),
]

# What the plugin logs; the rest of the log is QEMU's own.
POINTS = {"raise", "call", "port", *(name for name, _ in STAGES)}

# How long the timers of the guest's program take, in nanoseconds: see
# guest/src/mechanism/timer.rs.
DELAY = 4 * 7 * 8680

# The time at which an event is raised or has come is taken a few instructions
# beside the mark.
BESIDE = 20


class Seen:
    """An event, as the plugin has seen it: the points that were passed, and when."""

    def __init__(self):
        self.points = []
        self.controller = 0
        self.config = 0

    def last(self, name, begin, end):
        return max((at for point, at in self.points if point == name and begin <= at <= end), default=None)

    def first(self, name, begin, end):
        return min((at for point, at in self.points if point == name and begin <= at <= end), default=None)

    def count(self, name):
        return sum(point == name for point, _ in self.points)

    def time(self, name):
        return self.first(name, 0, float("inf"))

    def overtaken(self):
        """Whether the trigger went on before the waiter had the event."""
        return self.time("user") is None

    def stages(self):
        """The lengths of the stages, 0 for those that there were not."""
        raised, user, done = (self.time(name) for name in ("raise", "user", "done"))
        ends = {"user": user, "done": done}
        ends["interrupt"] = self.first("interrupt", raised, user)
        if ends["interrupt"]:
            ends["handler"] = self.first("handler", ends["interrupt"], user)
        # A thread that handles the interrupt may have been woken and switched to before.
        ends["wake"] = self.last("wake", raised, user)
        ends["switch"] = self.last("switch", raised, user)
        lengths, at = {}, raised
        for name, _ in STAGES:
            end = ends.get(name) or at
            lengths[name], at = end - at, end
        return lengths


def read_watch(path):
    """The events of each measurement, in the order in which they were made."""
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
                event.points.append((name, int(rest)))
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
    """What the plugin has counted of an event."""
    raised = event.time("raise")
    return {"user": event.time("user") - raised, "cycle": event.time("done") - raised}


def as_counted(raw, seen):
    """What was measured, by the plugin's count rather than the guest's clock."""
    parts = {part: list(raw[part]) for part in ("user", "cycle")}
    for i, event in enumerate(seen):
        if not event.overtaken():
            for part, instructions in counted(event).items():
                parts[part][i] = instructions
    return raw | parts


def check(raw, seen):
    """Guest and plugin have to agree.

    An interrupt of others that comes between a mark and the reading of the clock beside it is in
    one of the two alone. That is rare.
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
            f"of event {i} the guest has measured {measured} instructions, and QEMU has counted {instructions}"
        )


def late(raw, seen):
    """How much later than it should an event came to the program, in nanoseconds."""
    for user, event in zip(raw["user"], seen):
        # The card's timer runs from where the kernel writes to its register.
        started = event.time("port") or event.time("raise")
        yield user - (started - event.time("raise")) - DELAY


def measure(raw, seen):
    """Sums a measurement up; `seen` is None if there was no plugin."""
    if seen and raw["work"] == "late":
        return {key: raw[key] for key in ("mechanism", "work")} | {"late": summary(late(raw, seen))}
    # To open may sleep, and then time passes without instructions.
    if seen and raw["work"] != "open":
        check(raw, seen)
    if seen and (raw["work"] == "open" or raw["step"] > 1):
        raw = as_counted(raw, seen)
    result = {key: raw[key] for key in ("mechanism", "work")}
    result["events"] = len(raw["cycle"])
    result["user"], result["cycle"] = summary(raw["user"]), summary(raw["cycle"])
    bound = result["cycle"]["p99"]
    result["outliers"] = sorted(cycle for cycle in raw["cycle"] if cycle > bound)
    if seen is None:
        return result

    result["overtaken"] = sum(event.overtaken() for event in seen)
    # What happens in an event that is neither quick nor slow.
    typical = seen[raw["cycle"].index(result["cycle"]["median"])]
    result["calls"] = typical.count("call") - raw["source_calls"]
    result["interrupts"] = typical.count("interrupt")
    result["switches"] = typical.count("switch")
    result["controller"] = typical.controller
    result["config"] = typical.config
    result["stages"] = typical.stages()
    # Where nothing depends on how the source is told to raise it.
    result["begin"] = (typical.time("handler") or typical.time("raise")) - typical.time("raise")
    return result


def read_guest(path):
    with open(path) as lines:
        return [json.loads(line) for line in lines if line.startswith("{")]


def lateness(values):
    """As summary(), of so many values that the worst of ten thousand means something."""
    result = summary(values)
    worst = result.pop("max")
    return result | {"p99.99": sorted(values)[len(values) * 9999 // 10000], "max": worst}


def read_cyclictest(path):
    """How late its thread was, each time, in nanoseconds; its histogram is in microseconds."""
    late = []
    with open(path) as lines:
        for line in lines:
            words = line.split()
            if len(words) == 2 and all(word.isdigit() for word in words):
                late += [int(words[0]) * 1000] * int(words[1])
    return late
