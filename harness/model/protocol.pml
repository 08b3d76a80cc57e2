/*
 * A Spin model of the protocol of /proc/irq/<N>/irq: the steps of all threads
 * and of the handler, in every order.
 *
 * A step that changes one shared variable is one step here.  Steps and processes
 * have the names of the code that they model.  The letter says where that code
 * is: rust/kernel/irq/proc_user/word.rs (D), events.rs (E) and waiters.rs (W) in
 * the same folder, rust/kernel/irq/proc_user.rs (P), kernel/irq/user.c (U), or
 * the core's C code (C).
 *
 * An exchange whose decision rests on an earlier look is two steps: the look, and
 * the exchange, which fails if the word has changed.  A loop that decides anew
 * and exchanges until an exchange succeeds, such as change() (E), is one step.
 *
 * The model leaves out:
 * - weak memory.  Memory is sequentially consistent here.  ordering/ has it.
 * - free-running lines and their storms.  ordering/ has them.
 * - chips behind a slow bus.  They arm under the mutex, as a write does here.
 * - parallel calls of the handler.  The core makes none, so handler() is one
 *   process.
 * - a descriptor that is freed.  It is read under RCU if the line is not owned.
 *
 * These switches set the size of the model: KIND, READERS, POLLER, WRITES,
 * SUSPEND, EVENTS, LOSSY (the chip loses edges while it masks the line), CALM (no
 * signals and no bad buffers) and STAYS (the line is not removed).  The script
 * `run` says what the other switches break.
 */
#define EDGE	0
#define LEVEL	1
#define UNKNOWN	2

#ifndef KIND
#define KIND EDGE
#endif
#ifndef READERS
#define READERS 1
#endif
#ifndef WRITES
#define WRITES 0
#endif
#ifndef EVENTS
#define EVENTS 2
#endif

/*
 * D: the word.  STEP is one step of the generation.  The generation does not wrap
 * around here: check() asserts that.
 */
#define MASKED		1
#define OFF		2
#define KEPT		4
#define COALESCED	8
#define GONE		16
#define EVENT		32
#define COUNT		(7 * EVENT)
#define STEP		256
#define STEPS		63

#define count_of(w)	(((w) & COUNT) / EVENT)
#define is_ready(w)	(((w) & (COUNT | GONE)) != 0)

#ifdef NO_GENERATION
#define same_generation(w, e)	true
#else
#define same_generation(w, e)	((w) / STEP == (e) / STEP)
#endif
#define generation(w)	((w) / STEP * STEP)
#ifdef ARM_ANYWAY
#define REASONS		GONE
#else
#define REASONS		(COUNT | GONE)
#endif
#define may_be_armed_since(w, e) \
	(((w) & (MASKED | REASONS)) == MASKED && same_generation(w, e))

#define edge(w)		(!((w) & MASKED) -> (w) + EVENT | MASKED : \
			 (!((w) & KEPT) -> (w) | KEPT : (w) | COALESCED))
#define unmasked(w)	((w) & ~(MASKED | OFF | KEPT))
#define fired_and_disabled(w) \
	(KIND == EDGE && (w) & MASKED -> edge(w) | OFF : (w) + EVENT | MASKED | OFF)
#ifdef KEEP_LOST
#define armed(w)	unmasked(w)
#else
#define armed(w)	((w) & KEPT -> unmasked(w) + EVENT | MASKED : unmasked(w))
#endif
#define stepped(w)	((w) + STEP)
#define taken(w)	stepped((w) & ~(COUNT | COALESCED))

/* Whether an edge coalesces, so that edge() does not count it. */
#define coalesces(w)	(((w) & (MASKED | KEPT)) == (MASKED | KEPT))

/* The line: the device's output or, for an edge line, an edge on its way to a CPU. */
bool asserted;
byte events = EVENTS;		/* How often the device will still need service. */
byte depth;			/* The disable depth. */
bool pending;			/* IRQS_PENDING */
bool cut;			/* IRQD_IRQ_MASKED of an edge line, set by mask_ack_irq(). */
bool installed;			/* The action is on the line. */
bool inprogress;		/* IRQD_IRQ_INPROGRESS */
bool norequest;			/* IRQ_NOREQUEST */
bool unmapped;			/* Any driver may request the line. */
bool suspended;			/* IRQS_SUSPENDED */

