/* wake.pml: sleeping and waking (_wait.pyx; await_commit in _control.pyx, wait_for_work and wait_for_claim in
 * coordinator/_loop.pyx), across deaths.
 *
 * PRODUCERS producers with a command each, READERS readers that wait for a position, one coordinator; anybody dies
 * anywhere, MAXC deaths in all. A sleep ends when it is woken or when the word differs from what the sleeper gave.
 * Time-outs are used for proofs of death only: a reader's sleep ends also when the coordinator is dead, and it has a
 * successor started (elect.pml); without a reader that waits a dead coordinator has none. With a claim at head the
 * coordinator's sleep ends also when the claim's owner is dead.
 *
 * Checked: nobody sleeps for ever. */
#ifndef MAXC
#define MAXC 1
#endif
#ifndef PRODUCERS
#define PRODUCERS 2
#endif
#ifndef READERS
#define READERS 1
#endif
byte tail, commit;            /* commit is also the readers' futex word */
byte st[2];                   /* cells: 0 FREE 1 CLAIMED 2 COMMITTED 3 PAD */
byte own[2];
byte CS, RS;                  /* wait words: coordinator's, readers'. odd = somebody may sleep; a waker adds 1 */
byte flag;
bool cq, rq[2];               /* asleep in the kernel */
bool kill[2], ckill, rkill[2], rdone[2], pdone[2], lost, started; byte kills;
#ifdef BUG_FLAG_WORDS        /* plain 0/1 words: the waker clears, readers sleep on the commit word */
#define WAKE_C  if :: CS -> d_step { CS = 0 }; cq = 0 :: else fi
#define WAKE_R  if :: RS -> RS = 0; d_step { rq[0] = 0; rq[1] = 0 } :: else fi
#define R_SLEEP d_step { commit == c -> rq[i] = 1 }
#define R_AWAKE commit != c
#define R_ANNOUNCE RS = 1
#define C_ANNOUNCE d_step { CS = 1; w = 1 }
#define WAKE_C_ALWAYS CS = 0; cq = 0
#define WAKE_R_ALWAYS RS = 0; d_step { rq[0] = 0; rq[1] = 0 }
#else
#ifdef BUG_SLEEPER_CLEARS    /* 0/1 words that only the sleeper changes; it sleeps on them */
#define WAKE_C  if :: CS -> cq = 0 :: else fi
#define WAKE_R  if :: RS -> d_step { rq[0] = 0; rq[1] = 0 } :: else fi
#define R_SLEEP d_step { RS == 1 -> rq[i] = 1 }
#define R_AWAKE RS != 1
#define R_ANNOUNCE RS = 1
#define C_ANNOUNCE d_step { CS = 1; w = 1 }
#define WAKE_C_ALWAYS cq = 0
#define WAKE_R_ALWAYS d_step { rq[0] = 0; rq[1] = 0 }
#else
#define WAKE_C  w = CS; if :: (w & 1) -> d_step { if :: CS == w -> CS = (CS+1) & 7; w = 8 :: else fi }; if :: w == 8 -> cq = 0 :: else fi :: else fi; w = 0
#define WAKE_R  w = RS; if :: (w & 1) -> d_step { if :: RS == w -> RS = (RS+1) & 7; w = 8 :: else fi }; if :: w == 8 -> d_step { rq[0] = 0; rq[1] = 0 } :: else fi :: else fi; w = 0
#define R_SLEEP d_step { RS == w -> rq[i] = 1 }
#define R_AWAKE RS != w
#define R_ANNOUNCE d_step { RS = RS | 1; w = RS }
#define C_ANNOUNCE d_step { CS = CS | 1; w = CS }
#define WAKE_C_ALWAYS d_step { CS = (CS+2) & 7 }; cq = 0
#define WAKE_R_ALWAYS d_step { RS = (RS+2) & 7 }; d_step { rq[0] = 0; rq[1] = 0 }
#endif
#endif

