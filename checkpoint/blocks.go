package checkpoint

import (
	"bytes"
	"io"
	"sync"
)

const (
	blockSize  = 64 << 10
	blocksHeld = 32
)

// blocks reads lines of a file through the blocks that were read last. Rows ask for
// answers roughly in the order in which they were given: a call of the system for
// each of them would take longer than to decode it.
type blocks struct {
	f    io.ReaderAt
	mu   sync.Mutex
	held [blocksHeld]block // by number, modulo
}

type block struct {
	begin int64
	bytes []byte
}

// line reads the line that begins at offset, without its newline, of a file whose
// first size bytes do not change any more. It returns io.EOF if they end before the
// line does.
func (b *blocks) line(offset, size int64) (line []byte, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for offset < size && len(line) <= maxLine {
		part, err := b.from(offset, size)
		if err != nil {
			return nil, err
		}
		if n := bytes.IndexByte(part, '\n'); n >= 0 {
			return append(line, part[:n]...), nil
		}
		line = append(line, part...)
		offset += int64(len(part))
	}
	return nil, io.EOF
}

// from is what the block around offset holds from there on: a byte at least.
func (b *blocks) from(offset, size int64) ([]byte, error) {
	begin := offset / blockSize * blockSize
	want := min(blockSize, size-begin)
	h := &b.held[begin/blockSize%blocksHeld]
	if h.begin != begin || int64(len(h.bytes)) < want {
		if h.bytes == nil {
			h.bytes = make([]byte, blockSize)
		}
		n, err := b.f.ReadAt(h.bytes[:want], begin)
		h.begin, h.bytes = begin, h.bytes[:n]
		if err != nil && err != io.EOF {
			return nil, err
		}
	}
	if offset-begin >= int64(len(h.bytes)) {
		return nil, io.EOF // somebody cut the file
	}
	return h.bytes[offset-begin:], nil
}
