"""The shadow stack: what is stored before a call, and what is left out."""

from __future__ import annotations

from textwrap import dedent

from lang.flow import Allocate, Break, Call, Continue, Flow, If, Leave, Loop, Return, Step
from lang.shadow_stack import emit_function_body


def emitted(body: list[Flow], *pointers: str, runs_once: bool = False) -> str:
    """The lines of a body whose pointers are views of these names."""
    addresses = {name: f"address({name})" for name in pointers}
    lines, _ = emit_function_body(body, addresses, level=0, runs_once=runs_once)
    return "\n".join(lines)


def call(target: str, *arguments: str) -> Call:
    """A call of a Toy function."""
    return Call(f"{target} = f({', '.join(('g', '{sp}', *arguments))})", (target,), "f")


def expect(text: str) -> str:
    return dedent(text).strip()


def test_only_what_is_read_after_a_call_is_stored() -> None:
    body: list[Flow] = [call("a"), call("b", "a"), call("c", "b"), Return("b.x")]
    assert emitted(body, "a", "b", "c") == expect("""
        a = f(g, sp)
        b = f(g, sp, a)
        store(uintptr, sp, address(b))
        c = f(g, sp + 8, b)
        return b.x
    """)


def test_a_store_that_still_holds_is_left_out() -> None:
    body: list[Flow] = [call("n"), call("m"), Return("a.x"), Step("unreached")]
    assert emitted(body, "a") == expect("""
        store(uintptr, sp, address(a))
        n = f(g, sp + 8)
        m = f(g, sp + 8)
        return a.x
    """)


def test_memory_in_the_frame_is_a_root_though_nobody_reads_it() -> None:
    local = "x"
    inside = Call("n = f(g, {sp})", ("n",), "f", frame=(local,))
    body: list[Flow] = [Step("x = local(Local_T)", ("x",)), call("m"), inside, call("k"), Return("n")]
    assert emitted(body, "x") == expect("""
        x = local(Local_T)
        m = f(g, sp)
        store(uintptr, sp, address(x))
        n = f(g, sp + 8)
        k = f(g, sp)
        return n
    """)


def test_a_new_value_is_stored_again() -> None:
    body: list[Flow] = [call("n"), Step("a = a.next", ("a",)), call("m"), Return("a.x")]
    assert emitted(body, "a").count("store(uintptr, sp, address(a))") == 2


def test_the_runtimes_arguments_are_stored_by_the_caller() -> None:
    body: list[Flow] = [Call("s = concat(g, a, b)", ("s",)), Return("s")]
    assert emitted(body, "a", "b", "s") == expect("""
        store(uintptr, sp, address(a))
        store(uintptr, sp + 8, address(b))
        g.shadow_top = sp + 16
        s = concat(g, a, b)
        return s
    """)


def test_an_allocation_stores_on_its_slow_path_only() -> None:
    body: list[Flow] = [Allocate("w", "fast(g)", "slow(g)", "n = Node.at(w)", ("n",)), Step("n.left = a"), Return("n")]
    assert emitted(body, "a", "n") == expect("""
        w = fast(g)
        if unlikely(w == 0):
            store(uintptr, sp, address(a))
            g.shadow_top = sp + 8
            w = slow(g)
        n = Node.at(w)
        n.left = a
        return n
    """)


def test_what_is_allocated_once_has_no_fast_path() -> None:
    one = Allocate("w", "fast(g)", "slow(g)", "n = Node.at(w)", ("n",))
    many = Allocate("v", "fast(g)", "slow(g)", "m = Node.at(v)", ("m",))
    body: list[Flow] = [one, Loop("m.left == a", [many]), Return("n")]
    assert emitted(body, "a", "n", runs_once=True) == expect("""
        store(uintptr, sp, address(a))
        g.shadow_top = sp + 8
        w = slow(g)
        n = Node.at(w)
        while m.left == a:
            v = fast(g)
            if unlikely(v == 0):
                store(uintptr, sp + 8, address(n))
                g.shadow_top = sp + 16
                v = slow(g)
            m = Node.at(v)
        return n
    """)


def test_what_the_next_round_reads_is_alive_at_the_loops_end() -> None:
    body: list[Flow] = [Loop("more()", [Step("use(a)"), call("n")]), Return("0")]
    assert emitted(body, "a") == expect("""
        while more():
            use(a)
            store(uintptr, sp, address(a))
            n = f(g, sp + 8)
        return 0
    """)


def test_a_store_before_the_loop_serves_all_rounds_unless_the_slot_changes() -> None:
    body: list[Flow] = [call("n"), Loop("more()", [call("m")]), Return("a.x")]
    assert emitted(body, "a").count("store(") == 1
    changing: list[Flow] = [call("n"), Loop("more()", [call("m"), Step("a = a.next", ("a",))]), Return("a.x")]
    assert emitted(changing, "a").count("store(") == 2


def test_break_and_continue_carry_their_own_liveness() -> None:
    body: list[Flow] = [
        Loop("True", [call("n"), If("n == 0", [Break()]), If("n == 1", [Continue()]), Step("use(b)")]),
        Return("a.x"),
    ]
    assert emitted(body, "a", "b") == expect("""
        while True:
            store(uintptr, sp, address(a))
            store(uintptr, sp + 8, address(b))
            n = f(g, sp + 16)
            if n == 0:
                break
            if n == 1:
                continue
            use(b)
        return a.x
    """)


def test_nothing_is_alive_before_a_panic() -> None:
    body: list[Flow] = [call("n"), If("n == 0", [Leave("panic()")], [Return("1")])]
    assert "store" not in emitted(body, "a")


def test_both_branches_must_have_stored() -> None:
    body: list[Flow] = [If("c", [call("n")], []), call("m"), Return("a.x")]
    assert emitted(body, "a").count("store(uintptr, sp, address(a))") == 2
    both: list[Flow] = [If("c", [call("n")], [call("k")]), call("m"), Return("a.x")]
    assert emitted(both, "a").count("store(uintptr, sp, address(a))") == 2
