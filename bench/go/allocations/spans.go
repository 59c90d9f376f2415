package main

import (
	"fmt"
	"unsafe"
)

// The page heap of Go's runtime, called as the runtime calls it. Needs -ldflags=-checklinkname=0, and a file of
// assembly beside this one, without which the compiler insists on bodies.

//go:linkname pageHeap runtime.mheap_
var pageHeap byte

//go:linkname allocSpan runtime.(*mheap).alloc
func allocSpan(heap *byte, npages uintptr, spanClass uint8) unsafe.Pointer

//go:linkname freeSpan runtime.(*mheap).freeSpan
func freeSpan(heap *byte, span unsafe.Pointer)

// measureSpans times n spans being allocated and then freed.
func measureSpans(npages, spanClass, n, laps int) {
	spans := make([]unsafe.Pointer, n)
	for lap := -1; lap < laps; lap++ {
		begin := now()
		for i := range spans {
			spans[i] = allocSpan(&pageHeap, uintptr(npages), uint8(spanClass))
		}
		middle := now()
		for _, span := range spans {
			freeSpan(&pageHeap, span)
		}
		end := now()
		if lap >= 0 { // the one before made the heap grow
			fmt.Println(middle-begin, end-middle)
		}
	}
}
