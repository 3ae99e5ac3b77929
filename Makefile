# Every target works on a fresh machine with Go and make.

BIN     := bin/octave-enrich
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)
FUZZTIME ?= 60s

.DEFAULT_GOAL := help

help: ## what there is to make
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

build: ## the binary, in bin/
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN) ./cmd/octave-enrich

demo: build ## enrich a sample against the embedded agent, killed once and resumed
	@samples/demo.sh $(BIN)

test: ## all tests
	go test ./...

race: ## all tests under the race detector
	go test -race ./...

.PHONY: help build demo test race
