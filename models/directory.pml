/* directory.pml: the names of a share and the objects that they stand for (root, assign, publish, settle and load in
 * coordinator/_store.pyx, rebuild_allocators in _recovery.pyx, client/_namespace.pyx, read_slot in client/_proxy.pyx).
 *
 * Commands 1..P, each any of: delete name 0, name 0 = a value, name 1 = a value; with -DOBJECTS: delete name 0, name 0 =
 * a new object. A replayed one may fail (FAILS of them). A name gets a cell (flag and slot) when it is first assigned and
 * keeps it, deleted or not; the directory, two versions as in a slot, says which. An object's cell is given back when
 * the commit that deletes the object is done. All cells come from one pool. A writer raises the flag of the name's cell
 * if it knows that, else the root's. The coordinator dies between any two steps, MAXC times; a successor groups
 * otherwise and takes other cells. A reader looks names up, keeping the cells that it has learned of, and reads the
 * objects that it finds. The words of one version are written and read in one step (slots.pml takes them apart).
 *
 * Checked: a look-up that begins after a write has returned sees it; what it gives was true at one commit position; a
 * name's cell is that name's for ever; an object is never taken for another, and is said to be deleted only when it
 * is; nobody retries for ever. */
#ifndef MAXC
#define MAXC 1
#endif
#ifndef P
#define P 3
#endif
#ifndef LOOKS
#define LOOKS 2                 /* look-ups of the reader */
#endif
#ifndef FAILS
#define FAILS 1                 /* commands that raise instead */
#endif
#define NS 4                    /* cells */
#define NI 11                   /* ids */
#define W 15                    /* no tag */
#define DELETED 63
#define SETX 0
#define NEWX 1
#define DELX 2
#define SETY 3
byte commit, q;
byte cmd[P+1];
byte rootflag, flag[NS];
byte dtag[2], dx[2], dy[2];     /* the directory: a name's cell + 1, and 8 times its owner */
byte tag[2*NS], val[2*NS], ref[2*NS], owner[NS];    /* slots; ref: an object's cell + 1; a value is 16 + its command */
byte nextid = 1;
/* ghosts */
byte retx, rety;                /* the last write to each name that has returned */
byte hx[P+1], hy[P+1];          /* what a name stands for at a commit position, 0: nothing */
byte gone[NI];                  /* the position that deleted an object */
bool ckill, rdone; byte kills, fails;

#define MAX(a,b) ((a) > (b) -> (a) : (b))
#define FIND(a,b,c) ((a) <= (c) && ((b) > (c) || (a) > (b)) -> 0 : ((b) <= (c) -> 1 : W))
#define CUR(s,c) FIND(tag[2*(s)], tag[2*(s)+1], c)
#define BIT(s) (1 << (s))

/* the next version of slot s */
#define PUBLISH(s,x,r) \
  d_step { v = CUR(s,c); v = 2*(s) + (v == W -> 0 : 1 - v); tag[v] = W }; \
  d_step { val[v] = x; ref[v] = r }; \
  d_step { tag[v] = e; v = 0 }

/* a free cell for a new owner: s. Its id is given out before, in shared memory. A successor takes others */
#define ASSIGN \
  d_step { if :: kills % 2 -> s = NS - 1; do :: (used & BIT(s)) -> s-- :: else -> break od \
              :: else -> s = 0; do :: (used & BIT(s)) -> s++ :: else -> break od fi; \
           assert(s < NS); used = used | BIT(s); o = nextid; nextid++; assert(nextid < NI); \
           tag[2*s] = W; tag[2*s+1] = W }; \
  d_step { owner[s] = o; o = 0 }

