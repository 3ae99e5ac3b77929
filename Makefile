# Every target works on a fresh machine with Go and make.

BIN     := bin/octave-enrich
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)
FUZZTIME ?= 60s

LINT := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GREMLINS := github.com/go-gremlins/gremlins/cmd/gremlins@v0.6.0
DEADCODE := golang.org/x/tools/cmd/deadcode@v0.52.0
VULN := golang.org/x/vuln/cmd/govulncheck@v1.9.0

# What is released is built without cgo: so it is tested and read, too.
export CGO_ENABLED := 0

.DEFAULT_GOAL := help

help: ## what there is to make
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

build: ## the binary, in bin/
	go build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN) ./cmd/octave-enrich

man: build ## the manual pages, in bin/man
	$(BIN) man bin/man

demo: build ## enrich a sample against the embedded agent, killed once and resumed
	@samples/demo.sh $(BIN)

# The race detector needs a C compiler. make test has it where something happens at
# the same time: where there are locks, atomics or groups. make race has it in all
# the rest, the command too, whose scripts start hundreds of processes.
RACE  := $(if $(shell command -v gcc),-race)
RACED  = $(filter-out ./cmd/octave-enrich,$(shell grep -rlE 'sync\.(Cond|Map|Mutex|Pool|RWMutex|WaitGroup)\>|"(sync/atomic|golang.org/x/sync/errgroup)"' --include='*.go' ./* | xargs dirname | sort -u))
OTHER  = $(filter-out octave-enrich/cmd/octave-enrich $(RACED:./%=octave-enrich/%),$(shell go list ./...))

test: ## the tests; where something happens at the same time under the race detector, if gcc is there
	@# Scripts wait more than they work: several at a time keep the cores busy.
	@failed=; set -x; \
	go test -parallel 6 -timeout 20m ./cmd/octave-enrich $(OTHER) || failed=yes; \
	$(if $(RACE),CGO_ENABLED=1 )go test $(RACE) -timeout 20m $(RACED) || failed=yes; \
	test -z "$$failed"
	@$(if $(RACE),,echo 'left out: the race detector, for want of gcc')
	@echo 'left out: the race detector in the command and where nothing happens at the same time (make race); the pace beside an oracle (make pace)'
	@echo 'left out: what needs nginx (make gateway), Chromium (make browser), PostgreSQL (make fleet-test) or a root of its own (make schedules)'
	@echo 'left out: what takes long (make crash, fuzz, mutants)'

race: ## the other tests under the race detector, too
	@# Else each of the processes that the scripts start sleeps a second at its end.
	GORACE=atexit_sleep_ms=0 CGO_ENABLED=1 go test -race -parallel 6 -timeout 30m ./cmd/octave-enrich $(OTHER)

CRASH_SEEDS ?= 24
CRASH_KILLS ?= 240
CRASH_ROWS  ?= 20000

crash: build ## kill runs at random moments while the service fails; its ledger is the witness
	CRASH_BIN='$(abspath $(BIN))' CRASH_SEEDS=$(CRASH_SEEDS) CRASH_KILLS=$(CRASH_KILLS) CRASH_ROWS=$(CRASH_ROWS) \
		go test -count 1 -timeout 30m -v -run '^TestCrash' ./cmd/octave-enrich

gateway: ## nginx, installed when missing, cuts off calls that are billed: the service's ledger is the witness
	@cmd/octave-enrich/testdata/gateway.sh

browser: ## the report and review pages in headless Chromium, installed when missing
	@pipeline/report/testdata/browser.sh

screenshots: build ## pictures of the report and review pages for the README, in samples/screens
	@samples/screens.sh $(BIN)

fleet-test: ## a fleet on PostgreSQL, installed when missing: workers, runs and database are killed
	@pipeline/fleet/testdata/postgres.sh

schedules: build ## the schedules of samples, word by word in an empty root, with systemd's checker, installed when missing
	@cmd/octave-enrich/testdata/schedules.sh '$(abspath $(BIN))'

dist: ## a release in dist/: archives for six platforms, .deb, .rpm, an image, checksums
	@VERSION='$(VERSION)' .ci/dist

dist-check: dist ## build it once more, at another place and as another hour, and compare every byte
	@VERSION='$(VERSION)' .ci/dist-check

fuzz: ## every fuzz target for FUZZTIME (default 60s)
	@grep -roE --include='*_test.go' '^func Fuzz[A-Za-z]+' . | sed 's|/[^/]*:func | |' | sort | while read -r dir target; do \
		echo "== $$dir $$target"; \
		go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) "$$dir" </dev/null || exit 1; \
	done

mutants: ## change the program in many small ways and see whether its tests notice; takes hours
	@# Without -count=1 its time limit comes from the test cache.
	GOFLAGS=-count=1 go run $(GREMLINS) unleash --threshold-efficacy 95 -E durabletest ./checkpoint
	@for package in octave pipeline writer; do GOFLAGS=-count=1 go run $(GREMLINS) unleash --threshold-efficacy 85 ./$$package || exit 1; done

quirks: ## 10,000 lists as tools write them down, through reader and writer and back
	go test ./writer -run '^TestQuirks$$' -rapid.checks 10000

pace: ## how near to an oracle the pace of a run and of 3 and 20 hosts comes, in virtual time
	@out=$$(go test -count 1 -v -run '^TestPace' ./pipeline ./pipeline/fleet 2>&1); code=$$?; echo "$$out" | sed -n 's/.*_test.go:[0-9]*: //p'; exit $$code

bench: ## benchmarks, one package at a time; figures with a target say (want...)
	go test -p 1 -run '^$$' -bench . -timeout 60m ./...

lint: ## formatting, modules, vet, staticcheck and the other linters of .golangci.yml; code that nobody calls
	@test -z "$$(gofmt -l .)" || { gofmt -l .; exit 1; }
	go mod tidy -diff
	go run $(LINT) run ./...
	@# Unmarshalling is called by the decoders, which it cannot see.
	@dead=$$(go run $(DEADCODE) -test -tags fleet,browser,gateway,schedules ./...) || exit 1; \
	dead=$$(echo "$$dead" | grep -v 'Columns\.\(Unmarshal\|read\)' || true); \
	test -z "$$dead" || { echo "$$dead"; exit 1; }

platforms: ## the binary builds on other systems; make dist builds all six platforms
	@for platform in darwin/arm64 windows/amd64; do \
		echo "== $$platform"; \
		GOOS=$${platform%/*} GOARCH=$${platform#*/} go build ./... || exit 1; \
	done

vuln: ## known vulnerabilities of what is linked, where their database can be reached
	@# Reading the binary costs a third of reading the source. The source is read only when
	@# something was found in the binary, to see whether it is called.
	@folder=$$(mktemp -d); trap 'rm -r "$$folder"' EXIT; \
	go build -o "$$folder" ./cmd/octave-enrich || exit 1; \
	out=$$(go run $(VULN) -mode binary "$$folder/octave-enrich" 2>&1); code=$$?; echo "$$out"; \
	case "$$code $$out" in \
	0*) ;; \
	*"fetching vulnerabilities"*) echo "not checked: the database cannot be reached from here" ;; \
	*) go run $(VULN) ./... ;; esac

check: lint test demo ## what has to pass before a change lands; .ci/run does more

.PHONY: help build man demo test race crash fuzz mutants quirks pace bench lint platforms vuln check gateway browser screenshots fleet-test schedules dist dist-check
