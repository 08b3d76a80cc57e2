/*
 * A Spin model of the stamps of edges: a record has the times and the total of the
 * events that its reader takes, and a program that reads the page sees the same.
 *
 * The steps are those of rust/kernel/irq/proc_user/events.rs (E), stamps.rs (S) and
 * word.rs (D).  A step that reads or writes one shared variable is one step here.
 * What only the handler writes, it reads in one step.
 *
 * The model leaves out what protocol.pml has: waiters, the disable depth, signals and
 * revocation.  Memory is sequentially consistent; ordering/ has weak memory.
 *
 * These switches set the size of the model: EDGES, READERS (of records), TAKES (reads
 * of 4 bytes), ARMS (writes of 1), LATE_EDGES (edges for which the handler does not run),
 * PAGES (reads of the page), FREE (the line runs free), SETTLE (edges come before the
 * handler stamps them) and HIDDEN (the page does not show the state).  The script `run` says what the other switches break.
 */
#ifndef EDGES
#define EDGES 3
#endif
#ifndef READERS
#define READERS 1
#endif
#ifndef TAKES
#define TAKES 0
#endif
#ifndef ARMS
#define ARMS 0
#endif
#ifndef LATE_EDGES
#define LATE_EDGES 0
#endif
#ifndef PAGES
#define PAGES 0
#endif

/* D: the word.  The generation does not wrap around here: check() asserts that. */
#define MASKED		1
#define KEPT		2
#define COALESCED	4
#define STAMPED		8
#define STAMP		16
#define FRESH		32
#define LATE		64
#define ODD		128
#define EVENT		256
#define COUNT		(3 * EVENT)
#define STEP		1024
#define STEPS		31

#define count_of(w)	(((w) & COUNT) / EVENT)
#define stamp_of(w)	(((w) & STAMP) / STAMP)
#define is_odd(w)	(((w) & ODD) / ODD)
#define shown(w)	((w) & (MASKED | COALESCED))
#define stepped(w)	((w) + STEP)

/* Events beyond the largest count are not counted. */
#ifdef SAME_AT_MAX
#define counted(w)	(((w) & COUNT) == COUNT -> (w) : (w) + EVENT)
#else
#define counted(w)	(((w) & COUNT) == COUNT -> stepped(w) : (w) + EVENT)
#endif

#ifdef FREE
#define coalesces(w)	false
#define keeps(w)	false
#define fired(w)	counted(w)
#else
#define coalesces(w)	(((w) & (MASKED | KEPT)) == (MASKED | KEPT))
#define keeps(w)	(((w) & (MASKED | KEPT)) == MASKED)
#define fired(w)	(!((w) & MASKED) -> counted(w) | MASKED : \
			 (!((w) & KEPT) -> (w) | KEPT : (w) | COALESCED))
#endif
#define unmasked(w)	((w) & ~(MASKED | KEPT))
#define armed(w)	((w) & KEPT -> counted(unmasked(w)) | MASKED : unmasked(w))
#ifdef FRESH_STAYS
#define taken(w)	stepped((w) & ~(COUNT | COALESCED))
#else
#define taken(w)	stepped((w) & ~(COUNT | COALESCED | FRESH))
#endif
#define late_edge(w)	((w) & KEPT -> (w) | COALESCED : (fired(w) ^ ODD) | LATE)
#ifdef NO_FLIP
#define flipped(w)	(w)
#else
#define flipped(w)	((w) ^ STAMP)
#endif
#define stamped(w, seen) \
	((flipped(w) | FRESH) & ~((seen) & KEPT -> 0 : LATE))

/* Events. */
#ifdef SETTLE
short word;
bool settled;
#else
short word = STAMPED;
bool settled = true;
#endif
byte edges, late;

/* Stamps, and the page. */
byte total[2], first[2], last[2], last_counted[2];
byte sequence, state, shown_late;

bool running;			/* The handler runs. */

/* Ghosts.  The time of an edge is its number; 0 if it is not known. */
byte come = EDGES;		/* Edges that will come. */
byte clock;
byte events, untaken;		/* Events, and those that no reader has taken. */
byte oldest, newest;		/* Times of the first and the last that no reader has taken. */
byte kept;			/* Time of the kept edge. */
byte late_edges;			/* Late edges that are events or kept. */
byte seen_total[8], seen_first[8], seen_last[8];	/* The stamp of each sequence. */

/* Whether a record may say that it does not know a time. */
#ifdef SETTLE
#define unknown		true
#else
#define unknown		(late_edges > 0)
#endif

#define check(w)	assert((w) / STEP < STEPS)

