/* One partition, two members: leases, fences and commits. tests/model/run.sh checks the claims (the asserts) for
   every order of events, and that each planted bug (-DBUG=n) breaks the claim that it should.
   Assumed: once a member gives up on a commit without answer, that commit is applied already or never will be. */
#ifndef BUG
#define BUG 0
#endif
#ifndef LEASES
#define LEASES 5  /* all members hand out records so many times in all, ... */
#endif
#define TRIES 2   /* ... a member the same record so many times */
#define GENERATIONS 3
#define RECORDS 3 /* offsets 0..2; a set of records is a mask */
#define in(set, offset) (((set) >> (offset)) & 1)
#define below(offset) ((1 << (offset)) - 1)
#define watermark(set) (!in(set, 0) -> 0 : (!in(set, 1) -> 1 : (!in(set, 2) -> 2 : 3)))
#define above_highest(set) (in(set, 2) -> 3 : (in(set, 1) -> 2 : in(set, 0)))
#define at (m * RECORDS + r)

byte generation = 1, owner, committed, stored;     /* coordinator; stored: what commit and metadata call settled */
byte known[2];                                     /* members: the generation that each knows of, 0: none yet */
bool owns[2], loaded[2];                           /* loaded: has read the commit since it owns the partition */
byte settled[2], leased[2], issued[2];             /* issued: handed out since it owns the partition */
byte latest[6], leases;                            /* number of the record's latest lease, from 1 on */
byte sent_by[2], sent_in[2], offset[2], set[2];    /* commits on their way; in generation 0: none */
byte fenced[6], acked[2];                          /* for the claims: leases that are over, acks that counted */
hidden byte over_unsettled, went_back, of_old_generation, fenced_ack_counted, handed_out_again;

active proctype rebalance() { /* for whatever reason, whenever it likes */
  do
  :: atomic { generation < GENERATIONS -> generation++; if :: owner = 0 :: owner = 1 fi }
  od
}

proctype member(byte m) {
  byte r;
  do
  :: atomic { known[m] < generation -> /* hears of it, late maybe */
       if
       :: owner == m && owns[m] && (known[m] + 1 == generation || BUG == 6) /* was nobody else's: goes on */
       :: else ->
          owns[m] = (owner == m); loaded[m] = false; settled[m] = 0; leased[m] = 0; issued[m] = 0; acked[m] = 0;
          for (r : 0 .. RECORDS - 1) { fenced[at] = below(latest[at]) }
          r = 0
       fi;
       known[m] = generation }
  :: atomic { owns[m] && !loaded[m] ->
       loaded[m] = true; acked[m] = stored; settled[m] = (BUG == 5 -> below(committed) : stored) }
  :: atomic { loaded[m] && !sent_in[1] && (!(sent_by[0] == m && sent_in[0] == known[m]) || BUG == 3) ->
       r = (sent_in[0] -> 1 : 0); /* sends a commit; only one of a generation is on its way */
       sent_by[r] = m; sent_in[r] = known[m];
       offset[r] = (BUG == 1 -> above_highest(settled[m]) : watermark(settled[m]));
       if :: set[r] = settled[m] :: set[r] = settled[m] & 3 fi; /* as much as fits */
       set[r] = set[r] | below(offset[r]); r = 0 }
  od
}

proctype record(byte m, r) {
  byte n;
  do
  :: atomic { loaded[m] && !in(settled[m] | leased[m], r) && latest[at] < TRIES && leases < LEASES -> /* lease */
       handed_out_again = known[m] == generation && in(stored, r); assert(!handed_out_again);
       fenced[at] = below(latest[at]); latest[at]++; leases++;
       leased[m] = leased[m] | (1 << r); issued[m] = issued[m] | (1 << r) }
  :: atomic { in(leased[m], r) -> leased[m] = leased[m] & ~(1 << r) } /* expires; a late ack may follow */
  :: atomic { loaded[m] && in(issued[m], r) && !in(settled[m], r) -> /* ack: any lease, any time, any often */
       if :: n = latest[at] - 1 :: n = 0 fi;
       if
       :: n + 1 == latest[at] || BUG == 4 ->
          fenced_ack_counted = in(fenced[at], n); assert(!fenced_ack_counted);
          settled[m] = settled[m] | (1 << r); leased[m] = leased[m] & ~(1 << r); acked[m] = acked[m] | (1 << r)
       :: else /* refused */
       fi;
       n = 0 }
  od
}

active proctype network() { /* commits may overtake each other and get lost; lost answers change nothing */
  byte i;
  do
  :: atomic { sent_in[0] ->
       if :: i = 0 :: sent_in[1] -> i = 1 fi;
       if
       :: sent_in[i] == generation || BUG == 2 ->
          of_old_generation = sent_in[i] != generation; assert(!of_old_generation);
          over_unsettled = (set[i] & ~acked[sent_by[i]]) != 0; assert(!over_unsettled);
          went_back = offset[i] < committed; assert(!went_back);
          committed = offset[i]; stored = set[i]
       :: true /* lost or refused */
       fi;
       if
       :: i == 0 -> sent_by[0] = sent_by[1]; sent_in[0] = sent_in[1]; offset[0] = offset[1]; set[0] = set[1]
       :: else
       fi;
       sent_by[1] = 0; sent_in[1] = 0; offset[1] = 0; set[1] = 0; i = 0 }
  od
}

init { atomic { run member(0); run record(0, 0); run record(0, 1); run record(0, 2);
                run member(1); run record(1, 0); run record(1, 1); run record(1, 2) } }
