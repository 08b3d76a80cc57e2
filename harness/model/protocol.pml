/*
 * The protocol of /proc/irq/<N>/irq, for Spin: what each of those who may meet
 * does to what they share, in every order.
 *
 * A step that changes one shared thing is one step here.  Steps and processes
 * are named after what they stand for in rust/kernel/irq/events.rs (E),
 * proc_user.rs (P), proc_user/waiters.rs (W) and the kernel's own C (C).
 *
 * Memory is sequentially consistent here.  That the real one is so where it has
 * to be is for the models beside this one to show.  So is what a line that runs
 * free does: to who waits it is no different.
 *
 * LEVEL (else the line is an edge line), READERS, POLLER, WRITES, EVENTS and CALM
 * (there are no signals) say how large the model is.  The script `run` tells what
 * the other switches break.
 */
#ifndef LEVEL
#define LEVEL false
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

/* The line: the device's output or, of an edge line, an edge on its way to a CPU. */
bool asserted;
byte events = EVENTS;		/* How often the device will still want something. */
byte depth;			/* The disable depth. */
bool pending;			/* IRQS_PENDING: an edge that is kept until the line is enabled. */
bool installed;			/* The action is on the line. */
bool inprogress;		/* IRQD_IRQ_INPROGRESS */
bool norequest;			/* IRQ_NOREQUEST */
bool gone;			/* Unmapped: from now on it may belong to anybody. */

/* UserIrq. */
byte refs;			/* Of its Arc. */
bool masked;			/* LineEvents::state is one word, ... */
byte count;			/* ... so both of its parts can change in one step. */
bool revoked;
bool locked;			/* The mutex around ... */
bool action;			/* ... the action: it is Some. */
byte first;			/* Who is in the place, counted from 1: rcuwait::task. */
bool taken_place;		/* Waiters::is_taken */
bool dozing;			/* Who is in the place is asleep, or about to be. */
bool waiting[READERS];		/* A reader is on the queue, and not yet woken. */
bool polling, triggered;	/* The poller is on the queue, has been woken. */

bool listed;			/* It is in OPEN_FILES. */

/* The threads that use the file, and which of them have a signal: the first, all. */
byte users;
byte signals;
bool fatal;
#define signal(user) (signals > (user > 0))

/* Ghosts. */
byte owed;			/* Events that the handler was called for, and that nobody has taken. */
bool fresh;			/* The handler has not been called for the present assertion. */
bool by_hand;			/* The line is masked because of a write of 0. */
bool forsaken;			/* Who took the last event was killed before he could arm. */
bool shut;			/* irq_shutdown() has added to the depth. */

/* Who touches the line is the handler, or holds the action. */
#define ours() assert(!gone && (installed || inprogress))

/* Who touches the UserIrq has to have a reference to it. */
#define alive() assert(refs > 0)

/* C: disable_irq_nosync(), enable_irq(). */
inline disable()
{
	d_step { ours(); depth++ }
}

inline enable()
{
	d_step {
		ours();
		assert(depth > 0);
		depth--;
		assert(depth > 0 || installed);
		if
		:: depth == 0 && pending -> pending = false; asserted = true
		:: else
		fi
	}
}

/* E: enable(), by who has found MASKED set. */
inline enable_if_was()
{
	if
	:: was -> enable()
	:: else
	fi
}

/*
 * E: disable_and().  The loop in change() ends with a cmpxchg() that succeeds,
 * and those before it change nothing, so it is one step, here and below.
 */
inline disable_and(number, hand)
{
#ifndef DISABLE_LATE
	disable();
#endif
	d_step {
		alive();
		was = masked;
		masked = true;
		by_hand = hand && (by_hand || !was);
#ifndef COUNT_APART
		count = count + number
#endif
	};
#ifdef COUNT_APART
	count = count + number;
#endif
#ifdef DISABLE_LATE
	disable();
#endif
#ifndef DISABLE_TWICE
	enable_if_was()
#endif
}

/* E: arm(). */
inline arm()
{
	d_step { alive(); was = masked; masked = false; by_hand = false };
	enable_if_was()
}

/* E: arm_if_none(). */
inline arm_if_none()
{
#ifdef ARM_ANYWAY
	arm()
#else
	d_step {
		alive();
		was = masked && count == 0;
		masked = masked && !was;
		by_hand = by_hand && !was
	};
	enable_if_was()
#endif
}

/*
 * P: give(): E: pending(), a copy to the reader, which succeeds, take_if().
 * Leaves in n what was taken.
 */
