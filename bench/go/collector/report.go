// The Go side of the programs of `make bench-mark`: this file is compiled into a program, and says on standard error at
// its end what the collector did.
package main

import (
	"fmt"
	"os"
	"runtime/metrics"
)

func init() {
	main()
	samples := []metrics.Sample{{Name: "/cpu/classes/gc/total:cpu-seconds"}, {Name: "/gc/cycles/total:gc-cycles"}}
	metrics.Read(samples)
	fmt.Fprintln(os.Stderr, samples[0].Name, samples[0].Value.Float64())
	fmt.Fprintln(os.Stderr, samples[1].Name, samples[1].Value.Uint64())
	os.Exit(0)
}