/* UserIrq. */
byte refs;			/* Of its Arc. */
short word = MASKED | OFF;	/* Events::word, as of Word::NEW */
bool owned;			/* Events::owned */
bool locked;			/* The mutex around the action is locked. */
bool action;			/* The action is Some. */
bool listed;			/* The file is in OPEN_FILES. */

/* Waiters. */
byte first;			/* The reader in the slot, counted from 1, or 0. */
bool dozing[READERS];		/* A reader sleeps in the slot, or will sleep next. */
bool waiting[READERS];		/* A reader is on the queue and not yet woken. */
bool polling, triggered;	/* The poller is on the queue; it was woken. */

byte users;			/* The threads that use the file. */
byte signals;			/* 1: the first thread has a signal.  2: all threads have. */
bool fatal;
#define signal(user) (signals > (user > 0))

/* Ghosts. */
byte owed;		/* The device's events that were not read and did not coalesce. */
bool wants;		/* The device has needed service since a thread last served it. */
bool fresh;		/* The handler has not run for the present assertion. */
byte runs;		/* How often the handler has started since the line was armed. */
byte serving;		/* The threads that took an event and have not yet served the device. */
bool by_hand;		/* A write of 0 came after the line was last armed. */
bool forsaken;		/* The thread that took the last event was killed. */
bool shut;		/* irq_shutdown() has added to the depth. */
byte refused;		/* How often irq_user_enable() found the line not owned. */

/* Only the handler, or a caller that keeps the action, may touch the line. */
#define ours()	assert(!unmapped && (installed || inprogress))

/* Only the holder of a reference may touch the UserIrq. */
#define alive()	assert(refs > 0)

/* The word has a state that Word allows, and its fields do not overflow. */
#define check(w) \
	assert(!((w) & KEPT) || (w) & MASKED); \
	assert((w) / STEP < STEPS && count_of(w) < 7)

/* E: exchange().  It is a macro because an inline does not take a macro as an argument. */
#define exchange(seen, next) \
	alive(); \
	done = word == seen; \
	word = (done -> next : word); \
	check(word)

/* E: disable().  U: irq_user_disable(). */
inline disable()
{
	d_step { ours(); depth++ }
}

/*
 * U: irq_user_enable().  It enables the line and takes the pending edge in one
 * step, under the descriptor's lock.  The core does not resend the edge.
 */
inline enable_in_core()
{
	if
#ifndef ENABLE_UNOWNED
	:: !owned -> pended = false; refused++
#endif
	:: else ->
		assert(!unmapped && installed);
		assert(depth > 0);
		depth--;
		pended = depth == 0 && pending;
#ifdef RESEND_LOST
		owed = owed - pended;
		pending = pending && !pended;
		pended = false;
#else
		pending = pending && !pended;
#endif
		cut = cut && depth > 0
	fi
}

/* E: note_edge().  A level line has no edge to note. */
inline note_edge(old)
{
	d_step {
		alive();
#ifdef COALESCE_BLINDLY
		edges = !((old) & KEPT);
#else
		edges = !((old) & KEPT) || !(word & COUNT);
#endif
		owed = owed - (!edges || coalesces(word));
		is_event = is_event || edges && !(word & MASKED);
		word = (edges -> edge(word) : word | COALESCED);
		check(word)
	}
}

/* E: enable().  Sets is_event if an edge that was pending in the core became an event. */
inline enable(old)
{
	d_step { alive(); enable_in_core() };
	if
	:: pended && KIND != LEVEL -> note_edge(old)
	:: else
	fi;
	pended = false
}

/* Updates the ghosts when the line is armed. */
inline note_armed()
{
	by_hand = false;
	runs = 0
}

/* E: unmask(), for arm() and a write of 1.  Sets is_event. */
inline unmask()
{
	d_step {
		alive();
		seen = word;
#ifdef KEEP_LOST
		owed = owed - (seen & KEPT -> 1 : 0);
#endif
		word = stepped(armed(word));
		check(word);
		is_event = count_of(word) > count_of(seen);
		note_armed()
	};
	if
	:: seen & OFF -> enable(seen)
	:: else
	fi
}

/*
 * W: wake_reader(), wake_slot().  If the reader in the slot is awake, the wake
 * does nothing.  If the reader has left the slot after the look and sleeps
 * elsewhere, it counts as woken, too.
 *
 * C: swake_up_one() takes the first reader off the queue, asleep or not.  The
 * check for an empty queue is not a separate step: a reader that enters later
 * finds an empty queue.
 */