proctype producer(byte i) {
  byte t, w;
  { atomic { t = tail; tail++; st[t] = 1; own[t] = i };
    flag = (flag > t + 1 -> flag : t + 1);
    st[t] = 2;
    WAKE_C;
    pdone[i] = 1
  } unless { kill[i] }
}
proctype coordinator() {
  byte e, w;
restart:
  { e = commit;
#ifndef BUG_NO_TAKEOVER_WAKE
    if :: kills -> WAKE_R_ALWAYS :: else fi;
#endif
    do
    :: e < PRODUCERS && (st[e] == 2 || st[e] == 3) -> e++;
    :: e < PRODUCERS && e == commit && st[e] == 1 && kill[own[e]] -> st[e] = 3
#ifdef BUG_NO_FENCE_R       /* StoreLoad on the coordinator's side */
    :: e > commit -> w = RS; commit = e;
       if :: (w & 1) -> RS = (RS+1) & 7; d_step { rq[0] = 0; rq[1] = 0 } :: else fi; w = 0
#else
    :: e > commit -> commit = e; WAKE_R
#endif
    :: e == commit && (e == PRODUCERS || !(st[e] == 2 || st[e] == 3)) ->
       if :: e < PRODUCERS && st[e] == 1 && kill[own[e]] -> skip
          :: else ->
             C_ANNOUNCE;
             if
             :: e < PRODUCERS && st[e] >= 2 -> skip                /* re-check */
             :: e < PRODUCERS && st[e] == 1 ->                     /* a claim at head: bounded sleep, re-prove */
#ifdef BUG_NO_CLAIM_PROOF
end1:           st[e] != 1 || CS != w
#else
end1:           st[e] != 1 || kill[own[e]] || CS != w
#endif
             :: else ->
                if :: d_step { CS == w -> cq = 1; w = 0 };
end2:                 cq == 0
                   :: CS != w
                fi
#if defined(BUG_SLEEPER_CLEARS) || defined(BUG_FLAG_WORDS)
                ; CS = 0
#endif
             fi
       fi;
       w = 0
    od
  } unless { d_step { ckill -> ckill = 0; cq = 0; e = 0; w = 0; lost = 1 } };
end3: d_step { started -> started = 0; lost = 0 };
  goto restart
}
proctype reader(byte i) {
  byte F, c, w;
  { F = flag;
    do
    :: commit >= F -> break
    :: commit < F ->
       R_ANNOUNCE;
       c = commit;
       if :: c >= F -> break :: else fi;
#ifndef BUG_NO_WAITER_WAKES   /* who waits, wakes: unconditionally (a killed waker may have left CS even) */
       WAKE_C_ALWAYS;
#endif
       if
       :: R_SLEEP;
          if
          :: rq[i] == 0
#ifndef BUG_NO_PROOF          /* the sleep has a time-out, after which the reader looks after the coordinator */
          :: lost -> d_step { rq[i] = 0; started = lost }
#endif
          fi
       :: R_AWAKE
       fi;
       d_step { w = 0; c = 0 };
#ifdef BUG_SLEEPER_CLEARS
       RS = 0
#endif
    od;
    atomic { rdone[i] = 1; F = 0; c = 0; w = 0 }
  } unless { d_step { rkill[i] -> rq[i] = 0; F = 0; c = 0; w = 0 } }
}
proctype killer() {
  end: do
  :: d_step { kills < MAXC && !kill[0] && !pdone[0] -> kill[0] = 1; kills++ }
  :: d_step { kills < MAXC && !kill[1] && !pdone[1] -> kill[1] = 1; kills++ }
  :: d_step { kills < MAXC && !ckill && !lost -> ckill = 1; kills++ }
  :: d_step { kills < MAXC && !rkill[0] && !rdone[0] -> rkill[0] = 1; kills++ }
  od
}
init { atomic { run coordinator(); run producer(0);
#if PRODUCERS > 1
  run producer(1);
#else
  pdone[1] = 1;
#endif
  run reader(0);
#if READERS > 1
  run reader(1);
#else
  rdone[1] = 1;
#endif
  run killer() }
  timeout ->
  assert(rdone[0] || rkill[0]); assert(rdone[1] || rkill[1]);
  assert(pdone[0] || kill[0]); assert(pdone[1] || kill[1])
}