proctype coordinator()
{
  byte c, e, s, v, o, used, made, doomed, rx, ry, x, xc, y; bool xd, yd, dd;
restart:
  { c = commit;
#ifndef BUG_NO_DROP
    d_step { if :: dtag[0] > c -> dtag[0] = W :: else fi; if :: dtag[1] > c -> dtag[1] = W :: else fi };
#endif
    d_step { do :: s < 2*NS -> if :: tag[s] > c -> tag[s] = W :: else fi; s++ :: else -> s = 0; break od };
    skip;
    d_step {                            /* load */
      v = FIND(dtag[0], dtag[1], c); assert(v != W); rx = dx[v] % 8; ry = dy[v] % 8; used = 0;
      if :: rx -> v = CUR(rx - 1, c); assert(v != W); v = v + 2*(rx - 1); x = val[v]; xc = ref[v];
                  used = used | BIT(rx - 1)
         :: else -> x = 0; xc = 0 fi;
      if :: xc -> used = used | BIT(xc - 1); v = CUR(xc - 1, c); assert(v != W && val[2*(xc-1)+v] == x)
         :: else fi;
      if :: ry -> v = CUR(ry - 1, c); assert(v != W); v = v + 2*(ry - 1); y = val[v]; used = used | BIT(ry - 1)
         :: else -> y = 0 fi;
      assert(x == hx[c] && y == hy[c]);
#ifdef BUG_ID_AGAIN                     /* ids begin after those in use */
      nextid = (xc -> x : 0);
      if :: rx -> nextid = MAX(nextid, owner[rx-1]) :: else fi;
      if :: ry -> nextid = MAX(nextid, owner[ry-1]) :: else fi;
      nextid++;
#endif
      s = 0; v = 0 };
    do                                  /* what is not used is nobody's */
    :: d_step { do :: s < NS && ((used & BIT(s)) || !owner[s]) -> s++ :: else -> break od };
       if
       :: s < NS -> d_step { tag[2*s] = W; tag[2*s+1] = W }; owner[s] = 0
       :: else -> d_step { s = 0; e = c }; break
       fi
    od;
end:do
    :: e < q && e < c + 2 ->            /* one command more in this group */
       e++;
       if
       :: kills && fails < FAILS -> fails++     /* it fails, this time */
       :: cmd[e] == DELX && !x -> skip
       :: cmd[e] == DELX && x -> d_step {
            if :: xc && (made & BIT(xc - 1)) -> made = made & ~BIT(xc - 1); o = xc
               :: xc && !(made & BIT(xc - 1)) -> doomed = doomed | BIT(xc - 1)
               :: else fi;
            x = 0; xc = 0; xd = 1 }
       :: cmd[e] == SETX || cmd[e] == NEWX ->
          if :: !rx -> ASSIGN; d_step { rx = s + 1; s = 0; dd = 1 } :: else fi;
#ifdef BUG_EARLY                        /* an object's cell is free as soon as its deletion has run */
          if :: xc -> used = used & ~BIT(xc - 1) :: else fi;
#endif
          if
          :: cmd[e] == NEWX -> ASSIGN; s++
          :: else
          fi;
          d_step {
            if :: xc && (made & BIT(xc - 1)) -> made = made & ~BIT(xc - 1)
               :: xc && !(made & BIT(xc - 1)) -> doomed = doomed | BIT(xc - 1)
               :: else fi;
            xc = s; xd = 1; s = 0;
            if :: xc -> made = made | BIT(xc - 1); doomed = doomed & ~BIT(xc - 1); x = owner[xc - 1]
               :: else -> x = 16 + e fi }
       :: cmd[e] == SETY ->
          if :: !ry -> ASSIGN; d_step { ry = s + 1; s = 0; dd = 1 } :: else fi;
          d_step { y = 16 + e; yd = 1 }
       fi;
       o = 0
    :: e > c ->
       if :: made -> PUBLISH(xc - 1, x, 0) :: else fi;
       if :: xd -> PUBLISH(rx - 1, x, xc) :: else fi;
       if :: yd -> PUBLISH(ry - 1, y, 0) :: else fi;
#ifdef BUG_FREE_NAME                    /* a deleted name's cell is given back */
       if :: xd && !x -> rx = 0; dd = 1 :: else fi;
#endif
#ifdef BUG_DIRECTORY_LATE               /* the directory is published by a commit of its own, the next */
       skip;
#else
       if
       :: dd -> d_step { v = FIND(dtag[0], dtag[1], c); v = 1 - v; dtag[v] = W };
          dx[v] = (rx -> 8*owner[rx-1] + rx : 0); dy[v] = (ry -> 8*owner[ry-1] + ry : 0);
          dtag[v] = e; v = 0
       :: else
       fi;
#endif
       do
       :: d_step { do :: s < NS && !(doomed & BIT(s)) -> s++ :: else -> break od };
          if :: s < NS -> PUBLISH(s, DELETED, 0); s++ :: else -> s = 0; break fi
       od;
       skip;
       d_step { commit = e; hx[e] = x; hy[e] = y;
                do :: s < NS -> if :: (doomed & BIT(s)) -> gone[owner[s]] = e :: else fi; s++
                   :: else -> s = 0; break od };
       do                               /* settle: what held a block is emptied, then the cells are free */
       :: d_step { do :: s < NS && !(doomed & BIT(s)) -> s++ :: else -> break od };
          if :: s < NS -> d_step { v = 1 - CUR(s, e); tag[2*s+v] = W; v = 0; s++ } :: else -> s = 0; break fi
       od;
       skip;
       d_step { c = e; used = 0; doomed = 0; made = 0; xd = 0; yd = 0;
#ifndef BUG_DIRECTORY_LATE
                dd = 0;
#endif
                if :: rx -> used = used | BIT(rx - 1) :: else fi;
                if :: ry -> used = used | BIT(ry - 1) :: else fi;
                if :: xc -> used = used | BIT(xc - 1) :: else fi }
    od
  } unless { d_step { ckill -> ckill = 0; c = 0; e = 0; s = 0; v = 0; o = 0; used = 0; made = 0; doomed = 0;
                      rx = 0; ry = 0; x = 0; xc = 0; y = 0; xd = 0; yd = 0; dd = 0 } };
  goto restart
}