inline wake_reader()
{
	d_step { alive(); chosen = first };
	if
	:: d_step { chosen > 0 && dozing[chosen - 1] -> dozing[chosen - 1] = false }
	:: chosen > 0 && chosen != first
#ifdef STOP_AT_SLOT
	:: chosen > 0
#endif
	:: !(chosen > 0 && dozing[chosen - 1]) ->
		atomic {
			if
			:: waiting[0] -> waiting[0] = false
#if READERS > 1
			:: waiting[1] -> waiting[1] = false
#endif
#if READERS > 2
			:: waiting[2] -> waiting[2] = false
#endif
			:: else
			fi
		}
	fi;
	chosen = 0
}

/* W: has_pollers(), wake_pollers().  If handlers are forced into threads, a thread calls them. */
inline wake_pollers()
{
#ifdef POLLER
	d_step { alive(); triggered = triggered || polling }
#else
	skip
#endif
}

/* P: wake() */
inline wake()
{
	wake_reader();
	wake_pollers()
}

/* E: arm_since().  Leaves the resulting state in w. */
inline arm_since(entry)
{
	done = false;
	do
	:: !done && may_be_armed_since(w, entry) ->
		/* E: arm_seen() */
		d_step {
			seen = w;
#ifdef ARM_LOOKS_AGAIN
			seen = word;
#endif
#ifdef KEEP_LOST
			owed = owed - (word == seen && seen & KEPT -> 1 : 0);
#endif
			exchange(seen, armed(seen));
			w = word;
			if
			:: done -> note_armed()
			:: else
			fi
		};
		if
		:: done && seen & OFF ->
			is_event = false;
			enable(seen);
			if
			:: is_event -> w = word
			:: else
			fi
		:: else
		fi
	:: else -> break
	od;
	done = false;
	is_event = false;
	seen = 0
}

/* W: wake_all() */
inline wake_all()
{
	d_step {
		alive();
		if
		:: first > 0 -> dozing[first - 1] = false
		:: else
		fi
	};
	d_step {
		alive();
		waiting[0] = false;
#if READERS > 1
		waiting[1] = false;
#endif
#if READERS > 2
		waiting[2] = false;
#endif
	};
	wake_pollers()
}

inline lock()
{
	atomic { !locked -> alive(); locked = true }
}

inline unlock()
{
	d_step { alive(); locked = false }
}

/* P: with_line() */
inline keep()
{
	lock();
	if
	:: !action -> unlock(); goto out
	:: else
	fi
}

/*
 * P: free().  C: __free_irq() takes the action off, under the descriptor's lock,
 * and waits for the handler.
 */
inline free()
{
	lock();
#ifndef DISOWN_LATE
	d_step { alive(); owned = false };
#endif
	if
	:: action ->
		d_step { installed = false; shut = true; depth++ };
#ifndef FREE_AT_ONCE
		!inprogress;
#endif
		d_step { action = false; refs-- }
	:: else
	fi;
#ifdef DISOWN_LATE
	d_step { alive(); owned = false };
#endif
	unlock()
}

/*
 * The device.  C: the part of handle_edge_irq() that does not run the handler: it
 * keeps one edge and masks the line at its chip.  Some chips lose an edge that
 * comes while the line is masked, others do not.
 */
active proctype device()
{
end:	do
	:: d_step { events > 0 && !shut && !asserted ->
		events--;
		asserted = true;
		fresh = true;
		wants = true;
		owed = owed + (KIND != LEVEL)
	}
#ifdef LOSSY
	:: d_step { events > 0 && !shut && cut ->
		events--;
		wants = true
	}
#endif
	:: d_step { KIND != LEVEL && asserted && !cut && installed &&
		    (depth > 0 || KIND == EDGE && inprogress) ->
		asserted = false;
		owed = owed - pending;
		pending = true;
		cut = KIND == EDGE
	}
	od
}

/* C: handle_edge_irq(), the condition of its loop. */
#define comes_again()	(KIND == EDGE && pending && depth == 0 && installed)

/* C: the start of handle_irq_event(). */
inline begin_to_handle(lost)
{
	owed = owed + (KIND == LEVEL) - (lost);
	pending = false;
	cut = false;
	inprogress = true;
#ifndef POLLER
#if WRITES == 0
	/*
	 * No echo: a level is not reported twice.  A poller that polls again arms
	 * while another thread serves the device.  A write of 1 always arms.
	 */
	assert(fresh || KIND != LEVEL);
#endif
#endif
#if WRITES == 0
	/* A level is not counted twice before a reader takes it. */
	assert(!(word & COUNT) || KIND != LEVEL);
#endif
	fresh = false;
	runs++;
	assert(runs <= 3 || KIND != EDGE)
}