inline give()
{
	do
	:: d_step { alive(); n = count };
		if
		:: n == 0 -> break
		:: else
		fi;
#ifdef TAKE_APART
		d_step { owed = owed - n; count = 0 };
		break
#else
		d_step {
			alive();
			taken = count == n;
			count = count - (taken -> n : 0);
			owed = owed - (taken -> n : 0)
		};
		if
		:: taken -> break
		:: else
		fi
#endif
	od
}

inline lock()
{
	atomic { !locked -> alive(); locked = true }
}

inline unlock()
{
	d_step { alive(); locked = false }
}

/* P: with_action().  As a macro, since an inline cannot be handed to another one. */
#ifdef ARM_UNLOCKED
#define with_action(call)	look_for_action(); unlock(); call()
#else
#define with_action(call)	look_for_action(); call(); unlock()
#endif

inline look_for_action()
{
	lock();
	if
	:: !action -> unlock(); goto out
	:: else
	fi
}

/* P: is_revoked(). */
inline leave_if_revoked()
{
	if
	:: revoked -> alive(); goto out
	:: else
	fi
}

/*
 * W: wake_reader().  C: rcuwait_wake_up() wakes who is in the place, unless he is
 * awake.  Between that it looks and that it wakes he may have left, and be
 * asleep elsewhere: it takes him for woken then as well.
 *
 * C: swake_up_one() takes the first one off the queue, whoever that is, and
 * whether he still sleeps or not.  To look first whether there is anyone makes
 * it no second step: who comes later comes after an empty queue.
 */
inline wake_reader()
{
	d_step { alive(); chosen = first };
	if
	:: d_step { chosen > 0 && chosen == first && dozing -> dozing = false }
	:: chosen > 0 && chosen != first
#ifdef STOP_AT_PLACE
	:: chosen > 0
#endif
	:: !(chosen > 0 && chosen == first && dozing) ->
		atomic {
			if
			:: waiting[0] -> waiting[0] = false
			:: waiting[READERS - 1] -> waiting[READERS - 1] = false
			:: !waiting[0] && !waiting[READERS - 1]
			fi
		}
	fi;
	chosen = 0
}

/* W: has_pollers(), wake_pollers(): in a thread, where handlers are forced into threads. */
inline wake_pollers()
{
	d_step { alive(); triggered = triggered || polling }
}

/* W: wake_all(). */
inline wake_all()
{
	d_step { alive(); dozing = false };
	d_step { alive(); waiting[0] = false; waiting[READERS - 1] = false };
	wake_pollers()
}

/* P: free().  C: __free_irq() takes the action off, and waits for the handler. */
inline free()
{
	lock();
	if
	:: action ->
		d_step { installed = false; shut = true; depth++ };
#ifndef FREE_AT_ONCE
		!inprogress;
#endif
		d_step { action = false; refs-- }
	:: else
	fi;
	unlock()
}

active proctype device()
{
end:	do
	:: d_step {
		events > 0 && !shut && !(asserted && LEVEL) ->
		events--;
		asserted = true;
		fresh = true
	}
	od
}

/* What the program does with the device once it has been told of an event. */
inline serve()
{
	d_step { asserted = asserted && !LEVEL; n = 0 }
}

/*
 * C: handle_level_irq(), handle_edge_irq().  P: handle().
 *
 * The core never runs it twice at once.  What comes meanwhile, or is still
 * there afterwards, calls it again if the line is enabled by then: so to let
 * that wait here is all that the core's loops come to.
 */
active proctype handler()
{
	byte chosen;
	bool was;
end:	do
	:: d_step { !LEVEL && asserted && installed && depth > 0 ->
		asserted = false;
		pending = true
	}
	:: d_step { asserted && installed && depth == 0 ->
#ifdef ALONE
		assert(fresh);	/* Else the count is an echo of one that was told of. */
#endif
		fresh = false;
		asserted = LEVEL;
		inprogress = true;
		owed++
	};
#ifdef WAKE_EARLY
		wake_reader();
#endif
		disable_and(1, false);	/* E: fire() */
#ifndef WAKE_EARLY
		wake_reader();
#endif
		wake_pollers();
		inprogress = false
	od
}

/*
 * C: finish_rcuwait(), finish_swait().  W: the end of sleep().  What it does to
 * the place nobody but the one in it does, and he is awake.
 */
inline leave()
{
	if
	:: in_place ->
		d_step { alive(); first = 0; dozing = false };
		d_step { alive(); in_place = false; taken_place = false }
	:: else -> atomic { waiting[me] = false; alive() }
	fi
}

