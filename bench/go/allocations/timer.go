// The Go side of `make bench-malloc`: the loops of bench/workloads/allocations.toy, timed by this file.
//
//	allocations measure reused KIND N LAPS BALLAST    collection off; between two laps all is collected
//	allocations measure new KIND N              collection off; memory that the process never had before
//	allocations measure collected KIND N        GOGC=100, nothing stays alive
//	allocations measure refill N LAPS           each allocation takes a span with one free slot
//	allocations measure spans PAGES CLASS N LAPS BALLAST
//	allocations measure memory KIND N           N objects that stay alive
//	allocations measure threads KIND N COUNT    GOGC=100, N objects on each of so many goroutines
//
// prints nanoseconds of the processor, one line for each lap; `spans` has two of them on a line, for alloc and for free; `memory` prints
// Sys and HeapSys; `threads` prints nanoseconds of the clock on the wall. With other arguments the program does what it says itself.
package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

var kinds = map[string]func(int){
	"tiny1": tiny1, "tiny4": tiny4, "tiny8": tiny8,
	"noscan16": noscan16, "noscan32": noscan32, "noscan64": noscan64,
	"noscan128": noscan128, "noscan512": noscan512, "noscan1024": noscan1024,
	"scan16": scan16, "scan32": scan32, "scan64": scan64,
	"scan128": scan128, "scan512": scan512, "scan1024": scan1024,
	"pointers16": pointers16, "pointers32": pointers32, "pointers64": pointers64,
	"pointers128": pointers128, "pointers512": pointers512, "pointers1024": pointers1024,
	"written128": written128, "written1024": written1024,
	"large32K": large32K, "large64K": large64K, "large1M": large1M, "large16M": large16M,
	"alone16": alone16, "alone64": alone64, "alone512": alone512,
	"list16": list16, "list64": list64, "list1024": list1024,
}

// Before main, which is the program's own.
func init() {
	if len(os.Args) < 3 || os.Args[1] != "measure" {
		return
	}
	measure(os.Args[2], os.Args[3:])
	os.Exit(0)
}

func measure(mode string, arguments []string) {
	debug.SetGCPercent(-1)
	if mode == "refill" {
		fill(integer(arguments[0]))
		laps(noscan128, integer(arguments[0]), integer(arguments[1]))
		return
	}
	if mode == "spans" {
		ballast(integer(arguments[4]))
		measureSpans(integer(arguments[0]), integer(arguments[1]), integer(arguments[2]), integer(arguments[3]))
		return
	}
	loop, n := kinds[arguments[0]], integer(arguments[1])
	switch mode {
	case "reused":
		ballast(integer(arguments[3]))
		loop(n)
		runtime.GC()
		loop(n) // only now is every page touched: in new memory, nobody clears what is known to be zero
		laps(loop, n, integer(arguments[2]))
	case "new":
		fmt.Println(timed(loop, n))
	case "collected":
		debug.SetGCPercent(100)
		loop(n / 8)
		fmt.Println(timed(loop, n))
	case "memory":
		loop(n)
		runtime.GC()
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		fmt.Println(stats.Sys, stats.HeapSys)
	case "threads":
		debug.SetGCPercent(100)
		fmt.Println(together(loop, n, integer(arguments[2])))
	default:
		panic("no such mode: " + mode)
	}
}

// laps times the loop again and again, each time after a collection.
func laps(loop func(int), n, count int) {
	for ; count > 0; count-- {
		runtime.GC()
		fmt.Println(timed(loop, n))
	}
}

func timed(loop func(int), n int) int64 {
	begin := now()
	loop(n)
	return now() - begin
}

// together runs the loop on several goroutines at once; their objects die at once, too.
func together(loop func(int), n, count int) int64 {
	var group sync.WaitGroup
	begin := time.Now()
	for ; count > 0; count-- {
		group.Go(func() { loop(n) })
	}
	group.Wait()
	return time.Since(begin).Nanoseconds()
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
	if err != nil {
		panic(err)
	}
	return n
}
