// See collections.go.
package main

import (
	"os"
	"syscall"
	"unsafe"
)

// The heap of a real program, built several times over. The file has words of 64 bits: see bench/graphs.py.

const maxCopies = 4096

// copies are the roots of each copy, in an object of pointers.
var copies [maxCopies]unsafe.Pointer

// goType is internal/abi.Type.
type goType struct {
	size     uintptr
	ptrBytes uintptr
	hash     uint32
	tflag    uint8
	align    uint8
	fieldAln uint8
	kind     uint8
	equal    func(unsafe.Pointer, unsafe.Pointer) bool
	gcData   *uint64
	str      int32
	ptrTo    int32
}

const kindStruct = 25

//go:linkname mallocgc runtime.mallocgc
func mallocgc(size uintptr, typ *goType, needzero bool) unsafe.Pointer

// buildCopies builds the heap. Nothing is collected meanwhile, so the objects need no roots yet.
func buildCopies(name string, count int) {
	words := mapped(name)
	numbers, words := words[:5], words[5:]
	typeWords, words := words[:2*numbers[0]], words[2*numbers[0]:]
	masks, words := words[:numbers[1]], words[numbers[1]:]
	objects, words := words[:numbers[2]], words[numbers[2]:]
	edges, roots := words[:numbers[3]], words[numbers[3]:]

	types := unsafe.Slice((*goType)(outside(uintptr(numbers[0])*unsafe.Sizeof(goType{}))), numbers[0])
	for i := range types {
		typ := &types[i]
		typ.size, typ.ptrBytes = uintptr(typeWords[2*i]&low), uintptr(typeWords[2*i]>>32)
		typ.align, typ.fieldAln, typ.kind = 8, 8, kindStruct
		if typ.ptrBytes != 0 {
			typ.gcData = &masks[typeWords[2*i+1]]
		}
	}
	addrs := unsafe.Slice((*unsafe.Pointer)(outside(uintptr(8*len(objects)))), len(objects))
	for i := range count {
		copies[i] = buildCopy(types, addrs, objects, edges, roots)
	}
}

const low = 1<<32 - 1

func buildCopy(types []goType, addrs []unsafe.Pointer, objects, edges, roots []uint64) unsafe.Pointer {
	for i, object := range objects {
		typ := &types[object&low]
		if typ.ptrBytes == 0 {
			addrs[i] = mallocgc(typ.size, nil, true)
		} else {
			addrs[i] = mallocgc(typ.size, typ, true)
		}
	}
	for i, object := range objects {
		for _, edge := range edges[:object>>32] {
			*(*unsafe.Pointer)(unsafe.Add(addrs[i], 8*(edge&low))) = addrs[edge>>32]
		}
		edges = edges[object>>32:]
	}
	held := make([]unsafe.Pointer, len(roots))
	for i, root := range roots {
		held[i] = addrs[root]
	}
	return unsafe.Pointer(unsafe.SliceData(held))
}

// outside is zeroed memory outside of the heap.
func outside(size uintptr) unsafe.Pointer {
	data, err := syscall.Mmap(-1, 0, int(size), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
	check(err)
	return unsafe.Pointer(unsafe.SliceData(data))
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