/* E: fire_level(), fire_and_disable() */
inline fire_and_disable()
{
#ifndef DISABLE_LATE
	disable();
#endif
	d_step {
		alive();
		seen = word;
		owed = owed - (KIND == EDGE && coalesces(word));
		word = fired_and_disabled(word);
#ifdef COUNT_APART
		word = (word & ~COUNT) | (seen & COUNT);
#endif
		check(word);
		told = is_ready(word)
	};
#ifdef COUNT_APART
	word = word + EVENT;
#endif
#ifdef DISABLE_LATE
	disable();
#endif
#ifndef UNDO_MISSING
	if
	:: seen & OFF -> enable(seen)
	:: else
	fi;
#endif
	told = told || is_event
}

/*
 * C: handle_level_irq(), handle_edge_irq(), handle_simple_irq().  P: handle().
 *
 * handle_edge_irq() runs the handler again for an edge that came while it ran.
 */
active proctype handler()
{
	short seen, next;
	byte chosen;
	bool told, done, is_event, pended, edges;
end:	do
	:: d_step { asserted && !cut && installed && depth == 0 ->
		asserted = KIND == LEVEL;
		begin_to_handle(pending)
	};
again:
#ifdef WAKE_EARLY
		wake();
#endif
		/* E: fire() */
		if
		:: KIND != EDGE ->
			fire_and_disable()
		:: else ->
			d_step { alive(); seen = word };
			do
			:: coalesces(seen) && !(seen & OFF) ->
#ifdef NEVER_OFF
				d_step { word = word | COALESCED; owed-- };
#else
				fire_and_disable();
#endif
				break
			:: else ->
				d_step {
					next = edge(seen);
#ifdef FIRE_BLINDLY
					done = true; word = next; owed = owed - coalesces(seen);
#else
					exchange(seen, next);
					owed = owed - (done && coalesces(seen));
#endif
					seen = word;
					told = is_ready(next)
				};
				if
				:: done -> break
				:: else
				fi
			od
		fi;
		seen = 0; next = 0; done = false; is_event = false;
#ifndef WAKE_EARLY
		if
		:: told -> wake()
		:: else
		fi;
#endif
		told = false;
		if
		:: d_step { comes_again() -> begin_to_handle(0) };
			goto again
		:: d_step { !comes_again() -> inprogress = false }
		fi
	od
}

/* P: pass_on() */
inline pass_on()
{
#ifdef PASS_TO_READER
	wake_reader()
#else
	wake()
#endif
}

/*
 * P: tell(), with a good buffer.  If the state has not changed, n is the number of
 * events.  Otherwise n is 0 and w is the new state.
 */
inline tell()
{
	d_step {
		n = count_of(w);
		exchange(w, taken(w));
#ifdef TAKE_APART
		done = true;
		word = taken(word);
#endif
		w = word;
		n = (done -> n : 0);
		owed = owed - n;
		serving = serving + done;
		done = false
	}
}

/* A thread that has read an event makes the device quiet. */
inline serve()
{
	d_step {
		asserted = asserted && KIND != LEVEL;
		wants = false;
		serving--;
		n = 0
	}
}

/*
 * P: read(), repeated until it fails.
 *
 * A rule in irq-user.rst holds for programs with several threads: the device must
 * be quiet when a thread starts to read.  So a thread that has taken an event
 * serves the device before it reads again.
 */