inline note_event(time)
{
	oldest = (untaken == 0 -> time : oldest);
	newest = time;
	untaken++;
	events++
}

/* The ghosts, after the word has changed for an edge or by an arm. */
inline note_edge_at(time, before)
{
	if
	:: keeps(before) -> kept = time
	:: !keeps(before) && !coalesces(before) -> note_event(time)
	:: else
	fi
}

/* S: first(), last() */
#ifdef FIRST_IS_FRESH
#define first_of(w)	first[stamp_of(w)]
#else
#ifdef LATE_IGNORED
#define first_of(w)	((w) & FRESH -> first[stamp_of(w)] : last[stamp_of(w)])
#else
#define first_of(w)	((w) & FRESH -> first[stamp_of(w)] : \
			 ((w) & LATE -> 0 : last[stamp_of(w)]))
#endif
#endif
#ifdef KEPT_IS_LAST
#define counted_of(w)	last[stamp_of(w)]
#else
#define counted_of(w)	((w) & KEPT -> last_counted[stamp_of(w)] : last[stamp_of(w)])
#endif
#ifdef LATE_IGNORED
#define last_of(w)	counted_of(w)
#else
#define last_of(w)	((w) & LATE -> 0 : counted_of(w))
#endif

/* E: show_state().  S: show() */
inline show_state()
{
#ifndef HIDDEN
	do
	::	p = shown(word);
		q = late;
		state = p;
#if LATE_EDGES
		shown_late = q;
#endif
#ifdef SHOW_ONCE
		break
#else
		if
		:: p == shown(word) ->
			if
			:: q == late -> break
			:: else
			fi
		:: else
		fi
#endif
	od;
#endif
	p = 0;
	q = 0
}

/* E: fire(), fire_and_stamp(), fire_with() */
active proctype handler()
{
	short seen, next;
	byte slot, now, number, p, q, begun, counted_last;
	bool done, stamps;
end:	do
	:: d_step { come > 0 ->
		come--;
		clock++;
		now = clock;
		running = true;
		seen = word;
		stamps = (seen & STAMPED) != 0;
		number = edges + 1
	};
#ifdef EDGES_EARLY
		edges = number;
#endif
		do
		::	next = fired(seen);
			if
			:: stamps && !coalesces(seen) ->
				/* S: write() */
				d_step {
#ifdef WRITE_VALID
					slot = stamp_of(seen);
#else
					slot = 1 - stamp_of(seen);
					assert(slot != sequence % 2);
#endif
					begun = (count_of(seen) == 0 -> now : first_of(seen));
#ifdef BEGIN_ANEW
					begun = now;
#endif
					counted_last = (keeps(seen) -> last_of(seen) : now);
					next = stamped(next, seen)
				};
				total[slot] = number;
				first[slot] = begun;
				d_step { last[slot] = now; last_counted[slot] = counted_last }
			:: else
			fi;
#ifdef PUBLISH_EARLY
			sequence = sequence + (stamps && !coalesces(seen));
#endif
			d_step {
				done = word == seen;
				if
				:: done ->
					check(next);
					word = next;
					note_edge_at(now, seen);
					if
					:: stamps && !coalesces(seen) ->
						seen_total[sequence + 1] = number;
						seen_first[sequence + 1] = begun;
						seen_last[sequence + 1] = now
					:: else
					fi
				:: else -> seen = word
				fi
			};
			if
			:: done -> break
			:: else
			fi
		od;
#ifndef EDGES_EARLY
		/* E: add_edge() */
		edges = (coalesces(seen) -> edges : number);
#endif
#ifndef PUBLISH_EARLY
		/* S: publish() */
		sequence = sequence + (stamps && !coalesces(seen));
#endif
		if
		:: stamps -> show_state()
		:: else
		fi;
		atomic {
			seen = 0; next = 0; slot = 0; now = 0; number = 0; begun = 0;
			counted_last = 0; done = false; stamps = false; running = false
		}
	od
}

/* E: late_in() */
#ifdef LATE_APART
#define late_in(w, l)	(l)
#else
#define late_in(w, l)	((l) + ((l) % 2 != is_odd(w)))
#endif

