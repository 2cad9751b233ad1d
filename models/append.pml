/* append.pml: homes that append to one log (Engine.append and CommitLog.open in engine/).
 *
 * H homes take over whenever they like: each reads the number of the log's last record, appends its epoch, then K commits.
 * A request to append lies in the network as long as it likes, also when its home has long repeated it; it or its
 * answer may be lost, T times for each home. The engine stores a request if the log ends with the number that it
 * expects, and else refuses it. A home that has no answer repeats the same request. One that is refused has been
 * replaced, unless it had repeated the request and the record in that place is its own.
 *
 * Checked: what a home takes for stored is in the log, in that place; nothing is stored twice; behind a home's epoch
 * there is no record of another home but one that begins an epoch of its own; what a home has said not to be stored is not
 * stored later; nobody waits for ever. */
#ifndef H
#define H 2
#endif
#ifndef K
#define K 2
#endif
#ifndef T
#define T 2
#endif
#define R (T + 1)               /* requests of one home that are under way */
#define NONE 255
#define LOG (H * (K + 1) + 1)
byte last, log[LOG];            /* records: 1 + 8 times the home + the number among its own, 0: its epoch */
byte wants[H*R], data[H*R];     /* requests: the number that each expects + 1, 0: none; what it is to store */
byte current[H];                /* the request whose answer its home waits for */
byte answer[H];                 /* 1: stored, 2: refused */
byte left[H];                   /* how often it may go without an answer */
byte done;
/* ghosts */
byte owner = NONE;              /* whose epoch was stored last */
bool stored[8*H + 1], denied[8*H + 1];

#define OWN(h,k) (1 + 8*(h) + (k))
#ifdef BUG_SAME_BYTES           /* records do not tell whose they are */
#define SAME(a,b) (((a) - 1) % 8 == ((b) - 1) % 8)
#else
#define SAME(a,b) ((a) == (b))
#endif

/* request i, which the engine takes when it likes */
proctype wire(byte i) {
  byte h = i / R;
end:
  do
  :: d_step { wants[i] ->
       if
       :: wants[i] - 1 == last ->
            log[last] = data[i]; last++;
            assert(!stored[data[i]] && !denied[data[i]]);
            stored[data[i]] = true;
            if :: data[i] == OWN(h,0) -> owner = h :: else -> assert(owner == h) fi;
            if :: current[h] == i -> answer[h] = 1 :: else fi
       :: else ->
            if :: current[h] == i -> answer[h] = 2 :: else fi
       fi;
       wants[i] = 0 }
  :: d_step { wants[i] && (current[h] != i || left[h]) -> wants[i] = 0 }     /* it is lost */
  od
}

/* a home takes it for stored; says that what it was about to append is not stored, and never will be */
#define STORED(h,k) d_step { assert(log[told] == OWN(h,k)); told++; k++; again = false }
#define DENY(h,k) d_step { assert(!stored[OWN(h,k)]); denied[OWN(h,k)] = true }

proctype home(byte h) {
  byte told, k, i;
  bool again;
  told = last;
  do
  :: k > K -> break
  :: else ->
     d_step {
       i = h*R;
       do :: wants[i] -> i++ :: else -> break od;
       assert(i < (h+1)*R);
       wants[i] = told + 1; data[i] = OWN(h,k);
       current[h] = i; answer[h] = 0 }
     if
     :: answer[h] == 1 -> STORED(h,k)
     :: answer[h] == 2 ->
          if
#ifndef BUG_NO_LOOK             /* a refusal is believed without reading the log */
          :: again && SAME(log[told], OWN(h,k)) -> STORED(h,k)
#endif
#ifdef BUG_PREDICT              /* the next one is sent all the same, as in a pipeline */
          :: else -> told++; k++; again = false
#else
          :: else -> DENY(h,k); goto over
#endif
          fi
     :: d_step { left[h] -> left[h]--; current[h] = NONE };      /* no answer, or too late */
          again = true;
#ifdef BUG_ASK                  /* what to expect is asked anew */
          told = last;
#endif
#ifdef BUG_GIVE_UP              /* it counts as not stored, and the next one is sent */
          DENY(h,k);
          k++; again = false;
#endif
     fi
  od;
over: skip;
  d_step { current[h] = NONE; done++ }
}

init {
  byte h;
  atomic {
    do :: h < H*R -> run wire(h); h++ :: else -> break od;
    h = 0;
    do :: h < H -> left[h] = T; current[h] = NONE; run home(h); h++ :: else -> break od
  }
  timeout -> assert(done == H)
}