/* stands for any number of writers, one after the other, each of which knows the name's cell or not */
#define WRITE(k,d) \
  atomic { q < P -> v = FIND(dtag[0], dtag[1], commit); r = (v == W -> 0 : d[v] % 8); cmd[q+1] = k; \
           if :: r -> flag[r-1] = q + 1 :: rootflag = q + 1 fi; \
           q++; if :: k == SETY -> rety = q :: else -> retx = q fi; r = 0; v = 0 }
proctype writer()
{
  byte v, r;
  do
  :: WRITE(DELX, dx)
#ifdef OBJECTS
  :: WRITE(NEWX, dx)
#else
  :: WRITE(SETX, dx)
  :: WRITE(SETY, dy)
#endif
  :: q == P -> break
  od
}

proctype reader()
{
  byte g, c, t, n, v, f, x, r, o, cx, cy, ox, oy, seen = W, i; bool name;
  do
  :: i == LOOKS -> i = 0; break
  :: i < LOOKS ->
     if :: d_step { name = 0; i++; g = retx }
#ifndef OBJECTS
        :: d_step { name = 1; i++; g = rety }
#endif
     fi;
     if
     :: (name == 0 -> cx : cy) == 0 ->          /* refresh */
#ifndef BUG_NO_ROOT_WAIT
        f = rootflag;
#endif
table:  atomic { commit >= f -> c = commit };
#ifdef BUG_NEWEST                               /* without looking at C */
        d_step { v = FIND(dtag[0], dtag[1], W - 1); t = dtag[v] };
#else
        d_step { v = FIND(dtag[0], dtag[1], c); if :: v != W -> t = dtag[v] :: else fi };
#endif
        if
        :: v != W && t == seen -> skip
        :: v == W -> d_step { commit != c -> v = 0 }; goto table
        :: else ->
           x = dx[v];
           r = dy[v];
           if
           :: dtag[v] != t -> d_step { commit != c -> v = 0; t = 0; x = 0; r = 0 }; goto table
           :: else
           fi;
#ifdef BUG_TAG_LATER                            /* keeps the tag that it finds now with the table from before */
           d_step { v = FIND(dtag[0], dtag[1], commit); t = dtag[v] };
#endif
           d_step { seen = t;
             if :: !cx && x -> cx = x % 8; ox = x / 8 :: else fi;
             if :: !cy && r -> cy = r % 8; oy = r / 8 :: else fi;
             x = 0; r = 0 }
        fi;
        d_step { v = 0; t = 0; f = 0 }
     :: else
     fi;
     r = (name == 0 -> cx : cy);
     if
     :: r == 0 -> assert(c >= g && (name == 0 -> hx[c] : hy[c]) == 0)
     :: else ->
        f = rootflag;
#ifndef BUG_ROOT_ONLY
        f = MAX(f, flag[r-1]);
#endif
cell:   atomic { commit >= f -> c = commit };
        d_step { v = CUR(r-1, c); if :: v != W -> v = v + 2*(r-1); t = tag[v] :: else fi };
        if :: v == W -> d_step { (commit != c) -> v = 0 }; goto cell :: else fi;
        d_step { x = val[v]; n = ref[v] };
        o = owner[r-1];
        if :: tag[v] != t -> d_step { (commit != c) -> v = 0; o = 0; x = 0; t = 0; n = 0 }; goto cell :: else fi;
        d_step {
          assert(o == (name == 0 -> ox : oy));          /* the cell is that name's */
          assert(c >= g && x == (name == 0 -> hx[c] : hy[c]));
          r = n; v = 0; o = 0; t = 0; n = 0; f = 0 };
        if
        :: r == 0 -> skip
        :: else ->                                      /* x: an object's id, r: its cell */
object:    c = commit;
           d_step { v = CUR(r-1, c); if :: v != W -> v = v + 2*(r-1); t = tag[v] :: else fi };
           if :: v != W -> f = val[v] :: else fi;
           o = owner[r-1];
#ifdef BUG_NO_OWNER
           o = x;
#endif
           if :: v != W -> n = (tag[v] == t -> 1 : 0) :: else fi;       /* 1: complete */
           if
           :: o != x || (n && f == DELETED) -> assert(gone[x] && gone[x] <= commit)
           :: o == x && !n ->
              d_step { commit != c || owner[r-1] != x -> n = 0; t = 0; f = 0; v = 0; o = 0 }; goto object
           :: o == x && n && f != DELETED -> assert(f == x && (!gone[x] || gone[x] > c))
           fi
        fi
     fi;
     d_step { g = 0; c = 0; t = 0; n = 0; v = 0; f = 0; x = 0; r = 0; o = 0; name = 0 }
  od;
  atomic { cx = 0; cy = 0; ox = 0; oy = 0; seen = 0; rdone = 1 }
}

proctype killer() { end: do :: d_step { kills < MAXC && !ckill -> ckill = 1; kills++ } od }

init {
  byte i;
  atomic {
    dtag[1] = W;
    do :: i < 2*NS -> tag[i] = W; i++ :: else -> break od;
    run coordinator(); run writer(); run reader(); run killer() }
  timeout -> assert(rdone && commit == P)
}
