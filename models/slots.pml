/* slots.pml: two-version slots, heap blocks, one commit position, readers' snapshots, successors (_slots.pyx,
 * _heap.pyx, coordinator/_store.pyx and _recovery.pyx).
 *
 * Commands 1..P may each write either of two attributes, both or none, and a replayed one may write something else.
 * A value is two words in a block. The coordinator dies between any two steps, MAXC times. A reader takes both
 * attributes at one C, its steps anywhere between the others'. -DGENCHECK: a copied block is validated by its
 * generation, as built; without: by the slot's tag.
 *
 * Checked: a reader gets what was true at one commit position, and never has to wait. */
#ifndef MAXC
#define MAXC 1
#endif
#ifndef P
#define P 3           /* commands; positions 1..P */
#endif
#ifndef NB
#define NB 6          /* heap blocks */
#endif
#define W 15          /* WRITING / EMPTY: greater than every position */
byte tag[4], blk[4];          /* version v of slot s is [s*2+v] */
byte b0[NB], b1[NB];          /* block contents: two words */
byte commit;
#ifdef GENCHECK
byte gen[NB], vgen[4];        /* block generation, bumped before a freed block is written again; a reference carries it */
#endif
/* ghosts */
byte hx[P+1], hy[P+1];        /* what is true at a commit position */
bool ckill; byte kills;
byte fresh = 1;               /* value generator (bounded) */
bool rdone;

#define CUR(s,c,x) x = W; \
  if :: tag[(s)*2] <= c -> x = 0 :: else fi; \
  if :: tag[(s)*2+1] <= c && (x == W || tag[(s)*2+1] > tag[(s)*2]) -> x = 1 :: else fi

#ifdef BUG_OLDER        /* literally "take the older version" */
#define VICTIM(s,c,x) x = (tag[(s)*2+1] < tag[(s)*2] -> 1 : 0)
#else                   /* the version that is NOT the greatest tag <= commit */
#define VICTIM(s,c,x) CUR(s,c,x); assert(x != W); x = 1 - x
#endif

#ifdef BUG_TWICE        /* publishes at every command, commits per batch */
#define PUBNOW 1
#else
#define PUBNOW 0
#endif

proctype coordinator() {
  byte c, e, x, s, v, b, m[2], dirty; bool used[NB];
restart:
  {
    c = commit;
    /* 1. drop uncommitted versions */
#ifndef BUG_NO_INVALIDATE
    s = 0; do :: s < 4 -> if :: tag[s] > c && tag[s] != W -> tag[s] = W :: else fi; s++ :: else -> break od;
#endif
    /* 2. mirrors and used blocks from the versions */
    skip;
    d_step {
      s = 0;
      do :: s < 2 -> CUR(s,c,x); assert(x != W); m[s] = b0[blk[s*2+x]]; used[blk[s*2+x]] = 1;
                     assert(b0[blk[s*2+x]] == b1[blk[s*2+x]]); assert(m[s] == (s == 0 -> hx[c] : hy[c]));
#ifndef BUG_REBUILD   /* the older version's block stays reserved: a slow reader may be copying it */
                     if :: tag[s*2+1-x] <= c -> used[blk[s*2+1-x]] = 1 :: else fi;
#endif
                     s++
         :: else -> break od;
      e = c; s = 0; x = 0 };
end:do
    :: e < P && dirty < 16 ->          /* execute one command */
       d_step { e++; fresh = 1 + fresh % 7 };
       if :: skip
          :: d_step { m[0] = fresh; dirty = dirty | 1 }
          :: d_step { m[1] = fresh; dirty = dirty | 2 }
          :: d_step { m[0] = fresh; m[1] = fresh; dirty = dirty | 3 }
       fi;
       if :: PUBNOW -> dirty = dirty | 16 :: else fi
    :: e > c && (!PUBNOW || dirty >= 16) ->   /* publish each dirty slot once */
       s = 0;
       do
       :: s < 2 ->
          if :: (dirty & (s + 1)) ->
             d_step { VICTIM(s,c,v) ; v = s*2 + v; b = blk[v] };
#ifdef BUG_FREE_FIRST      /* frees (and may reuse) the victim's block before the tag says WRITING */
             if :: b < NB && tag[v] <= c -> used[b] = 0 :: else fi;
#else
             d_step { if :: tag[v] <= c -> x = 1 :: else -> x = 0 fi; tag[v] = W };
             if :: x == 1 -> used[b] = 0 :: else fi;
#endif
             d_step { b = 0; do :: used[b] -> b++ :: else -> break od; assert(b < NB); used[b] = 1; x = 0 };
#ifdef GENCHECK
             gen[b]++;
#endif
             b0[b] = m[s];
             b1[b] = m[s];
#ifdef BUG_FREE_FIRST
             tag[v] = W;
#endif
             blk[v] = b;
#ifdef GENCHECK
             vgen[v] = gen[b];
#endif
             tag[v] = e
          :: else fi;
          s++
       :: else -> break
       od;
       s = 0;
       if
       :: PUBNOW && e < P -> d_step { dirty = 0; }            /* next command of the same batch */
       :: skip;
          d_step { commit = e; hx[e] = m[0]; hy[e] = m[1] };
          c = e; dirty = 0
       fi
    od
  } unless { d_step { ckill -> ckill = 0; c = 0; e = 0; x = 0; s = 0; v = 0; b = 0; m[0] = 0; m[1] = 0; dirty = 0;
      b = 0; do :: b < NB -> used[b] = 0; b++ :: else -> break od; b = 0 } };
  goto restart
}