/* P: read() of a record.  E: record(), take_record().  S: record() */
proctype reader()
{
	short w;
	byte t, f, l, e, n, p, q;
	bool done, is_stamped;
end:	do
	:: atomic { settled && (word & COUNT) -> w = word };
		do
		:: (w & COUNT) == 0 -> break
		:: else ->
			e = edges;
			n = late;
			t = total[stamp_of(w)];
			d_step {
				is_stamped = last[stamp_of(w)] != 0;
				t = (is_stamped -> t : e) + late_in(w, n) - (w & KEPT -> 1 : 0)
			};
			f = first_of(w);
			l = (count_of(w) == 1 -> f : last_of(w));
			d_step {
				done = word == w;
				if
				:: done ->
					assert(count_of(w) == untaken || untaken > 3);
					assert(t == events);
					assert(f == oldest || f == 0 && unknown);
					assert(l == newest || l == 0 && unknown);
					untaken = 0;
					word = taken(w);
					check(word);
					w = 0
				:: else -> w = word
				fi
			};
			if
			:: done -> show_state(); break
			:: else
			fi
		od;
		atomic { w = 0; t = 0; f = 0; l = 0; e = 0; n = 0; done = false; is_stamped = false }
	od
}

/* P: read() of 4 bytes, up to TAKES times.  E: take() */
proctype taker()
{
	short w;
	byte left = TAKES, p, q;
	bool done;
end:	do
	:: atomic { left > 0 && (word & COUNT) -> w = word; left-- };
		d_step {
			done = word == w;
			if
			:: done -> untaken = 0; word = taken(w); check(word)
			:: else
			fi
		};
		if
#ifndef TAKE_SILENTLY
		:: done && w & COALESCED -> show_state()
#endif
		:: else
		fi;
		atomic { w = 0; done = false }
	od
}

/* P: write() of 1, up to ARMS times.  E: arm() */
proctype armer()
{
	byte left = ARMS, p, q;
end:	do
	:: d_step { left > 0 && word & MASKED ->
		left--;
		if
		:: word & KEPT -> note_event(kept); kept = 0
		:: else
		fi;
		word = stepped(armed(word));
		check(word)
	};
		show_state()
	od
}

/* E: add_late() */
inline add_late(n)
{
	d_step { late = (late + 1 == (n) -> (n) : late) }
}

/* E: note_edge(), for an edge that the resume or the arm takes from the core. */
proctype noter()
{
	short before, w;
	byte n, p, q;
	bool done, again;

	before = word;
	do
	::	w = word;
		n = late;
		d_step {
			n = n + (n % 2 != is_odd(w));
			again = w != word
#ifdef HELP_BLINDLY
			; again = false
#endif
		};
		if
		:: again
		:: else ->
#ifndef NO_HELP
			add_late(n);
#endif
			d_step {
				done = w == word;
				if
				:: done && before & KEPT && w & COUNT -> word = w | COALESCED
				:: done && !(before & KEPT && w & COUNT) ->
					note_edge_at(0, w);
					late_edges = late_edges + !(w & KEPT);
					word = late_edge(w);
					check(word)
				:: else
				fi
			};
			if
			:: done -> break
			:: else
			fi
		fi
	od;
	if
	:: !(before & KEPT && w & COUNT) && !(w & KEPT) ->
		add_late(n + 1)
	:: else
	fi;
	show_state()
}

/* E: stamp().  S: settle() */
proctype settler()
{
	byte p, q;
	word = word | STAMPED;
#ifndef SETTLE_AT_ONCE
	/* C: synchronize_irq() */
	!running;
#endif
	show_state();
	p = edges;
#ifdef SETTLE_BLINDLY
	total[0] = p;
#else
	d_step { total[0] = (total[0] == 0 -> p : total[0]) };
#endif
	p = 0;
	settled = true
}

/* A program that reads the page, up to PAGES times. */
proctype program()
{
	byte left = PAGES, s, t, f, l;
end:	do
	:: d_step { left > 0 && sequence > 0 -> left--; s = sequence };
		t = total[s % 2];
		f = first[s % 2];
		l = last[s % 2];
		d_step {
			if
			:: sequence == s ->
				assert(t == seen_total[s] && f == seen_first[s] && l == seen_last[s])
			:: else
			fi;
			s = 0; t = 0; f = 0; l = 0
		}
	od
}

init
{
	atomic {
#ifdef SETTLE
		run settler();
#endif
#if READERS > 0
		run reader();
#endif
#if READERS > 1
		run reader();
#endif
#if TAKES
		run taker();
#endif
#if ARMS
		run armer();
#endif
#if LATE_EDGES > 0
		run noter();
#endif
#if LATE_EDGES > 1
		run noter();
#endif
#if PAGES
		run program();
#endif
	};
	timeout ->
	assert(late == late_edges);
#ifndef HIDDEN
	assert(state == shown(word) && shown_late == late);
#endif
	assert(total[sequence % 2] + late == events + (word & KEPT -> 1 : 0));
	assert(sequence % 2 == stamp_of(word))
}
