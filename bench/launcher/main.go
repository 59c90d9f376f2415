// The launcher runs one command and says what it used, so that the harness is not in the figures.
//
//	launcher FILE COMMAND ARGUMENT...
//
// writes to FILE, on one line: wall nanoseconds, user and system microseconds, peak resident KiB, exit code.
//
// A process inherits, in the kernel's account, the peak memory of the one that started it. Started by a Python of 30 MB, an
// empty program seems to use 30 MB; started from here, the floor is what this small program uses.
package main

import (
	"os"
	"strconv"
	"syscall"
	"time"
)

func main() {
	files := []uintptr{0, 1, 2}
	begin := time.Now()
	pid, err := syscall.ForkExec(os.Args[2], os.Args[2:], &syscall.ProcAttr{Env: os.Environ(), Files: files})
	if err != nil {
		os.Stderr.WriteString(os.Args[2] + ": " + err.Error() + "\n")
		os.Exit(127)
	}
	var status syscall.WaitStatus
	var usage syscall.Rusage
	for {
		if _, err = syscall.Wait4(pid, &status, 0, &usage); err != syscall.EINTR {
			break
		}
	}
	wall := time.Since(begin).Nanoseconds()
	code := status.ExitStatus()
	if status.Signaled() {
		code = -int(status.Signal())
	}
	line := ""
	for _, n := range []int64{wall, micros(usage.Utime), micros(usage.Stime), usage.Maxrss, int64(code)} {
		line += strconv.FormatInt(n, 10) + " "
	}
	if os.WriteFile(os.Args[1], []byte(line), 0o644) != nil {
		os.Exit(126)
	}
}

func micros(t syscall.Timeval) int64 {
	return t.Sec*1_000_000 + t.Usec
}
