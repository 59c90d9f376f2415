// The Go side of `make bench-traces`: the operations of bench/replay.py, played against Go's allocator.
//
//	replay FILE SLOTS REPETITIONS touch|fill END...
//
// FILE has the decoded words. Prints nanoseconds of the processor, one line for each repetition; then by how many KiB
// the resident memory grew in the first one, at its peak, and after so many words as each END says.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"unsafe"
)

const (
	opMalloc = iota
	opFree
	opGrow
	opKeep
)

const touchStep = 4096

var slots []unsafe.Pointer

func main() {
	ops := mapped(os.Args[1])
	slots = make([]unsafe.Pointer, integer(os.Args[2]))
	repetitions, fill := integer(os.Args[3]), os.Args[4] == "fill"
	ends := make([]int, len(os.Args)-5)
	for i := range ends {
		ends[i] = integer(os.Args[5+i])
	}
	atEnds := make([]int, len(ends))
	runtime.GC()
	before := resident("VmRSS:")
	forgetPeak()
	times := make([]int64, repetitions)
	grown := 0
	for i := range times {
		begin := now()
		from := 0
		for j := 0; i == 0 && j < len(ends); j++ {
			replay(ops, from, ends[j], fill)
			atEnds[j] = resident("VmRSS:") - before
			from = ends[j]
		}
		replay(ops, from, len(ops), fill)
		times[i] = now() - begin
		clear(slots)
		if i == 0 {
			grown = resident("VmHWM:") - before
		}
	}
	for _, time := range times {
		fmt.Println(time)
	}
	fmt.Println(grown)
	for _, grown := range atEnds {
		fmt.Println(grown)
	}
}

func replay(ops []uint64, from, to int, fill bool) {
	slots := slots
	ops = ops[:to]
	for i := from; i < len(ops); i++ {
		op := ops[i]
		slot, size := uint32(op)>>2, int(op>>32)
		switch op & 3 {
		case opMalloc:
			made := unsafe.Pointer(unsafe.SliceData(make([]byte, size)))
			write(made, size, i, fill)
			slots[slot] = made
		case opFree:
			slots[slot] = nil
		case opGrow:
			i++
			grown := grow(slots[slot], ops[i], size)
			write(grown, size, i, fill)
			slots[slot] = grown
		case opKeep:
			touch(slots[slot], size, i)
		}
	}
}

func grow(old unsafe.Pointer, extent uint64, size int) unsafe.Pointer {
	length, room := int(uint32(extent)), int(extent>>32)
	grown := append(unsafe.Slice((*byte)(old), room)[:length], make([]byte, size-length)...)
	return unsafe.Pointer(unsafe.SliceData(grown))
}

func write(object unsafe.Pointer, size, tag int, fill bool) {
	if fill {
		bytes := unsafe.Slice((*byte)(object), size)
		for i := range bytes {
			bytes[i] = byte(tag)
		}
	}
	touch(object, size, tag)
	for offset := touchStep; offset < size; offset += touchStep {
		*(*byte)(unsafe.Add(object, offset)) = 1
	}
}

func touch(object unsafe.Pointer, size, tag int) {
	if size >= 8 {
		*(*uint64)(object) = uint64(tag)
	} else if size != 0 {
		*(*byte)(object) = byte(tag)
	}
}

// mapped is a file of words, outside of the heap.
func mapped(name string) []uint64 {
	file, err := os.Open(name)
	check(err)
	info, err := file.Stat()
	check(err)
	data, err := syscall.Mmap(int(file.Fd()), 0, int(info.Size()), syscall.PROT_READ, syscall.MAP_PRIVATE|syscall.MAP_POPULATE)
	check(err)
	return unsafe.Slice((*uint64)(unsafe.Pointer(&data[0])), len(data)/8)
}

// resident is a line of the kernel's account of this process, in KiB.
func resident(name string) int {
	status, err := os.ReadFile("/proc/self/status")
	check(err)
	_, rest, _ := strings.Cut(string(status), name)
	return integer(strings.Fields(rest)[0])
}

// forgetPeak makes VmHWM start anew from what is resident now.
func forgetPeak() {
	check(os.WriteFile("/proc/self/clear_refs", []byte("5"), 0))
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