/*
 * P: read(), again and again until there is an error.  Each one may arm once:
 * who has taken the event that another one woke for has to arm again.
 */
proctype reader(byte me)
{
	byte n, chosen;
	bool was, taken, armed, interrupted, served, in_place;
	do
	::	leave_if_revoked();
		if
		:: fatal && signal(me) ->
			/* Once he has an event, he is killed before the next read(). */
			if
			:: served -> forsaken = true; break
			:: else
			fi;
#ifndef DIE_SILENTLY
			wake_reader();
#endif
			break
		:: else
		fi;
		if
		:: count > 0 ->
			/* P: give(), if the buffer is bad.  He reads no more. */
#ifndef FAIL_SILENTLY
			wake_reader();
#endif
			break
		:: give()
		fi;
		if
		:: n > 0 -> serve(); armed = false; served = true
		:: else ->
			if
			:: !armed -> with_action(arm_if_none); armed = true; served = false
			:: else
			fi;
			/* W: sleep(). */
#ifdef LOOK_EARLY
			if
			:: count > 0 || revoked -> goto finish
			:: else
			fi;
#endif
			d_step { alive(); in_place = !taken_place; taken_place = true };
			if
			:: in_place ->
				/* W: sleep_in_place().  C: prepare_to_rcuwait(), set_current_state(). */
				interrupted = signal(me);
				if
				:: interrupted
				:: else -> first = me + 1; dozing = true
				fi
			:: else ->
				/* W: sleep_on_queue().  C: prepare_to_swait_event(). */
				d_step { alive(); interrupted = signal(me); waiting[me] = !interrupted }
			fi;
#ifndef LOOK_EARLY
			if
			:: count > 0 -> goto finish
			:: else
			fi;
			if
			:: revoked -> goto finish
			:: else
			fi;
#endif
			if
			:: interrupted -> leave(); break
			:: else
			fi;
			/* C: schedule() */
end_asleep:		(in_place -> !dozing : !waiting[me]) || signal(me);
#ifdef HEED_SIGNAL
			if
			:: signal(me) -> leave(); break
			:: else
			fi;
#endif
finish:			leave()
		fi
	od;
out:	users--
}

/* C: poll(2).  P: poll(), and then a read() that does not wait.  Again and again. */
proctype poller()
{
	byte n;
	bool was, taken;
	do
	::
#ifndef REGISTER_LATE
		d_step { alive(); polling = true; triggered = false };
#endif
		do
		::	leave_if_revoked();
			if
			:: count > 0 -> break
			:: else -> with_action(arm_if_none)
			fi;
			if
			:: count > 0 -> break
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
		leave_if_revoked();
		give();
		if
		:: n > 0 -> serve()
		:: else -> with_action(arm_if_none)
		fi
	od;
out:	atomic { polling = false; triggered = false; users-- }
}

/* E: mask(). */
inline mask()
{
	disable_and(0, true)
}

/* P: write(), a few times. */
proctype writer()
{
	byte left = WRITES;
	bool was;
	do
	:: left > 0 -> left--; with_action(arm)
	:: left > 0 -> left--; with_action(mask)
	:: break
	od;
out:	users--
}

/* P: irq_user_revoke(), with revoke(), and then the line is unmapped. */
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
		revoked = true;
#else
		revoked = true;
		wake_all();
#endif
		free();
		refs--
	:: else
	fi;
	d_step { gone = true; assert(!installed && !inprogress) }
}

/* P: forget(). */
inline forget()
{
	d_step { alive(); refs = refs - listed; listed = false }
}

/* P: remember(). */
inline remember()
{
	d_step { alive(); listed = true; refs++ }
}

/* P: open(), claim(); what may happen to the file then; release(). */
init
{
	bool was;
	if
	:: run remover()
	:: true
	fi;

	d_step { refs = 1; masked = true };
	lock();
#ifndef REMEMBER_LATE
	remember();
#endif
	if
	:: norequest -> unlock(); forget(); refs--; goto closed
	:: else
	fi;
	d_step { installed = true; depth = 1; refs++ };
	arm();
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
#ifdef POLLER
		users++;
		run poller();
#endif
#if WRITES
		users++;
		run writer();
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
		/* Somebody is asleep, and nothing will ever happen again: for good reason? */
		assert(!revoked && count == 0);
		assert(!masked || by_hand || forsaken);
		assert(masked || (!asserted && !pending))
	fi;

closed:	timeout ->
	assert(owed == count);
	assert(depth == masked + shut || !installed && !shut);
	assert((refs > 0) == (users > 0) && installed == (users > 0))
}
