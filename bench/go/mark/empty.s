// See spans.go.
