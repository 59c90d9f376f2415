"""Faults: changes of the runtime's source, each of which breaks something that a test must notice."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


def paths_of(names: str) -> tuple[str, ...]:
    """The files of test modules, which are named without `test_`."""
    return tuple(f"tests/runtime/test_{name}.py" for name in names.split())


@dataclass(frozen=True)
class Fault:
    """One change."""

    name: str
    module: str  # of runtime/
    breaks: str  # what goes wrong
    noticed_by: str  # test modules, quickest first
    old: str  # what the module says, once
    new: str  # what it says instead

    @property
    def tests(self) -> tuple[str, ...]:
        """The files of the tests that are expected to notice."""
        return paths_of(self.noticed_by)

    def changed(self, text: str) -> str:
        """The module's text with the fault. ValueError if it does not say `old` exactly once."""
        if text.count(self.old) != 1:
            raise ValueError(f"runtime/{self.module}.py has it {text.count(self.old)} times")
        return text.replace(self.old, self.new)

    def misfit(self, tree: Path) -> str:
        """Why it cannot be put into a source tree; "" if it can. Code moves on, and a fault has to follow."""
        try:
            self.changed(self.path(tree).read_text("utf-8"))
        except FileNotFoundError:
            return f"there is no runtime/{self.module}.py"
        except ValueError as error:
            return str(error)
        return ""

    def path(self, tree: Path) -> Path:
        """Where the module is."""
        return tree / "runtime" / f"{self.module}.py"

    def apply(self, tree: Path) -> None:
        """Put the fault into a copy of the source tree."""
        path = self.path(tree)
        path.write_text(self.changed(path.read_text("utf-8")), encoding="utf-8")


# What a fault meets that the tests named for it do not notice.
SUITE = paths_of(
    "allocator_machine page_machine heap_check stats_check cycle embedding finalizers weak soak gctrace memstats"
)

