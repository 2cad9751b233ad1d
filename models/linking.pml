/* Transactions on several objects, which may make one refer to another; a method that writes through such a reference;
 * a reader of what it wrote.
 * T changes X and Y in one command: it may store a reference to X in Y, or not. W calls a method of Y, whose plan names
 * only Y; if there is the reference, it writes X. R reads X after W's call has returned. If T comes before W in the
 * ring and has made the reference, R must see W's write.
 * One word has a bit, "references exist", and the number of commands that may make one. T counts itself before its claim.
 * W looks at the word after its claim; if it is not 0, W raises the share-wide flag, for which R waits. The coordinator
 * sets the bit before it stores C, and takes T from the number after that. T may die anywhere, the coordinator too.
 *   -DBUG_COUNT_LATE   T counts itself after its claim
 *   -DBUG_BIT_LATE     the coordinator sets the bit after it has stored C and counted
 *   -DBUG_DOWN_EARLY   it counts before it sets the bit
 *   -DBUG_LOOK_FIRST   W looks at the word before its claim                                                            */
#define FREE 0
#define CLAIMED 1
#define COMMITTED 2
#define PAD 3
#define RAISE(f, e) d_step { if :: f < (e) -> f = (e) :: else fi }
#ifndef TS
#define TS 1                    /* transactions */
#endif
byte stamp[4]; byte kind[4];    /* 1: T, 2: W */
byte owner[4], ends;            /* of a T; how many of them have ended */
byte tail, C, wide;
bit exist; byte number;         /* the two parts of one word: looked at in one step */
bit linked;                     /* what C says */
byte posW;                      /* end position of W */
bit returned, missed;           /* W has; R has read what was there before W */
bit dead[TS], deadC;
byte finished;

inline claim(what, me) { d_step { t = tail; stamp[t] = CLAIMED; kind[t] = what; owner[t] = me; tail = tail + 1 } }

proctype T(byte me) { byte t;
  {
#ifndef BUG_COUNT_LATE
    d_step { number = number + 1 };
#endif
    claim(1, me);
#ifdef BUG_COUNT_LATE
    d_step { number = number + 1 };
#endif
    RAISE(wide, t + 1);
    stamp[t] = COMMITTED
  } unless { dead[me] };
  ends++; finished++
}

proctype W() { byte t; bit high;
#ifdef BUG_LOOK_FIRST
  high = (exist || number > 0);
#endif
  claim(2, 0); posW = t + 1;
#ifndef BUG_LOOK_FIRST
  high = (exist || number > 0);
#endif
  if :: high -> RAISE(wide, t + 1) :: else fi;
  stamp[t] = COMMITTED; returned = 1; finished++
}

proctype R() { byte f;
  returned; f = wide; C >= f;
  missed = (C < posW); finished++
}

/* Each command has a group of its own here; for T the code sees to that. */
proctype Coordinator() { byte e; bit now;
again:
  {
    do
    :: e = C;
       if
       :: e == tail && returned && ends == TS -> break
       :: e < tail && stamp[e] == CLAIMED && kind[e] == 1 && dead[owner[e]] -> stamp[e] = PAD
       :: e < tail && (stamp[e] == PAD || stamp[e] == COMMITTED && kind[e] == 2) ->
          if :: stamp[e] != PAD && linked -> assert(!missed) :: else fi;
          C = e + 1
       :: e < tail && stamp[e] == COMMITTED && kind[e] == 1 ->
          if :: now = 1 :: now = linked fi;
#ifdef BUG_DOWN_EARLY
          d_step { number = number - 1 };
#endif
#ifndef BUG_BIT_LATE
          if :: now -> exist = 1 :: else fi;
#endif
          d_step { C = e + 1; linked = now };
#ifndef BUG_DOWN_EARLY
          d_step { number = number - 1 };
#endif
#ifdef BUG_BIT_LATE
          if :: now -> exist = 1 :: else fi;
#endif
       fi
    od
  } unless { deadC };
  if :: deadC -> deadC = 0; goto again :: else -> finished++ fi
}

proctype Killer() {
  if :: dead[0] = 1 :: skip fi;
  if :: deadC = 1 :: skip fi
}

init {
  byte i;
  atomic {
    for (i : 0 .. TS - 1) { run T(i) }
    run W(); run R(); run Coordinator(); run Killer()
  };
  timeout -> assert(finished == TS + 3)   /* nobody waits for ever */
}
