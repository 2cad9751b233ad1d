/* wake.pml: sleeping and waking (_wait.pyx) where no sleep has a time-out.
 *
 * Two producers with a command each, readers that wait for a position, one coordinator; anybody dies anywhere. A
 * sleep ends when it is woken or when the word differs from what the sleeper gave.
 *
 * Checked: nobody sleeps for ever. */
#ifndef MAXC
#define MAXC 1
#endif
byte tail, commit;            /* commit is also the readers' futex word */
byte st[2];                   /* cells: 0 FREE 1 CLAIMED 2 COMMITTED 3 PAD */
byte own[2];
byte CS, RS;                  /* wait words: coordinator's, readers'. odd = somebody may sleep; a waker adds 1 */
byte flag;
bool cq, rq[2];               /* asleep in the kernel */
bool kill[2], ckill, rkill[2], rdone[2], pdone[2]; byte kills;
#ifdef BUG_FLAG_WORDS        /* plain 0/1 words: the waker clears, readers sleep on the commit word */
#define WAKE_C  if :: CS -> d_step { CS = 0 }; cq = 0 :: else fi
#define WAKE_R  if :: RS -> RS = 0; d_step { rq[0] = 0; rq[1] = 0 } :: else fi
#define R_SLEEP d_step { commit == c -> rq[i] = 1 }
#define R_AWAKE commit != c
#define R_ANNOUNCE RS = 1
#define C_ANNOUNCE d_step { CS = 1; w = 1 }
#else
#ifdef BUG_SLEEPER_CLEARS    /* the text: 0/1 word that only the sleeper changes; sleep on it */
#define WAKE_C  if :: CS -> cq = 0 :: else fi
#define WAKE_R  if :: RS -> d_step { rq[0] = 0; rq[1] = 0 } :: else fi
#define R_SLEEP d_step { RS == 1 -> rq[i] = 1 }
#define R_AWAKE RS != 1
#define R_ANNOUNCE RS = 1
#define C_ANNOUNCE d_step { CS = 1; w = 1 }
#else
#define WAKE_C  if :: (CS & 1) -> d_step { k = 0; if :: (CS & 1) -> CS = (CS+1) & 15; k = 1 :: else fi }; if :: k -> cq = 0 :: else fi :: else fi
#define WAKE_R  if :: (RS & 1) -> RS = (RS+1) & 15; d_step { rq[0] = 0; rq[1] = 0 } :: else fi
#define R_SLEEP d_step { RS == w -> rq[i] = 1 }
#define R_AWAKE RS != w
#define R_ANNOUNCE d_step { RS = RS | 1; w = RS }
#define C_ANNOUNCE d_step { CS = CS | 1; w = CS }
#endif
#endif

proctype producer(byte i) {
  byte t, k, w;
  { atomic { t = tail; tail++; st[t] = 1; own[t] = i };
    flag = (flag > t + 1 -> flag : t + 1);
#ifdef BUG_NO_FENCE         /* StoreLoad: the look at the sleeper word passes the commit */
    w = CS; st[t] = 2;
    if :: (w & 1) -> CS = (w+1) & 15; cq = 0 :: else fi;
#else
    st[t] = 2;
    WAKE_C;
#endif
    pdone[i] = 1
  } unless { kill[i] }
}
proctype coordinator() {
  byte e, w;
restart:
  { e = commit;
#ifndef BUG_NO_TAKEOVER_WAKE
    RS = (RS + 2) & 14; d_step { rq[0] = 0; rq[1] = 0 };   /* unconditional */
#endif
    do
    :: e < 2 && (st[e] == 2 || st[e] == 3) -> e++;
    :: e < 2 && st[e] == 1 && kill[own[e]] -> st[e] = 3
#ifdef BUG_NO_FENCE_R       /* StoreLoad on the coordinator's side */
    :: e > commit -> w = RS; commit = e;
       if :: (w & 1) -> RS = (RS+1) & 15; d_step { rq[0] = 0; rq[1] = 0 } :: else fi; w = 0
#else
    :: e > commit -> commit = e; WAKE_R
#endif
    :: e == commit && (e == 2 || !(st[e] == 2 || st[e] == 3)) ->
       if :: e < 2 && st[e] == 1 && kill[own[e]] -> skip
          :: else ->
             C_ANNOUNCE;
             if
             :: e < 2 && st[e] >= 2 -> skip                /* re-check */
             :: e < 2 && st[e] == 1 ->                     /* a claim at head: bounded sleep, re-prove */
end1:           st[e] != 1 || kill[own[e]] || CS != w
             :: else ->
                if :: d_step { CS == w -> cq = 1; w = 0 };
end2:                 cq == 0
                   :: CS != w
                fi
#if defined(BUG_SLEEPER_CLEARS) || defined(BUG_FLAG_WORDS)
                ; CS = 0
#endif
             fi
       fi
    od
  } unless { d_step { ckill -> ckill = 0; cq = 0; e = 0 } };
  goto restart
}
proctype reader(byte i) {
  byte F, c, w, k;
  { F = flag;
    do
    :: commit >= F -> break
    :: commit < F ->
       R_ANNOUNCE;
       c = commit;
       if :: c >= F -> break :: else fi;
#ifndef BUG_NO_WAITER_WAKES   /* who waits, wakes: unconditionally (a killed waker may have left CS even) */
       d_step { if :: (CS & 1) -> CS = (CS+1) & 15 :: else fi }; cq = 0;
#endif
       if :: R_SLEEP; rq[i] == 0
          :: R_AWAKE
       fi;
       w = 0; 
#ifdef BUG_SLEEPER_CLEARS
       RS = 0
#endif
    od;
    rdone[i] = 1
  } unless { d_step { rkill[i] -> rq[i] = 0 } }
}
proctype killer() {
  byte i;
  do
  :: kills < MAXC && !kill[0] && !pdone[0] -> d_step { kill[0] = 1; kills++ }
  :: kills < MAXC && !kill[1] && !pdone[1] -> d_step { kill[1] = 1; kills++ }
  :: kills < MAXC && !ckill -> d_step { ckill = 1; kills++ }
  :: kills < MAXC && !rkill[0] && !rdone[0] -> d_step { rkill[0] = 1; kills++ }
  :: break
  od
}
init { atomic { run coordinator(); run producer(0); run producer(1); run reader(0);
#ifndef ONE_READER
  run reader(1);
#else
  rdone[1] = 1;
#endif
  run killer() }
  timeout ->
  assert(rdone[0] || rkill[0]); assert(rdone[1] || rkill[1]);
  assert(pdone[0] || kill[0]); assert(pdone[1] || kill[1])
}