/* reads header {tag, block} of slot s at position c; then copies the block; then checks the tag */
#define HEADER(s, tv, bv) \
   t0 = tag[(s)*2]; t1 = tag[(s)*2+1]; \
   d_step { v = W; if :: t0 <= c -> v = 0 :: else fi; if :: t1 <= c && (v == W || t1 > t0) -> v = 1 :: else fi; \
            tv = (v == 0 -> t0 : t1); t0 = 0; t1 = 0 }; \
   if :: v == W -> assert(commit != c); goto again :: else fi; \
   bv = blk[(s)*2+v]; LOADGEN(s) \
   if :: tag[(s)*2+v] != tv -> assert(commit != c); goto again :: else fi

#ifdef GENCHECK   /* long copies: the header is validated by the tag, the copy by the block's generation */
#define LOADGEN(s) g = vgen[(s)*2+v];
#define COPYCHK(s,tv,bv) gen[bv] != g
#else
#define LOADGEN(s)
#define COPYCHK(s,tv,bv) tag[(s)*2+v] != tv
#endif
#define COPY(s, tv, bv, w) \
   w = b0[bv]; w1 = b1[bv]; \
   if :: COPYCHK(s,tv,bv) -> assert(commit != c); goto again :: else fi; \
   assert(w == w1)

proctype reader() {
  byte c, t0, t1, v, tv, bv, x, y, w1;
#ifdef GENCHECK
  byte g;
#endif
again:
   c = commit;
   d_step { t0 = 0; t1 = 0; v = 0; tv = 0; bv = 0; x = 0; y = 0; w1 = 0 };
   HEADER(0, tv, bv);
   COPY(0, tv, bv, x);
   d_step { tv = 0; bv = 0; v = 0; w1 = 0 };
   HEADER(1, tv, bv);
   COPY(1, tv, bv, y);
   d_step { assert(x == hx[c] && y == hy[c]); rdone = 1; c = 0; x = 0; y = 0; tv = 0; bv = 0; v = 0; w1 = 0 }
}

proctype killer() { do :: kills < MAXC && !ckill -> d_step { ckill = 1; kills++ } :: break od }

init {
  atomic {
    tag[0] = 0; tag[1] = W; tag[2] = 0; tag[3] = W; blk[0] = 0; blk[1] = 0; blk[2] = 1; blk[3] = 1;
    run coordinator(); run reader(); run killer();
  }
  timeout -> assert(rdone); assert(commit == P)
}