proctype reader(byte me)
{
	short entry, w, seen;
	byte n, chosen;
	bool done, is_event, pended, edges, served;

begin:	if
	/* The thread is killed before it calls read(). */
	:: fatal && signal(me) -> forsaken = forsaken || served; goto out
#ifdef ANY_TIME
	:: d_step { alive(); w = word; entry = generation(w); served = false }
#else
#ifdef FIRST_ALONE
	:: d_step { serving == 0 || served -> alive(); w = word; entry = generation(w); served = false }
#else
	:: d_step { serving == 0 -> alive(); w = word; entry = generation(w); served = false }
#endif
#endif
	fi;
again:	do
	:: is_ready(w) ->
		if
		:: w & GONE -> break
#ifdef DIE_SILENTLY
		:: !(w & GONE) && fatal && signal(me) -> break
#else
		:: !(w & GONE) && fatal && signal(me) -> pass_on(); break
#endif
#ifndef CALM
		/* The buffer is bad.  The program reads no more. */
#ifdef FAIL_SILENTLY
		:: !(w & GONE) -> break
#else
		:: !(w & GONE) -> pass_on(); break
#endif
#endif
		:: !(w & GONE) ->
			tell();
			if
			:: n > 0 ->
				serve();
				d_step { served = true; entry = 0; w = 0 };
				goto begin
			:: else
			fi
		fi
	:: else ->
		arm_since(entry);
		if
		:: is_ready(w) -> goto again
		:: else
		fi;
		/* W: sleep() */
		if
		:: signal(me) ->
			if
			:: is_ready(word) -> goto look
			:: else -> break
			fi
		:: !signal(me)
		fi;
#ifdef LOOK_EARLY
		if
		:: is_ready(word) -> goto look
		:: else
		fi;
#endif
		dozing[me] = true;
		d_step {
			alive();
			done = first == 0;
			first = (done -> me + 1 : first)
		};
		if
		:: done ->
#ifndef LOOK_EARLY
			if
			:: is_ready(word) -> goto leave
			:: else
			fi;
#endif
			/* C: schedule() */
end_in_slot:		!dozing[me] || signal(me);
leave:			dozing[me] = false;
			d_step { alive(); done = false; first = 0 };
#ifdef HEED_SIGNAL
			if
			:: signal(me) -> break
			:: else
			fi;
#endif
		:: else ->
			/* W: sleep_on_queue().  C: prepare_to_swait_event() */
			dozing[me] = false;
			d_step { alive(); done = signal(me); waiting[me] = !done };
#ifndef LOOK_EARLY
			if
			:: is_ready(word) -> goto finish
			:: else
			fi;
#endif
			if
			:: done -> break
			:: else
			fi;
			/* C: schedule() */
end_on_queue:		!waiting[me] || signal(me);
#ifdef HEED_SIGNAL
			if
			:: signal(me) -> waiting[me] = false; break
			:: else
			fi;
#endif
			/* C: finish_swait() */
finish:			atomic { alive(); done = false; waiting[me] = false }
		fi;
look:		atomic { alive(); w = word; done = false }
	od;
out:	users--
}

/* C: poll(2).  P: poll(), then a read() that does not sleep, repeated. */
proctype poller()
{
	short entry, w, seen;
	byte n, chosen;
	bool done, is_event, pended, edges;
	do
	::
#ifndef REGISTER_LATE
		d_step { alive(); polling = true; triggered = false };
#endif
		do
		::	d_step { alive(); w = word; entry = generation(w) };
			if
			:: is_ready(w) -> break
			:: else
			fi;
			arm_since(entry);
			if
			:: is_ready(w) -> wake(); break
			:: else
			fi;
#ifdef REGISTER_LATE
			d_step { alive(); polling = true; triggered = false };
#endif
end_asleep:		triggered || signal(READERS);
			if
			:: signal(READERS) -> goto out
			:: else -> triggered = false
			fi
		od;
		atomic { polling = false; triggered = false; alive() };

		d_step { alive(); w = word; entry = generation(w) };
		do
		:: w & GONE -> goto out
		:: !(w & GONE) && w & COUNT ->
			tell();
			if
			:: n > 0 -> serve(); break
			:: else
			fi
		:: else ->
			arm_since(entry);
			if
			:: is_ready(w)
			:: else -> break
			fi
		od;
		atomic { entry = 0; w = 0 }
	od;
out:	atomic { polling = false; triggered = false; users-- }
}

/* E: mask() */
inline mask()
{
#if KIND == EDGE
	d_step {
		alive();
		word = stepped(word | MASKED);
		check(word);
		by_hand = true
	}
#else
	disable();
	d_step {
		alive();
		seen = word;
		word = stepped(word | MASKED | OFF);
		check(word);
		by_hand = true
	};
#ifndef UNDO_MISSING
	if
	:: seen & OFF -> enable(seen)
	:: else
	fi;
#endif
#ifdef MASK_SILENTLY
	is_event = false
#endif
#endif
}