FAULTS = [
    # Roots
    Fault(
        "stack_roots_dropped",
        "cycle",
        "objects that only a stack leads to are freed",
        "cycle embedding",
        "        mark_words(marker, g.shadow_base, g.shadow_top)",
        "        mark_words(marker, g.shadow_base, g.shadow_base)",
    ),
    Fault(
        "local_roots_dropped",
        "roots",
        "objects that only a variable in a frame leads to are freed",
        "roots heap_graph",
        "    return word >> 62 == 1",
        "    return word >> 62 == 2",
    ),
    Fault(
        "local_mask_shifted",
        "roots",
        "of a variable in a frame the wrong words are roots",
        "roots heap_graph",
        "    if mask[number // 8] >> number % 8 & 1 == 0:",
        "    if mask[number // 8] >> number % 8 & 1 != 0:",
    ),
    Fault(
        "handle_roots_dropped",
        "cycle",
        "objects that only a handle leads to are freed",
        "handles embedding",
        "    mark_words(marker, address(roots.handles), address(roots.handles) + roots.capacity * PTR_SIZE)",
        "    mark_words(marker, address(roots.handles), address(roots.handles))",
    ),
    Fault(
        "half_of_handles_dropped",
        "cycle",
        "the upper half of the table of handles is no root",
        "handles embedding roots cycle",
        "address(roots.handles) + roots.capacity * PTR_SIZE)",
        "address(roots.handles) + (roots.capacity // 2) * PTR_SIZE)",
    ),
    Fault(
        "globals_dropped_but_one",
        "mark",
        "of several ranges of globals only the last added is a root",
        "roots cycle",
        (
            "        mark_global_range(marker, ranges)\n"
            "        ranges = ranges.next"
        ),
        (
            "        mark_global_range(marker, ranges)\n"
            "        ranges = nil(GlobalRange)"
        ),
    ),
    Fault(
        "globals_mask_ignored",
        "mark",
        "words of globals that are no pointers are taken for some",
        "roots",
        "        if u64(r.mask[word // 8]) >> word % 8 & 1 != 0:",
        "        if u64(r.mask[word // 8]) >> word % 8 & 1 != 2:",
    ),
    Fault(
        "finalizer_function_dropped",
        "mark",
        "what a finalizer or a cleanup is to call is freed",
        "finalizers finalizers_embedding",
        (
            "            mark_root(marker, root.fn)\n"
            "            mark_root(marker, root.arg)\n"
            "        root = root.next\n"
            "    root = specials.ready"
        ),
        (
            "            mark_root(marker, root.arg)\n"
            "        root = root.next\n"
            "    root = specials.ready"
        ),
    ),
    Fault(
        "cleanup_argument_dropped",
        "mark",
        "what a cleanup is to get is freed",
        "finalizers finalizers_embedding",
        (
            "            mark_root(marker, root.arg)\n"
            "        root = root.next\n"
            "    root = specials.ready"
        ),
        (
            "        root = root.next\n"
            "    root = specials.ready"
        ),
    ),
    Fault(
        "ready_object_dropped",
        "mark",
        "an object whose finalizer is ready to be called is freed",
        "finalizers finalizers_embedding",
        (
            "        if root.special.kind == FINALIZER:\n"
            "            mark_root(marker, root.special.value)"
        ),
        (
            "        if root.special.kind == WEAK_HANDLE:\n"
            "            mark_root(marker, root.special.value)"
        ),
    ),
    Fault(
        "weak_handle_dropped",
        "mark",
        "a weak handle dies before its object",
        "weak weak_embedding",
        (
            "            mark_root(marker, special.value)\n"
            "        else:"
        ),
        (
            "            mark_root(marker, 0)\n"
            "        else:"
        ),
    ),
    Fault(
        "finalizer_children_dropped",
        "mark",
        "what an object with a finalizer leads to is freed before the call",
        "finalizers",
        "                mark_from(marker, special.value)",
        "                mark_root(marker, 0)",
    ),
    Fault(
        "finalizer_keeps_object",
        "mark",
        "an object with a finalizer never dies",
        "finalizers",
        "                mark_from(marker, special.value)",
        "                mark_root(marker, special.value)",
    ),
    Fault(
        "freed_handle_lost",
        "roots",
        "a handle that was freed is never used again",
        "roots handles",
        (
            "        roots.handles[handle] = FREE_BIT | roots.free\n"
            "        roots.free = handle"
        ),
        "        roots.handles[handle] = FREE_BIT | roots.free",
    ),
    Fault(
        "handles_not_moved",
        "roots",
        "a table of handles that grows loses half of them",
        "roots handles",
        "        memmove(block, address(roots.handles), roots.capacity * PTR_SIZE)",
        "        memmove(block, address(roots.handles), roots.capacity // 2 * PTR_SIZE)",
    ),
    # Marking
    Fault(
        "shaded_without_mark",
        "mark",
        "a grey object is scanned, and its mark bit is not set",
        "mark",
        "    marks = marks | mark\n",
        "",
    ),
    Fault(
        "interior_pointer_wrong",
        "mark",
        "what a pointer into an object leads to is scanned from there",
        "mark",
        "put_entry(top, start), word, marks",
        "put_entry(top, p), word, marks",
    ),
    Fault(
        "ring_entry_lost",
        "mark",
        "what waits in the ring alone, when the queue is empty, is forgotten",
        "mark",
        "            if first == end:\n",
        "            if end - first < 2:\n",
    ),
    Fault(
        "neighbours_mark_lost",
        "mark",
        "what an object of an array marks in its own word of mark bits is forgotten by the next of the array",
        "mark",
        "found, top, at, marks, fresh = claim(marker, child, top, shared, True, at, marks, fresh)",
        "found, top, _, _, fresh = claim(marker, child, top, shared, True, at, marks, fresh)",
    ),
    Fault(
        "full_array_entry_lost",
        "mark",
        "an object of an array is not scanned when the queue is nearly full",
        "mark",
        "                top = put_entry(top, p)\n            else:",
        "                pass\n            else:",
    ),
    Fault(
        "rest_of_array_lost",
        "mark",
        "only the first piece of a large object is scanned",
        "mark",
        (
            "        top = put_rest(top, addr, start + PIECE_WORDS * PTR_SIZE, end)\n"
            "        end = start"
        ),
        "        end = start",
    ),
    Fault(
        "header_scanned",
        "mark",
        "the values of an array with a header are taken to begin at the header",
        "mark",
        "    first = addr if is_large else addr + MALLOC_HEADER_SIZE",
        "    first = addr",
    ),
    Fault(
        "last_word_missed",
        "mark",
        "the last word of an object with a header is not scanned",
        "mark cycle",
        "scan_piece(marker, addr, addr + MALLOC_HEADER_SIZE, addr + span.elem_size, top)",
        "scan_piece(marker, addr, addr + MALLOC_HEADER_SIZE, addr + span.elem_size - PTR_SIZE, top)",
    ),
    Fault(
        "rescan_skipped",
        "mark",
        "what an overflow of the queue has dropped stays white",
        "mark",
        (
            "        marker.queue.has_overflowed = False\n"
            "        rescan(marker)"
        ),
        "        marker.queue.has_overflowed = False",
    ),
    Fault(
        "overflow_not_noted",
        "mark",
        "an entry of the queue is dropped and nobody knows",
        "mark",
        (
            "                    queue.has_overflowed = True\n"
            "                    queue.top = drop_entry(top)"
        ),
        "                    queue.top = drop_entry(top)",
    ),
    Fault(
        "second_word_skipped",
        "mark",
        "a pointer in the second word is followed only if the first word is one, too",
        "mark",
        "    if pointers & 2 != 0:",
        "    if pointers & 3 == 3:",
    ),
    Fault(
        "scan_taken_for_noscan",
        "mark",
        "objects with pointers are marked and never scanned",
        "mark",
        (
            "    if span_class & 1 != 0:\n"
            "        return nothing, top, word, marks, fresh\n"
        ),
        (
            "    if span_class & 1 == 0:\n"
            "        return nothing, top, word, marks, fresh\n"
        ),
    ),
    Fault(
        "page_mark_missing",
        "mark",
        "a page with marked objects counts as one without",
        "mark sweeper",
        "        marker.page_marks[offset >> PAGE_SHIFT] = 1",
        "        marker.page_marks[offset >> PAGE_SHIFT] = 0",
    ),
    Fault(
        "type_mask_cut",
        "mark",
        "of a value of more than eight words, later pointers are not found",
        "mark",
        "            word = align_down(word, 8) + 8",
        "            word = align_down(word, 8) + 16",
    ),
    Fault(
        "scanned_miscounted",
        "mark",
        "the objects without pointers count as scanned",
        "mark cycle pacer_workloads",
        (
            "            if span_class & 1 == 0:\n"
            "                marker.scanned_bytes"
        ),
        (
            "            if span_class & 1 == 1:\n"
            "                marker.scanned_bytes"
        ),
    ),
    Fault(
        "queue_loses_entries",
        "work_queue",
        "a work queue that grows loses its last entry",
        "work_queue mark",
        "    memmove(base, queue.base, used)",
        "    memmove(base, queue.base, used - 8)",
    ),
    # Marking by several threads
    Fault(
        "buffer_counted_too_late",
        "workbufs",
        "a buffer that was handed over is not counted yet: others believe that all is done",
        "mark_team",
        (
            "    atomic_add(share.pool, \"pending\", 1)\n"
            "    full = full_at(share.pool)\n"
            "    while True:\n"
            "        first = atomic_load_at(uintptr, full)\n"
            "        store(uintptr, buf + BUF_LINK, first)\n"
            "        if cas_at(uintptr, full, first, buf):\n"
        ),
        (
            "    full = full_at(share.pool)\n"
            "    while True:\n"
            "        first = atomic_load_at(uintptr, full)\n"
            "        store(uintptr, buf + BUF_LINK, first)\n"
            "        if cas_at(uintptr, full, first, buf):\n"
            "            atomic_add(share.pool, \"pending\", 1)\n"
        ),
    ),
    Fault(
        "buffer_lost",
        "mark",
        "of several buffers in the pool only one is taken in",
        "mark_team",
        (
            "        take_in(marker.queue, buf)\n"
            "        buf = free_buf"
        ),
        (
            "        if count == 0:\n"
            "            take_in(marker.queue, buf)\n"
            "        buf = free_buf"
        ),
    ),
    Fault(
        "entry_torn",
        "mark",
        "a queue is halved in the middle of an entry of three words",
        "mark_team",
        "    if load(u64, cut) & REST != 0:",
        "    if load(u64, cut) & OTHER != 0:",
    ),
    Fault(
        "half_lost",
        "mark",
        "who hands over half of an object's rest forgets his own half",
        "mark_team",
        "        store(uintptr, base, start)\n        return top",
        "        return top",
    ),
    Fault(
        "marks_unpublished",
        "mark",
        "marks that a marker has set in an array's last word of mark bits are never seen",
        "mark_team",
        "    publish(marker, at, fresh)\n    return top",
        "    return top",
    ),
    Fault(
        "twins_unmerged",
        "mark_team",
        "what a second marker has marked is not brought over to the heap's own lines",
        "mark_team",
        "    merge_twins(team.arenas, team.twins)\n",
        "",
    ),
    Fault(
        "twins_left",
        "mark_team",
        "what a second marker has marked is marked in all later rounds as well",
        "mark_team",
        "                    store(u64, twins + at, 0)  # MT2\n",
        "",
    ),
    Fault(
        "sides_taken_together",
        "mark_team",
        "two markers set bits of the same words without atomic instructions",
        "mark_team",
        "take_side(team, team.workers[number], number % 2 != 0)",
        "take_side(team, team.workers[number], False)",
    ),
    Fault(
        "overflow_forgotten",
        "mark_team",
        "what a worker has lost is not found again",
        "mark_team",
        "    if marker.queue.has_overflowed:\n        lead",
        "    if lead.queue.has_overflowed:\n        lead",
    ),
    # Sweeping
    Fault(
        "early_sweep",
        "mcentral",
        "a span that was cached since marking is swept as if it were older",
        "mcentral sweeper cycle",
        "    if span.sweep_gen == u32(sweep_gen + 1):",
        "    if span.sweep_gen != u32(sweep_gen + 1):",
    ),
    Fault(
        "live_not_counted",
        "sweep",
        "a swept span counts all its slots as alive",
        "sweep sweeper",
        "        live = count_bits(span.mark_bits, nelems)",
        "        live = u64(span.alloc_count)",
    ),
    Fault(
        "need_zero_not_set",
        "sweep",
        "freed slots are handed out with what was in them",
        "sweep sweeper",
        "        span.need_zero = 1",
        "        span.need_zero = 0",
    ),
    Fault(
        "alloc_cache_stale",
        "sweep",
        "slots are handed out by what was free before the sweep",
        "sweep sweeper",
        (
            "        take_marks(span)\n"
            "    refill_alloc_cache(span)"
        ),
        "        take_marks(span)",
    ),
    Fault(
        "search_not_restarted",
        "sweep",
        "free slots below free_index are forgotten",
        "sweep sweeper",
        (
            "    span.free_index = 0\n"
            "    if unmarked:"
        ),
        "    if unmarked:",
    ),
    Fault(
        "dead_kept",
        "gc_bits",
        "a dead object stays taken",
        "gc_bits sweep sweeper",
        "            span.alloc_bits[word] = marks",
        "            span.alloc_bits[word] = span.alloc_bits[word] | marks",
    ),
    Fault(
        "marks_kept",
        "gc_bits",
        "the marks of one collection are there in the next",
        "gc_bits sweep sweeper",
        (
            "        if marks != 0:\n"
            "            span.mark_bits[word] = 0"
        ),
        "        pass",
    ),
    Fault(
        "full_span_lost",
        "sweeper",
        "a span that is full after a sweep is in no set",
        "sweeper active_sweep",
        "    push_span(batch.full if span.alloc_count == span.nelems else batch.partial, span)",
        (
            "    if span.alloc_count != span.nelems:\n"
            "        push_span(batch.partial, span)"
        ),
    ),
    Fault(
        "specials_not_swept",
        "sweeper",
        "objects die and their finalizers, cleanups and weak handles do not hear of it",
        "weak finalizers",
        "    revived = not is_nil(span.specials) and sweep_specials(heap.specials, span)",
        "    revived = False",
    ),
    Fault(
        "large_bytes_not_freed",
        "sweeper",
        "freed large objects still count as allocated",
        "memstats stats_check sweeper",
        "        stats.large_free_bytes = stats.large_free_bytes + span.elem_size",
        "        stats.large_free_bytes = stats.large_free_bytes",
    ),
    Fault(
        "dead_span_in_arena",
        "sweeper",
        "pages of a span that is gone still lead to it",
        "sweeper reclaim",
        "    clear_span_range(heap.arenas, batch.start, batch.end)",
        "    clear_span_range(heap.arenas, batch.start, batch.start)",
    ),
    Fault(
        "reclaimed_alive",
        "reclaim",
        "a span with one marked object is taken for its pages",
        "reclaim",
        "count_bits(span.mark_bits, u64(span.nelems)) != 0:",
        "count_bits(span.mark_bits, u64(span.nelems)) > 1:",
    ),
    Fault(
        "credit_spent_twice",
        "reclaim",
        "pages that were swept are held against two growths of the heap",
        "reclaim",
        "            if cas(sweeper, \"reclaim_credit\", credit, credit - taken):",
        "            if cas(sweeper, \"reclaim_credit\", credit, credit):",
    ),
    # Spans
    Fault(
        "span_lost",
        "mcentral",
        "a span that comes back from an mcache is in no set",
        "mcentral mcache",
        (
            "        atomic_release(span, \"sweep_gen\", sweep_gen)\n"
            "        place_span(span, sweep_gen)"
        ),
        "        atomic_release(span, \"sweep_gen\", sweep_gen)",
    ),
    Fault(
        "full_span_as_partial",
        "central_sets",
        "a full span is offered to those who want a free slot",
        "mcentral mcache sweeper",
        (
            "    sets = central.full if span.alloc_count == span.nelems else central.partial\n"
            "    put_span(central"
        ),
        (
            "    sets = central.partial\n"
            "    put_span(central"
        ),
    ),
    Fault(
        "cut_set_miscounts",
        "span_set",
        "a set of spans from which several are taken counts them still",
        "span_set",
        "    spans.count = spans.count - count",
        "    spans.count = spans.count - 1",
    ),
    Fault(
        "run_not_given_back",
        "mcache",
        "slots of a run that nobody has used count as objects",
        "mcache",
        "        give_back_run(span, slot_of(span, cache.run_next[span_class]))",
        "        slot_of(span, cache.run_next[span_class])",
    ),
    Fault(
        "tiny_block_kept",
        "mcache",
        "small objects go into a block that may be dead",
        "mcache malloc cycle",
        (
            "    cache.tiny_next = 0\n"
            "    cache.tiny_limit = 0"
        ),
        "    cache.tiny_next = cache.tiny_next",
    ),
    Fault(
        "stale_span_counted_again",
        "mcache",
        "what marking has counted is taken off heap_live",
        "mcache cycle",
        "    if span.sweep_gen != u32(heap.sweep_gen + 1):",
        "    if span.sweep_gen != u32(heap.sweep_gen + 2):",
    ),
    Fault(
        "live_told_twice",
        "mcache",
        "heap_live gets the same bytes again and again",
        "mcache cycle",
        (
            "    live: u64 = atomic_add(heap, \"heap_live\", p.live)\n"
            "    p.live = 0"
        ),
        "    live: u64 = atomic_add(heap, \"heap_live\", p.live)",
    ),
    Fault(
        "run_too_long",
        "mspan",
        "a run takes one slot that is not free",
        "mspan mcache",
        "    end = first + ctz64(u64(~free))",
        "    end = first + ctz64(u64(~free)) + 1",
    ),
    # Objects
    Fault(
        "zeroing_skipped",
        "mcache",
        "slots are handed out again with old data",
        "mcache malloc",
        "            memset(start, 0, limit - start)",
        "            memset(start, 0, 0)",
    ),
    Fault(
        "pointer_bits_not_reset",
        "mcache",
        "a slot keeps the pointer map of the object before",
        "heap_bits mcache",
        "            set_pointer_bits(span, first, end)",
        "            set_pointer_bits(span, first, first)",
    ),
    Fault(
        "noscan_not_zeroed",
        "malloc",
        "slots of more than 1 KiB without pointers hold old data",
        "malloc",
        "    if needzero and span.need_zero != 0 and not has_zeroed_runs(span.elem_size, span_class):",
        "    if needzero and span.need_zero != 0 and has_zeroed_runs(span.elem_size, span_class):",
    ),
    Fault(
        "large_not_zeroed",
        "malloc",
        "a large object with pointers holds old data",
        "malloc cycle",
        "    if span.need_zero != 0 and (needzero or not noscan):",
        "    if span.need_zero != 0 and needzero and noscan:",
    ),
    Fault(
        "tiny_misaligned",
        "malloc",
        "a word in a block of the tiny allocator is not aligned",
        "malloc",
        "    return (size | 8) & u64(-i64(size | 8))",
        "    return (size | 4) & u64(-i64(size | 4))",
    ),
    Fault(
        "tiny_overrun",
        "malloc",
        "tiny objects leave their block",
        "malloc",
        "        cache.tiny_limit = slot + TINY_SIZE",
        "        cache.tiny_limit = slot + TINY_SIZE + 8",
    ),
    Fault(
        "noscan_as_scan",
        "malloc",
        "small objects without pointers lie among those with pointers",
        "malloc",
        "    span_class = size_to_class(size) << 1 | 1",
        "    span_class = size_to_class(size) << 1",
    ),
    Fault(
        "large_noscan_missed",
        "malloc",
        "large objects with pointers are never scanned",
        "malloc cycle",
        "    span_class: u64 = 1 if noscan else 0",
        "    span_class: u64 = 1",
    ),
    Fault(
        "header_missing",
        "malloc",
        "the type of an object of more than 512 bytes is not written",
        "malloc",
        (
            "    slot = next_free(g, size_to_class(size + MALLOC_HEADER_SIZE) << 1)\n"
            "    store(uintptr, slot, address(typ))"
        ),
        "    slot = next_free(g, size_to_class(size + MALLOC_HEADER_SIZE) << 1)",
    ),
    Fault(
        "large_type_missing",
        "malloc",
        "the collector does not learn the type of a large object",
        "malloc cycle",
        (
            "    if not noscan:\n"
            "        span.large_type = typ"
        ),
        (
            "    if noscan:\n"
            "        span.large_type = typ"
        ),
    ),
    # Pointer maps and sizes
    Fault(
        "pointer_bit_flipped",
        "heap_bits",
        "the first word of every object has the wrong pointer bit",
        "heap_bits malloc",
        "    scalars = object_mask(typ, size) ^ low_bits(nwords)",
        "    scalars = object_mask(typ, size) ^ low_bits(nwords) ^ 1",
    ),
    Fault(
        "pointer_bits_cut",
        "heap_bits",
        "bits that go on in the next word are not cleared",
        "heap_bits malloc",
        "    if nwords & (nwords - 1) != 0 and shift + nwords > WORD_BITS:",
        "    if shift + nwords > 2 * WORD_BITS:",
    ),
    Fault(
        "neighbour_bits_set",
        "heap_bits",
        "the pointer map of the slot behind a run is changed",
        "heap_bits mcache",
        "            mask = mask & low_bits(last % WORD_BITS)",
        "            mask = mask & low_bits(last % WORD_BITS + 1)",
    ),
    Fault(
        "array_mask_cut",
        "heap_bits",
        "an array has the pointer map of its first value only",
        "heap_bits",
        "    while filled < nwords:",
        "    while 2 * filled < nwords:",
    ),
    Fault(
        "division_magic_wrong",
        "size_classes",
        "the slot of an address is one too low",
        "size_classes mspan",
        "[0xFFFF_FFFF // size + 1 if size else 0 for size, _ in _CLASSES]",
        "[0xFFFF_FFFF // size if size else 0 for size, _ in _CLASSES]",
    ),
    Fault(
        "size_rounded_down",
        "size_classes",
        "objects are larger than their slots",
        "size_classes malloc",
        "        return u64(SIZE_TO_CLASS_8[(size + (SMALL_SIZE_DIV - 1)) // SMALL_SIZE_DIV])",
        "        return u64(SIZE_TO_CLASS_8[size // SMALL_SIZE_DIV])",
    ),
    # Pages
    Fault(
        "summary_stale",
        "page_alloc",
        "pages that were taken are still promised by the summaries",
        "page_alloc page_machine",
        (
            "    update_range(pages, first, last, 0)\n"
            "    return scavenged * PAGE_SIZE"
        ),
        "    return scavenged * PAGE_SIZE",
    ),
    Fault(
        "root_summary_stale",
        "page_summaries",
        "the top of the tree does not hear of changes",
        "page_summaries page_alloc page_machine",
        "    while level > 0 and has_changed:",
        "    while level > 1 and has_changed:",
    ),
    Fault(
        "run_over_neighbours_lost",
        "page_summaries",
        "a run over three summaries counts as shorter",
        "page_summaries",
        "        end = end + pages if sum_end(packed) == pages else sum_end(packed)",
        "        end = sum_end(packed)",
    ),
    Fault(
        "summary_search_off_by_one",
        "page_summaries",
        "a run is said to begin a page too high",
        "page_summaries page_alloc",
        "                return RUN, (j << log_pages) - run, first",
        "                return RUN, (j << log_pages) - run + u64(run != 0), first",
    ),
    Fault(
        "run_over_words_lost",
        "page_bits",
        "a run of pages over two words is not found",
        "page_bits",
        (
            "        if inside < 64:\n"
            "            return word * 64 + inside, first\n"
            "        run = clz64(taken)"
        ),
        (
            "        if inside < 64:\n"
            "            return word * 64 + inside, first\n"
            "        run = 0"
        ),
    ),
    Fault(
        "range_off_by_one",
        "page_bits",
        "the last page of a range keeps its bit",
        "page_bits",
        "    high = (i + n - 1) % 64 if word == (i + n - 1) // 64 else u64(63)",
        "    high = (i + n - 1) % 64 if word == (i + n - 1) // 64 else u64(62)",
    ),
    Fault(
        "search_starts_too_high",
        "page_alloc",
        "freed pages below search_addr are never found",
        "page_alloc page_machine",
        (
            "    pages.search_addr = smaller(pages.search_addr, base)\n"
            "    first = chunk_index(base)"
        ),
        "    first = chunk_index(base)",
    ),
    Fault(
        "cache_not_flushed",
        "page_cache",
        "pages that a cache gives back stay taken",
        "page_cache",
        "        data.alloc.words[first // PAGE_CACHE_PAGES] &= u64(~c.cache)",
        "        data.alloc.words[first // PAGE_CACHE_PAGES] &= u64(~u64(0))",
    ),
    Fault(
        "idle_pages_kept",
        "mheap",
        "the page cache of a processor that has no thread keeps its pages",
        "mheap memstats world",
        "    cache_flush(p.pages, heap.pages)",
        "    assert_lock_held(heap.lock)",
    ),
    Fault(
        "cache_forgets_scavenged",
        "page_cache",
        "pages of a cache that the kernel has count as backed",
        "page_cache page_machine",
        "    c.scav = data.scavenged.words[word] & c.cache",
        "    c.scav = 0",
    ),
    Fault(
        "large_left_open",
        "sweeper",
        "pages of spans that are freed in a batch can still be touched under protectfree",
        "protect",
        "    protect_pages(heap, batch.start, npages)\n",
        "",
    ),
    Fault(
        "old_pages_taken_for_zero",
        "arenas",
        "pages that were used before count as zero",
        "arenas mheap",
        (
            "        if offset < base:\n"
            "            needs_zero = True"
        ),
        (
            "        if offset + size < base:\n"
            "            needs_zero = True"
        ),
    ),
    Fault(
        "part_fresh_taken_for_zero",
        "mheap",
        "a span of which some pages are fresh counts as zero",
        "mheap",
        "    is_fresh = released == npages << PAGE_SHIFT and",
        "    is_fresh = released != 0 and",
    ),
    Fault(
        "inline_class_kept",
        "arenas",
        "the marker takes a free page for one with objects",
        "arenas mheap",
        "        arenas.inline_class[window_page(arenas, span.start_addr)] = 0",
        "        arenas.inline_class[window_page(arenas, span.start_addr)] = span.span_class",
    ),
    Fault(
        "in_use_kept",
        "arenas",
        "a span that is gone is met in walks over the heap",
        "arenas mheap",
        "u64(~(u64(1) << page % WORD_BITS)))",
        "u64(~(u64(0) << page % WORD_BITS)))",
    ),
    Fault(
        "span_pages_not_entered",
        "arenas",
        "only the first page of a span leads to it",
        "arenas mheap",
        (
            "        arena_of(arenas, addr).spans[page_of(addr)] = span\n"
            "        addr = addr + (1 << PAGE_SHIFT)"
        ),
        (
            "        arena_of(arenas, addr).spans[page_of(addr)] = span\n"
            "        addr = end"
        ),
    ),
    Fault(
        "ranges_overlap",
        "addr_ranges",
        "the end of a range counts as part of it",
        "addr_ranges",
        "    return i != 0 and addr < a.ranges[i - 1].limit",
        "    return i != 0 and addr <= a.ranges[i - 1].limit",
    ),
    # Back to the system
    Fault(
        "released_not_noted",
        "scavenge",
        "pages that the kernel has are given back again",
        "scavenge",
        (
            "        set_range(data.scavenged, first, npages)\n"
            "        stat_move"
        ),
        "        stat_move",
    ),
    Fault(
        "taken_pages_released",
        "scavenge_bits",
        "pages in use are given back to the kernel",
        "scavenge_bits",
        "    return fill_aligned(data.alloc.words[word] | data.scavenged.words[word], least)",
        "    return fill_aligned(data.scavenged.words[word], least)",
    ),
    Fault(
        "free_pages_forgotten",
        "scavenge_index",
        "pages that were freed are never given back",
        "scavenge_index scavenge page_machine",
        "    set_use(index, chunk, word | HAS_FREE)",
        "    set_use(index, chunk, word)",
    ),
    Fault(
        "generation_forgotten",
        "scavenge_index",
        "the background never gives back what a program has freed",
        "scavenge_index",
        (
            "    index.search_bg = larger(index.search_bg, index.free_high)\n"
            "    index.free_high = 0"
        ),
        "    index.free_high = 0",
    ),
    Fault(
        "used_not_counted",
        "os_memory",
        "memory that is used again does not count against the limit",
        "os_memory mheap",
        (
            "    atomic_add(stats, \"prepared\", u64(0 - prepared))\n"
            "    atomic_add(stats, \"ready\", prepared)"
        ),
        "    atomic_add(stats, \"prepared\", u64(0 - prepared))",
    ),
    # Cells, finalizers, weak pointers, the profile
    Fault(
        "cell_list_cut",
        "fixalloc",
        "of the freed cells only the last is used again",
        "fixalloc",
        (
            "    store(uintptr, cell, f.free_list)\n"
            "    f.free_list = cell"
        ),
        (
            "    store(uintptr, cell, 0)\n"
            "    f.free_list = cell"
        ),
    ),
    Fault(
        "cell_not_zeroed",
        "fixalloc",
        "a cell comes back with what was in it",
        "fixalloc",
        "            memset(cell, 0, f.size)",
        "            memset(cell, 0, 0)",
    ),
    Fault(
        "finalizer_twice",
        "specials",
        "a finalizer is called, and stays in its span's list",
        "specials finalizers",
        (
            "            link_special(span, before, following)\n"
            "            free_special(specials, special)"
        ),
        "            free_special(specials, special)",
    ),
    Fault(
        "finalizer_never_called",
        "specials",
        "a finalizer waits for its object to die once more, which it keeps alive",
        "specials finalizers",
        "    return special.kind == PROFILE or special.kind == CLEANUP",
        "    return special.kind == PROFILE or special.kind == CLEANUP or special.kind == FINALIZER",
    ),
    Fault(
        "weak_not_cleared",
        "specials",
        "a weak pointer leads to an object that is gone",
        "specials weak",
        (
            "        store(uintptr, special.value, 0)\n"
            "        fixalloc_free"
        ),
        "        fixalloc_free",
    ),
    Fault(
        "cleanup_lost",
        "specials",
        "a cleanup is counted, and never made",
        "specials finalizers",
        (
            "        specials.cleanups_queued = specials.cleanups_queued + 1\n"
            "        enqueue(specials, as_root(special))"
        ),
        "        specials.cleanups_queued = specials.cleanups_queued + 1",
    ),
    Fault(
        "special_out_of_order",
        "specials",
        "specials of one address are not in the order of their kinds",
        "specials",
        "special.offset == offset and u64(special.kind) < kind):",
        "special.offset == offset and u64(special.kind) > kind):",
    ),
    Fault(
        "death_in_wrong_cycle",
        "mem_profile",
        "the memory profile publishes deaths too late",
        "mem_profile",
        (
            "    counts = bucket.future[(profile.cycle + 1) % CYCLES]\n"
            "    counts.frees"
        ),
        (
            "    counts = bucket.future[(profile.cycle + 2) % CYCLES]\n"
            "    counts.frees"
        ),
    ),
    # Pacing and counting
    Fault(
        "goal_without_roots",
        "pacer",
        "the goal does not grow with stacks and globals",
        "pacer",
        "    goal = marked + percent_of(marked + root_bytes, gogc)",
        "    goal = marked + percent_of(marked, gogc)",
    ),
    Fault(
        "trigger_too_early",
        "pacer",
        "a collection starts before seven tenths of the way",
        "pacer",
        "    trigger = larger(trigger, least)",
        "    trigger = larger(trigger, marked)",
    ),
    Fault(
        "limiter_never_ends",
        "gc_limiter",
        "collections stay limited when there is time again",
        "gc_limiter",
        "        limiter.is_limiting = False",
        "        limiter.is_limiting = limiter.is_limiting",
    ),
    Fault(
        "limit_ignores_free",
        "memory_limit",
        "free pages count as what the heap cannot have",
        "memory_limit",
        "    heap = heap_free + heap_alloc",
        "    heap = heap_alloc",
    ),
    Fault(
        "controller_winds_up",
        "pi_controller",
        "the sum is not pulled back from an end of the range",
        "pi_controller",
        " + period / c.tt * (output - raw)",
        "",
    ),
    Fault(
        "tiny_frees_forgotten",
        "memstats",
        "objects of the tiny allocator count as never freed",
        "memstats",
        "    m.frees = stats.large_free_count + stats.tiny_alloc_count",
        "    m.frees = stats.large_free_count",
    ),
    Fault(
        "counter_forgotten",
        "memstats",
        "Sys is less than the sum of its parts",
        "memstats",
        "m.buck_hash_sys + m.gc_sys + m.other_sys",
        "m.buck_hash_sys + m.other_sys",
    ),
    # The world
    Fault(
        "stop_without_waiting",
        "world",
        "the world counts as stopped while a thread runs",
        "world",
        "(other.status == P_IDLE or cas(other, \"status\", P_SYSCALL, P_STOPPED))",
        "(other.status != P_SYSCALL or cas(other, \"status\", P_SYSCALL, P_STOPPED))",
    ),
    Fault(
        "run_of_others_missed",
        "world",
        "a slot in another processor's run is taken for an object",
        "weak",
        (
            "        if slot >= p.m_cache.run_next[span_class] and slot < p.m_cache.run_limit[span_class]:\n"
            "            return True\n"
            "        p = p.next"
        ),
        (
            "        if slot >= p.m_cache.run_next[span_class] and slot < p.m_cache.run_limit[span_class]:\n"
            "            return True\n"
            "        p = nil(P)"
        ),
    ),
    # Marking in steps
    Fault(
        "barrier_forgets",
        "write_barrier",
        "a pointer that is overwritten between two steps of marking loses its object",
        "incremental",
        "        mark_late(marker, p)\n",
        "        pass\n",
    ),
    Fault(
        "bulk_barrier_stops_early",
        "write_barrier",
        "the last word of what is overwritten as a whole is not kept",
        "incremental",
        "    while at < size:",
        "    while at + PTR_SIZE < size:",
    ),
    Fault(
        "barriers_not_told",
        "incremental",
        "goroutines do not know that marking goes in steps",
        "incremental",
        "    set_barriers(runtime, 1)\n",
        "    set_barriers(runtime, 0)\n",
    ),
    Fault(
        "barriers_stay",
        "incremental",
        "what is overwritten is marked after the end of marking as well",
        "incremental",
        "    set_barriers(runtime, 0)\n",
        "    set_barriers(runtime, 1)\n",
    ),
    Fault(
        "run_stays_white",
        "malloc",
        "objects made between two steps of marking are freed",
        "incremental",
        "        mark_run(g, cache, span_class)\n",
        "        pass\n",
    ),
    Fault(
        "large_object_stays_white",
        "malloc",
        "large objects made between two steps of marking are freed",
        "incremental",
        "        set_bit(span.mark_bits, 0)  # IM2\n",
        "        pass\n",
    ),
    Fault(
        "unused_slots_stay_marked",
        "mspan",
        "free slots of a run that was marked as a whole count as alive",
        "incremental",
        "u64(~u64(low_bits(behind - first) << first % WORD_BITS))",
        "u64(~u64(0))",
    ),
    Fault(
        "weak_pointer_leads_to_white",
        "weak",
        "what a weak pointer led to between two steps is freed while it is in use",
        "incremental",
        "    keep_old(g, p)  # to the marker it is as if the pointer had been in the heap\n",
        "",
    ),
    Fault(
        "found_again_stays_white",
        "boundary",
        "an object that an embedder has found again and stored is freed",
        "incremental",
        "    keep_old(g, new)\n",
        "",
    ),
    Fault(
        "finalizer_waits_in_vain",
        "mark",
        "what only an object with a finalizer leads to is freed when marking goes in steps",
        "incremental",
        "        marker.queue.top = scan_other(marker, slot_addr(span, slot), marker.queue.top)\n",
        "        pass\n",
    ),
    Fault(
        "steps_too_small",
        "pacer",
        "marking goes on beyond the heap's goal",
        "incremental",
        "    return u64(f64(left) * (f64(since) / f64(room))) + LEAST_ENTRIES",
        "    return u64(LEAST_ENTRIES)",
    ),
    Fault(
        "no_room_behind_the_stack",
        "proc",
        "roots that the runtime holds itself are written behind a full shadow stack",
        "heap",
        "OWN_ROOTS = 2  #",
        "OWN_ROOTS = 0  #",
    ),
    Fault(
        "twins_uncounted",
        "memstats",
        "the mark bits of a second marker are memory that no statistic has",
        "mark_team",
        "    sets: u64 = 1 if team.twins == 0 else 2\n",
        "    sets: u64 = 1\n",
    ),
    Fault(
        "steps_count_as_collecting",
        "cycle",
        "the limiter takes what the program runs between two steps of marking for the collector's time",
        "incremental",
        " + (cycle.sweep_ns - cycle.start_ns - stopped_ns)\n",
        "\n",
    ),
]
