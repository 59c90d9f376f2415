// The Go side of `make bench-mark`: heaps built, and collected.
//
//	mark live KIND N COUNT            a heap of bench/workloads/heaps.toy, and so many collections
//	mark copies FILE COPIES COUNT     the same of a real program's heap: graphs.go
//	mark dead N COUNT                 so many times a list that nothing leads to, and a collection
//	mark little N COUNT               a list of N nodes, and so many collections
//
// Automatic collection is off. `live` and `copies` print how many objects are live, and of how many bytes; `dead` prints
// the bytes of its spans. Then comes a line for each collection: nanoseconds of the processor, and on the wall, until all
// is marked, and of the processor for sweeping. `little` prints nanoseconds of the processor for all collections
// together. With other arguments the program does what heaps.toy says itself.
package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"syscall"
	"time"
	"unsafe"
)

var kinds = map[string]func(int){
	"chain": chain, "array": array, "noscan": noscan, "tree": tree, "uneven": uneven, "shuffled": shuffled,
	"lists": lists,
	"graph": graph,
}

// Before main, which is the program's own.
func init() {
	if len(os.Args) < 3 || os.Args[1] != "mark" {
		return
	}
	debug.SetGCPercent(-1)
	mode, arguments := os.Args[2], os.Args[3:]
	switch mode {
	case "live":
		measureLive(func() { kinds[arguments[0]](integer(arguments[1])) }, integer(arguments[2]))
	case "copies":
		measureLive(func() { buildCopies(arguments[0], integer(arguments[1])) }, integer(arguments[2]))
	case "dead":
		measureDead(integer(arguments[0]), integer(arguments[1]))
	case "little":
		measureLittle(integer(arguments[0]), integer(arguments[1]))
	default:
		panic("no such mode: " + mode)
	}
	os.Exit(0)
}

func measureLive(build func(), count int) {
	runtime.GC()
	before := figures()
	build()
	runtime.GC()
	live := figures()
	fmt.Println(live.HeapObjects-before.HeapObjects, live.HeapAlloc-before.HeapAlloc)
	for ; count > 0; count-- {
		fmt.Println(collection())
	}
}

func measureDead(n, count int) {
	runtime.GC()
	before := figures()
	chain(n)
	fmt.Println(figures().HeapInuse - before.HeapInuse)
	letGo()
	runtime.GC()
	for ; count > 0; count-- {
		chain(n)
		letGo()
		fmt.Println(collection())
	}
}

func measureLittle(n, count int) {
	chain(n)
	runtime.GC()
	begin := now()
	for ; count > 0; count-- {
		runtime.GC()
	}
	fmt.Println(now() - begin)
}

// The halves of runtime.GC. Needs -ldflags=-checklinkname=0, and a file of assembly beside this one, without which the
// compiler insists on bodies.

type gcTrigger struct {
	kind int
	now  int64
	n    uint32
}

const gcTriggerCycle = 2

//go:linkname gcStart runtime.gcStart
func gcStart(trigger gcTrigger)

//go:linkname gcWaitOnMark runtime.gcWaitOnMark
func gcWaitOnMark(n uint32)

//go:linkname sweepone runtime.sweepone
func sweepone() uintptr

//go:linkname isSweepDone runtime.isSweepDone
func isSweepDone() bool

// collection does what runtime.GC does: nanoseconds of the processor and on the wall until all is marked, and of the
// processor for sweeping. Nothing is left to sweep when it begins.
func collection() (int64, int64, int64) {
	n := figures().NumGC + 1
	begin, wall := now(), time.Now()
	gcStart(gcTrigger{kind: gcTriggerCycle, n: n})
	gcWaitOnMark(n)
	elapsed := time.Since(wall).Nanoseconds()
	middle := now()
	for sweepone() != ^uintptr(0) {
	}
	for !isSweepDone() {
		runtime.Gosched()
	}
	return middle - begin, elapsed, now() - middle
}

func figures() runtime.MemStats {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats
}

// now is what the process has used of the processor: on a busy machine, time that it waited does not count.
func now() int64 {
	const clockProcessCPUTime = 2
	var time syscall.Timespec
	syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, clockProcessCPUTime, uintptr(unsafe.Pointer(&time)), 0)
	return time.Nano()
}

func integer(text string) int {
	n, err := strconv.Atoi(text)
	check(err)
	return n
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