/* P: write(), up to WRITES times. */
proctype writer()
{
	byte left = WRITES;
	short seen;
	byte chosen;
	bool done, is_event, pended, edges;
	do
	:: left > 0 ->
		left--;
		keep();
#ifdef WRITE_UNLOCKED
		unlock();
#endif
		if
		:: unmask()
		:: mask()
		fi;
#ifndef WRITE_UNLOCKED
		unlock();
#endif
		seen = 0;
#ifndef WRITE_SILENTLY
		if
		:: is_event -> wake()
		:: else
		fi;
#endif
		is_event = false
	:: break
	od;
out:	users--
}

/*
 * C: suspend_device_irqs(), resume_device_irqs().  P: irq_user_resume().  Because
 * of IRQF_NO_RESEND, the core does not resend the edge.
 */
proctype suspender()
{
	short seen;
	byte chosen;
	bool is_event, pended, edges;

	if
	:: d_step { installed -> suspended = true; depth++ }
	:: !installed -> goto out
	fi;
	/* C: synchronize_irq() */
	!inprogress;
	d_step { suspended = false; depth--; cut = cut && depth > 0 };
	if
	:: d_step { listed -> refs++ }
	:: !listed -> goto out
	fi;
	/* U: irq_user_take_pending() */
	d_step {
		alive();
		assert(!owned || !unmapped && installed);
#ifdef RESUME_STEALS
		pended = owned && depth == 0 && pending;
#else
		/* If the handler runs, handle_edge_irq() takes the pending edge. */
		pended = owned && depth == 0 && pending && !inprogress;
#endif
#ifndef PENDING_STAYS
		pending = pending && !pended;
#else
		pended = false;
#endif
		seen = word
	};
	if
	:: pended && KIND != LEVEL -> note_edge(seen)
	:: else
	fi;
#ifndef RESUME_SILENTLY
	if
	:: is_event -> wake()
	:: else
	fi;
#endif
	refs--;
out:	skip
}

/* P: irq_user_revoke() and revoke().  Then the line is unmapped. */
proctype remover()
{
	bool found;
#ifndef STAY_REQUESTABLE
	norequest = true;
#endif
	d_step { found = listed; listed = false };
	if
	:: found ->
#ifdef REVOKE_LATE
		wake_all();
		d_step { alive(); word = word | GONE };
#else
		d_step { alive(); word = word | GONE };
		wake_all();
#endif
		free();
		refs--
	:: else
	fi;
	d_step { unmapped = true; assert(!installed && !inprogress) }
}

/* P: forget() */
inline forget()
{
	d_step { alive(); refs = refs - listed; listed = false }
}

/* P: remember() */
inline remember()
{
	d_step { alive(); listed = true; refs++ }
}

/* P: open(), claim(); then what may happen to the file; then release(). */
init
{
	short seen;
	bool is_event, pended, edges;
#ifndef STAYS
	if
	:: run remover()
	:: true
	fi;
#endif

	refs = 1;
	lock();
#ifndef REMEMBER_LATE
	remember();
#endif
	if
	:: norequest -> unlock(); forget(); refs--; goto closed
	:: else
	fi;
	d_step { installed = true; depth = 1; refs++ };
	d_step { alive(); owned = true };
	unmask();
	d_step { seen = 0; is_event = false };
#ifdef REMEMBER_LATE
	remember();
#endif
	action = true;
	unlock();

	atomic {
		users = READERS;
		run reader(0);
#if READERS > 1
		run reader(1);
#endif
#if READERS > 2
		run reader(2);
#endif
#ifdef POLLER
		users++;
		run poller();
#endif
#if WRITES
		users++;
		run writer();
#endif
#ifdef SUSPEND
		run suspender();
#endif
	};
	if
#ifndef CALM
	:: signals = 1
#ifndef POLLER
	:: signals = 1; fatal = true
#endif
	:: signals = 2
#endif
	:: true
	fi;

	if
	:: users == 0 ->
#ifdef FORGET_EARLY
		forget();
		free();
#else
		free();
		forget();
#endif
		refs--
	:: timeout ->
		/* All threads sleep and nothing can happen.  Check that this is right. */
		assert(!is_ready(word));
		assert(!(word & MASKED) || by_hand || forsaken);
		assert(word & MASKED || !asserted && !pending);
		assert(!wants || by_hand || forsaken)
	fi;

closed:	timeout ->
	assert(owed == count_of(word) + (word & KEPT -> 1 : 0) +
	       (KIND != LEVEL -> asserted + pending : 0));
	assert(depth == (word & OFF -> 1 : 0) + shut + refused || !installed && !shut);
	assert((refs > 0) == (users > 0) && installed == (users > 0) && owned == (users > 0))
}
